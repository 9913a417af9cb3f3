// What the report's page does: a label for what the pointer is on, and pictures enlarged. Plain browser JavaScript.
export const PAGE_SCRIPT = `
(() => {
  const tip = document.getElementById('tip');
  // The charts' titles become labels of our own: they come at once and look like the page.
  for (const title of document.querySelectorAll('svg title')) {
    title.parentNode.setAttribute('data-tip', title.textContent);
    title.remove();
  }
  const show = (event) => {
    const on = event.target.closest?.('[data-tip]');
    tip.classList.toggle('on', Boolean(on));
    if (!on) return;
    if (tip.textContent !== on.dataset.tip && on.getAttribute('data-tip')) tip.textContent = on.getAttribute('data-tip');
    const box = event.type === 'focusin' ? on.getBoundingClientRect() : { left: event.clientX, bottom: event.clientY };
    const left = Math.min(box.left + 14, innerWidth - tip.offsetWidth - 8);
    const below = box.bottom + 16 + tip.offsetHeight < innerHeight;
    tip.style.left = Math.max(8, left) + 'px';
    tip.style.top = (below ? box.bottom + 16 : box.bottom - tip.offsetHeight - 10) + 'px';
  };
  addEventListener('pointermove', show, { passive: true });
  addEventListener('focusin', show);
  addEventListener('scroll', () => tip.classList.remove('on'), { passive: true });
  const dialog = document.querySelector('dialog');
  addEventListener('click', (event) => {
    const picture = event.target.closest?.('.grid img');
    if (picture) {
      dialog.querySelector('img').src = picture.src;
      dialog.querySelector('p').textContent = picture.alt;
      dialog.showModal();
    } else if (dialog?.open) dialog.close();
  });
})();
`;
