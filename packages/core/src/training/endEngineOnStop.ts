// While nothing would be lost, a run that is asked to stop does not wait for what the engine computes: a compile, or the
// encoding of pictures by a large model, lasts minutes. The engine is ended; resuming starts there again.
import type { Engine } from '@likeness/engine';

/** What ends orderly within this does. */
const PATIENCE_MS = 700;
const LOOK_EVERY_MS = 100;

/**
 * Runs work on an engine that may be ended when the run is asked to stop.
 * @param mayEnd asked from then on, again and again: a call of the engine that is worth waiting for says no
 * @throws the signal's reason when the engine was ended
 */
export async function endEngineOnStop<T>(
  engine: Pick<Engine, 'kill'>,
  signal: AbortSignal,
  work: () => Promise<T>,
  mayEnd: () => boolean = () => true,
): Promise<T> {
  let looking: NodeJS.Timeout | undefined;
  let isEnded = false;
  const listen = (): void => {
    const since = performance.now();
    looking = setInterval(() => {
      if (performance.now() - since < PATIENCE_MS || !mayEnd()) return;
      isEnded = true;
      engine.kill();
      clearInterval(looking);
    }, LOOK_EVERY_MS);
  };
  if (signal.aborted) listen();
  else signal.addEventListener('abort', listen, { once: true });
  try {
    return await work();
  } catch (error) {
    throw isEnded ? signal.reason : error;
  } finally {
    signal.removeEventListener('abort', listen);
    clearInterval(looking);
  }
}
