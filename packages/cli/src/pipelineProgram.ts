// The command itself as a file, to start it again as a worker.
import { fileURLToPath } from 'node:url';

// src/ and dist/ both lie beside bin/.
export const pipelineProgram: string = fileURLToPath(new URL('../bin/pipeline.js', import.meta.url));
