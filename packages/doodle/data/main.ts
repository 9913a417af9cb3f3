// `npm run doodle-data`: makes the pictures that the bundled model is trained and measured on.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { LikenessError } from '@likeness/engine';
import { readArguments, USAGE } from './arguments.ts';
import { openDataset, writeMetadata, type DatasetRequest } from './dataset.ts';
import { SUBJECTS } from './heldOut.ts';
import { Painter } from './painter.ts';
import type { PicturePlan } from './plan.ts';
import { encodePicture } from './png.ts';
import {
  INSTANCE_PICTURES,
  STYLES,
  stylePlans,
  subjectFacts,
  SUBJECT_SIZE_PX,
  subjectPlans,
} from './subjects.ts';
import { vocabulary } from './vocabulary.ts';
import { drawInWorkers } from './workers.ts';

try {
  await main();
} catch (error) {
  if (!(error instanceof LikenessError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}

async function main(): Promise<void> {
  const job = readArguments(process.argv.slice(2));
  if (job.make === 'help') {
    console.log(USAGE);
    return;
  }
  if (job.make === 'pictures') return makePictures(job.request, job.workers);
  await mkdir(job.outputDir, { recursive: true });
  if (job.make === 'subjects') return makeSubjects(job.outputDir);
  if (job.make === 'vocabulary') {
    return writeFile(join(job.outputDir, 'vocabulary.json'), `${JSON.stringify(vocabulary(), null, 2)}\n`);
  }
  const { drawSheets } = await import('./sheets.ts'); // loads core, which pictures do without
  for await (const [name, webp] of drawSheets()) await writeFile(join(job.outputDir, `${name}.webp`), webp);
}

async function makePictures(request: DatasetRequest, workers: number): Promise<void> {
  const missing = await openDataset(request);
  const start = performance.now();
  const rate = (done: number): string =>
    `${(done / ((performance.now() - start) / 1000)).toFixed(0)} a second`;
  let shown = start;
  await drawInWorkers(request, missing, {
    script: new URL('./dataWorker.js', import.meta.url),
    workers,
    onProgress: (done) => {
      if (performance.now() - shown < 2000) return;
      shown = performance.now();
      const secondsLeft = ((shown - start) / 1000 / done) * (missing.length - done);
      const left = secondsLeft < 60 ? `${secondsLeft.toFixed(0)} s` : `${(secondsLeft / 60).toFixed(0)} min`;
      console.error(`${String(done)} of ${String(missing.length)} pictures, ${rate(done)}, ${left} left`);
    },
  });
  await writeMetadata(request);
  console.error(
    `${String(missing.length)} pictures made, ${rate(missing.length)}; ${String(request.count)} in ${request.outputDir}`,
  );
}

async function makeSubjects(outputDir: string): Promise<void> {
  const painter = new Painter(SUBJECT_SIZE_PX);
  for (const subject of SUBJECTS)
    await writePhotos(painter, join(outputDir, subject.name), subjectPlans(subject));
  for (const { id } of STYLES) await writePhotos(painter, join(outputDir, 'styles', id), stylePlans(id));
  await writeFile(join(outputDir, 'subjects.json'), `${JSON.stringify(subjectFacts(), null, 1)}\n`);
}

/** `01.png` … and the others in `further/`. */
async function writePhotos(painter: Painter, folder: string, plans: readonly PicturePlan[]): Promise<void> {
  await mkdir(join(folder, 'further'), { recursive: true });
  for (const [i, plan] of plans.entries()) {
    const further = i >= INSTANCE_PICTURES;
    const name = `${String(further ? i + 1 - INSTANCE_PICTURES : i + 1).padStart(2, '0')}.png`;
    const png = encodePicture(await painter.paint(plan), SUBJECT_SIZE_PX);
    await writeFile(join(folder, further ? 'further' : '', name), png);
  }
}
