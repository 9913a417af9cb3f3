// The DreamBooth paper's own ablations as a matrix, as files: `pipeline ablate paper`.
import { fileURLToPath } from 'node:url';

const file = (name: string): string =>
  // src/ and dist/ both lie beside matrices/.
  fileURLToPath(new URL(`../matrices/${name}`, import.meta.url));

/** The matrix, and what is laid over it to have it done in minutes. */
export const paperMatrix: { readonly path: string; readonly fast: string } = {
  path: file('paper.yaml'),
  fast: file('paper.fast.yaml'),
};
