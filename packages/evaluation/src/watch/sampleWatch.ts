// Judges the samples of a run while it trains, with the metrics of an evaluation: warns when pictures are memorised, when
// the subject cannot become more alike, when other prompts drift; and says when a rule of the person's holds.
import type { SamplePicture, SampleWatch, Warning, WatchFindings } from '@likeness/core';
import type { Judge } from '../judge.ts';
import { judgePictures, type Sighted } from '../judges/judgePictures.ts';
import { mean } from '../metrics/cosine.ts';
import { computeMeasures } from '../metrics/computeMeasures.ts';
import { drift } from '../metrics/drift.ts';
import { memorised, referenceCosines } from '../metrics/memorisation.ts';
import { dino } from '../metrics/subjectFidelity.ts';
import type { Evidence, PictureMaker, PictureSet } from '../records/record.ts';
import { holds, type StopRule } from './stopRule.ts';

export interface SampleWatchOptions {
  readonly judge: Judge;
  /** Whether a sample prompt shows the subject; the others should stay what they were. */
  readonly showsSubject: (prompt: string) => boolean;
  /** Drift of the other prompts that is warned about. */
  readonly maxDrift: number;
  readonly stopRule?: StopRule;
}

/** Share of memorised pictures that is warned about. */
const MANY = 0.5;

/** A watch for `runPipeline`. */
export function createSampleWatch({
  judge,
  showsSubject,
  maxDrift,
  stopRule = [],
}: SampleWatchOptions): SampleWatch {
  // The judge keeps its process between looks: it is asked every few minutes.
  const { close: _close, ...staying } = judge;
  return {
    async look({ instance, pictures, first, before }): Promise<WatchFindings> {
      const sighted = [
        ...instance.map((image): Sighted => ({
          record: { set: 'reference', maker: 'given', sha256: '' },
          image,
        })),
        ...of(
          pictures.filter(({ prompt }) => showsSubject(prompt)),
          'subject',
          'run',
        ),
        ...of(
          pictures.filter(({ prompt }) => !showsSubject(prompt)),
          'unrelated',
          'run',
        ),
        ...of(
          first.filter(({ prompt }) => !showsSubject(prompt)),
          'unrelated',
          'base',
        ),
      ];
      const judged = await judgePictures(sighted, { dino: staying }, { metrics: [] });
      const evidence: Evidence = { ...judged, facts: {} };
      const ofReferences = mean(referenceCosines(evidence));
      const measures = {
        ...computeMeasures(evidence, [dino, memorised, drift]).measures,
        ...(Number.isNaN(ofReferences) ? {} : { dinoOfReferences: ofReferences }),
      };
      const stop = holds(stopRule, measures);
      return {
        measures,
        warnings: warningsOf(measures, before ?? {}, maxDrift),
        ...(stop === undefined ? {} : { stop }),
      };
    },
    close: async () => judge.close?.(),
  };
}

type Watched = Readonly<Record<string, number>>;

interface Concern {
  readonly code: string;
  readonly isSo: (measures: Watched) => boolean;
  readonly text: (measures: Watched) => string;
}

/** Told when it comes up, and not again while it lasts. */
function warningsOf(measures: Watched, before: Watched, maxDrift: number): Warning[] {
  const shown = (value = NaN): string => value.toFixed(3);
  const concerns: readonly Concern[] = [
    {
      code: 'watch/memorised',
      isSo: ({ memorised: share = 0 }) => share >= MANY,
      text: ({ memorised: share = 0 }) =>
        `${Math.round(100 * share)} % of the subject's pictures are nearer to one instance picture than these are to each other: they are being memorised; an earlier step may be better`,
    },
    {
      code: 'watch/nothing-to-gain',
      isSo: ({ dino: fidelity = NaN, dinoOfReferences: ceiling = NaN }) => fidelity >= ceiling,
      text: ({ dino: fidelity, dinoOfReferences: ceiling }) =>
        `the subject is as like its instance pictures (${shown(fidelity)}) as these are to each other (${shown(ceiling)}): more steps can only copy them`,
    },
    {
      code: 'watch/drift',
      isSo: ({ drift: drifted = 0 }) => drifted > maxDrift,
      text: ({ drift: drifted }) =>
        `pictures of other prompts have drifted by ${shown(drifted)}, more than ${maxDrift}: a lower learning rate, fewer steps or prior preservation keep them`,
    },
  ];
  return concerns
    .filter(({ isSo }) => isSo(measures) && !isSo(before))
    .map(({ code, text }) => ({ code, text: text(measures) }));
}

function of(pictures: readonly SamplePicture[], set: PictureSet, maker: PictureMaker): Sighted[] {
  return pictures.map(({ prompt, seed, image }) => ({
    record: { set, maker, prompt, seed, sha256: '' },
    image,
  }));
}
