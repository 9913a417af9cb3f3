// A process that works a matrix of the tiny model off, to be killed: `tinyMatrix FOLDER NAME WORKERS`. It tells events
// line by line.
import { writeSync } from 'node:fs';
import { join } from 'node:path';
import { runTinyMatrix } from './runTinyMatrix.ts';

const [folder = '', name = '', workers = '1'] = process.argv.slice(2);
await runTinyMatrix({
  folder,
  name,
  cacheDir: join(folder, `${name}-cache`),
  workers: Number(workers),
  // At once: what a killed process has said, its parent hears.
  emit: (event) => writeSync(1, `${JSON.stringify(event)}\n`),
});
