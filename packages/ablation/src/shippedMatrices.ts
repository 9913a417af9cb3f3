// Matrices that come along, as files: the DreamBooth paper's own ablations (`pipeline ablate paper`), and the sweep behind
// the bundled model's settings (`pipeline ablate defaults`).
import { fileURLToPath } from 'node:url';

export interface ShippedMatrix {
  readonly path: string;
  /** What is laid over it to have it done in minutes. */
  readonly fast: string;
}

const matrix = (name: string): ShippedMatrix => ({ path: file(name), fast: file(`${name}.fast`) });

const file = (name: string): string =>
  // src/ and dist/ both lie beside matrices/.
  fileURLToPath(new URL(`../matrices/${name}.yaml`, import.meta.url));

export const paperMatrix: ShippedMatrix = matrix('paper');
export const defaultsMatrix: ShippedMatrix = matrix('defaults');
