// What the blind page does and how it looks. Plain browser JavaScript; the order is drawn anew for every voter.
export const BLIND_STYLE = `
.blind { max-width: 860px; margin: 0 auto; padding: 48px 24px 80px; }
.blind header { margin-bottom: 24px; }
.blind input { font: inherit; font-size: 0.95em; color: inherit; background: var(--soft); border: 1px solid var(--rule); border-radius: 5px; padding: 2px 8px; width: 22em; max-width: 100%; }
.blind #prompt { text-align: center; font-style: italic; max-width: none; min-height: 1.6em; }
.two { display: grid; grid-template-columns: 1fr 1fr; gap: 20px; }
button { font-size: 13.5px; color: var(--ink); background: var(--soft); border: 1px solid var(--rule); border-radius: 6px; padding: 7px 14px; cursor: pointer; }
button:hover:not(:disabled) { border-color: var(--muted); } button:disabled { opacity: 0.45; cursor: default; }
button:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
.choice { padding: 10px; display: grid; gap: 8px; justify-items: center; }
.choice img { width: 100%; aspect-ratio: 1; object-fit: contain; border-radius: 4px; background: var(--paper); }
kbd { font: 11px ui-monospace, Menlo, monospace; color: var(--muted); border: 1px solid var(--rule); border-radius: 3px; padding: 0 4px; margin-left: 4px; }
.bar { display: flex; flex-wrap: wrap; gap: 10px; align-items: center; max-width: none; margin: 18px 0; }
.bar .meta { margin-left: auto; }
progress { width: 100%; height: 4px; appearance: none; border: 0; background: var(--rule); border-radius: 2px; overflow: hidden; }
progress::-webkit-progress-bar { background: var(--rule); } progress::-webkit-progress-value { background: var(--accent); }
progress::-moz-progress-bar { background: var(--accent); }
`;

export const BLIND_SCRIPT = `
(() => {
  const data = JSON.parse(document.getElementById('data').textContent);
  const key = 'likeness-blind-' + data.config;
  const by = (id) => document.getElementById(id);
  const shuffled = () => {
    const order = data.pairs.map((_, index) => index);
    for (let i = order.length - 1; i > 0; i--) {
      const j = Math.floor(Math.random() * (i + 1));
      [order[i], order[j]] = [order[j], order[i]];
    }
    return order.map((pair) => ({ pair, flipped: Math.random() < 0.5 }));
  };
  const fresh = () => ({ order: shuffled(), votes: [], question: by('question').value });
  const load = () => {
    try {
      const kept = JSON.parse(localStorage.getItem(key));
      return kept?.order?.length === data.pairs.length ? kept : undefined;
    } catch { return undefined; }
  };
  const keep = () => { try { localStorage.setItem(key, JSON.stringify(state)); } catch { /* votes then live as long as the page */ } };
  let state = load() ?? fresh();
  by('question').value = state.question;
  let revealed = false;

  function show() {
    const at = state.votes.length;
    const current = state.order[at];
    by('empty').hidden = data.pairs.length > 0;
    by('arena').hidden = current === undefined;
    by('undo').disabled = at === 0;
    by('progress').textContent = at + ' of ' + state.order.length;
    by('done').value = at / Math.max(1, state.order.length);
    if (current !== undefined) {
      const pair = data.pairs[current.pair];
      const sides = current.flipped ? [pair.pictures[1], pair.pictures[0]] : pair.pictures;
      document.querySelectorAll('.choice img').forEach((image, side) => { image.src = data.pictures[sides[side]]; });
      by('prompt').textContent = pair.prompt;
    } else if (data.pairs.length > 0) revealed = true;
    by('tally').hidden = !revealed;
    by('reveal').hidden = revealed;
    if (revealed) tally();
    keep();
  }

  /** Votes as the group's, whichever side it stood on. */
  function outcomes() {
    return state.votes.map((vote, at) => {
      const { pair, flipped } = state.order[at];
      const { pictures, ...about } = data.pairs[pair];
      const winner = vote === 'tie' ? 'tie' : (vote === 'left') === flipped ? about.baseline : about.group;
      return { ...about, shown: flipped ? 'group right' : 'group left', vote, winner };
    });
  }

  function signTest(wins, losses) {
    const n = wins + losses;
    if (n === 0) return NaN;
    let logFactorials = [0];
    for (let i = 1; i <= n; i++) logFactorials.push(logFactorials[i - 1] + Math.log(i));
    let tail = 0;
    for (let k = 0; k <= Math.min(wins, losses); k++)
      tail += Math.exp(logFactorials[n] - logFactorials[k] - logFactorials[n - k] - n * Math.LN2);
    return Math.min(1, 2 * tail);
  }

  function tally() {
    const rows = new Map();
    for (const { group, baseline, winner } of outcomes()) {
      const name = JSON.stringify([group, baseline]);
      const row = rows.get(name) ?? { group, baseline, wins: 0, ties: 0, losses: 0 };
      row[winner === 'tie' ? 'ties' : winner === group ? 'wins' : 'losses'] += 1;
      rows.set(name, row);
    }
    by('tally').querySelector('tbody').replaceChildren(...[...rows.values()].map(({ group, baseline, wins, ties, losses }) => {
      const p = signTest(wins, losses);
      const rate = (wins + ties / 2) / (wins + ties + losses);
      const line = document.createElement('tr');
      [group, baseline, wins, ties, losses, Math.round(100 * rate) + ' %', Number.isNaN(p) ? '–' : p < 0.001 ? '< 0.001' : p.toFixed(3)].forEach((field, index) => {
        const cell = document.createElement(index === 0 ? 'th' : 'td');
        cell.textContent = field;
        line.append(cell);
      });
      return line;
    }));
  }

  function vote(side) {
    if (state.votes.length < state.order.length) { state.votes.push(side); show(); }
  }
  function undo() { state.votes.pop(); show(); }
  document.querySelectorAll('[data-vote]').forEach((button) => button.addEventListener('click', () => vote(button.dataset.vote)));
  by('undo').addEventListener('click', undo);
  by('question').addEventListener('input', () => { state.question = by('question').value; keep(); });
  by('reveal').addEventListener('click', () => { revealed = true; show(); });
  by('restart').addEventListener('click', () => {
    if (state.votes.length > 0 && !confirm('Forget ' + state.votes.length + ' votes?')) return;
    state = fresh(); revealed = false; show();
  });
  by('download').addEventListener('click', () => {
    const file = { title: data.title, config: data.config, question: state.question, votes: outcomes() };
    const link = document.createElement('a');
    link.href = URL.createObjectURL(new Blob([JSON.stringify(file, null, 1) + '\\n'], { type: 'application/json' }));
    link.download = 'votes-' + data.config.slice(0, 12) + '.json';
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  });
  addEventListener('keydown', (event) => {
    if (event.target.tagName === 'INPUT' || event.ctrlKey || event.metaKey || event.altKey) return;
    const action = { ArrowLeft: () => vote('left'), ArrowRight: () => vote('right'), ArrowDown: () => vote('tie'), Backspace: undo }[event.key];
    if (action) { event.preventDefault(); action(); }
  });
  show();
})();
`;
