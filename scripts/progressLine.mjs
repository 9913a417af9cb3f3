// Shows the installer's progress on stderr: one line that changes in a terminal, a few plain ones elsewhere.

const PLAIN_STEP = 0.25;

/** @returns {{ show(progress: { step: string, fraction?: number, message: string }): void, end(): void }} */
export function progressLine(stream = process.stderr) {
  let lastMessage = '';
  let lastFraction = 0;
  let open = false;
  return {
    show({ fraction, message }) {
      const percent = fraction === undefined ? '' : ` ${Math.floor(fraction * 100)} %`;
      if (stream.isTTY) {
        stream.write(`${message === lastMessage ? '\r' : open ? '\n' : ''}\x1b[K${message}${percent}`);
        open = true;
      } else if (message !== lastMessage) {
        stream.write(`${message}\n`);
        lastFraction = 0;
      } else if (fraction !== undefined && fraction >= lastFraction + PLAIN_STEP) {
        stream.write(`${message}${percent}\n`);
        lastFraction = fraction;
      }
      lastMessage = message;
    },
    end() {
      if (open) stream.write('\n');
    },
  };
}
