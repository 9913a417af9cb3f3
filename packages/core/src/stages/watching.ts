// Shows a round of samples to whoever watches the run, and tells what was found.
import { join } from 'node:path';
import type { SamplePicture, SampleWatch } from '../contracts.ts';
import { decodeImage } from '../data/decodeImage.ts';
import { readEvents } from '../runFolder/eventLog.ts';
import type { RunState } from './run.ts';
import type { WrittenSamples } from './samples.ts';

/** @returns whether training ends here */
export async function showSamples(
  { config, folder, emit }: RunState,
  watch: SampleWatch,
  { pictures, instance }: WrittenSamples,
  step: number,
): Promise<boolean> {
  const before = readEvents(folder.path).findLast((event) => event.type === 'measured')?.measures;
  const first = step === 0 ? pictures : await firstSamples(folder.path);
  const { measures, warnings, stop } = await watch.look({ step, instance, pictures, first, before });
  emit({ type: 'measured', step, measures });
  for (const { code, text } of warnings) emit({ type: 'warning', code, text: `step ${step}: ${text}`, step });
  // Nothing has been learned yet at step 0, and at the last step there is nothing to end.
  if (stop === undefined || step === 0 || step === config.maxTrainSteps) return false;
  emit({ type: 'early-stopped', step, maxTrainSteps: config.maxTrainSteps, reason: stop });
  return true;
}

/** The base model's samples, from where the run wrote them: a resumed one has not made them itself. */
async function firstSamples(run: string): Promise<SamplePicture[]> {
  const written = readEvents(run).find((event) => event.type === 'samples-written');
  const pictures: SamplePicture[] = [];
  for (const { path, prompt, seed } of written?.pictures ?? [])
    pictures.push({ prompt, seed, image: await decodeImage(join(run, path)) });
  return pictures;
}
