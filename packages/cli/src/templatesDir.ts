// Files the command copies, as a path: data like any other.
import { fileURLToPath } from 'node:url';

// src/ and dist/ both lie beside templates/.
export const templatesDir: string = fileURLToPath(new URL('../templates', import.meta.url));
