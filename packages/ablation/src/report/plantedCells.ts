// Test helper: made-up results with known effects, so that what was planted must be found and what was not must be
// called not detectable. No number of it comes from a model.
import { createRng } from '@likeness/core';
import type { CellResult, FactorValue } from '../cellResult.ts';
import type { MetricFacts, ReportOptions } from './reportOptions.ts';

export const PLANTED_METRICS: readonly MetricFacts[] = [
  {
    name: 'dino',
    description: 'pictures of the subject against its instance pictures, DINO',
    better: 'higher',
  },
  { name: 'clipT', description: 'pictures of the subject against their prompts, CLIP', better: 'higher' },
  { name: 'div', description: 'pictures of one prompt against each other, LPIPS', better: 'higher' },
  { name: 'drift', description: 'unrelated prompts: tuned against base model, same seeds', better: 'lower' },
  { name: 'exportBytes', description: 'size of the files that were exported', better: 'lower' },
  { name: 'trainedParameters', description: 'numbers that were trained', better: 'lower' },
];

/** What each method adds to the baseline: `div` is 0 everywhere, `clipT` of `lora` is 0. */
export const PLANTED: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  dreambooth: { dino: 0, clipT: 0, div: 0, drift: 0, exportBytes: 16_400_000, trainedParameters: 4_100_000 },
  'dreambooth+ppl': {
    dino: -0.02,
    clipT: 0.012,
    div: 0,
    drift: -0.09,
    exportBytes: 16_400_000,
    trainedParameters: 4_100_000,
  },
  lora: { dino: -0.05, clipT: 0, div: 0, drift: -0.06, exportBytes: 590_000, trainedParameters: 147_000 },
  'textual-inversion': {
    dino: -0.16,
    clipT: 0.02,
    div: 0,
    drift: -0.16,
    exportBytes: 2_300,
    trainedParameters: 192,
  },
};

/** What leaving out the class noun adds, and what it adds further for `textual-inversion`. */
export const PLANTED_NOUN = { dino: -0.03, interaction: 0.03 };

const START: Readonly<Record<string, number>> = { dino: 0.62, clipT: 0.27, div: 0.4, drift: 0.2 };
const NOISE: Readonly<Record<string, number>> = { dino: 0.015, clipT: 0.008, div: 0.03, drift: 0.015 };
export const SUBJECTS = ['robot', 'dog', 'clock', 'teapot', 'backpack', 'sneaker'];
export const PROMPTS = ['a photo of sks {} on the beach', 'a photo of sks {} in the snow'];

export interface PlantedOptions {
  readonly subjects?: readonly string[];
  readonly seeds?: number;
  /** A second axis. */
  readonly classNouns?: boolean;
  readonly seed?: number;
  readonly sample?: (cell: { method: string; subject: string; seed: number }, prompt: number) => string;
}

/** 4 methods × subjects × seeds; scores are start + subject + effect + effect of the subject + noise. */
export function plantedCells({
  subjects = SUBJECTS,
  seeds = 3,
  classNouns = false,
  seed = 7,
  sample,
}: PlantedOptions = {}): CellResult[] {
  const rng = createRng(seed);
  const draw = (purpose: string, step: number, index: number): number =>
    rng.stream(purpose, step, index).normal(1)[0] ?? 0;
  const methods = Object.keys(PLANTED);
  return subjects.flatMap((subject, s) =>
    Array.from({ length: seeds }, (_, seedIndex) => seedIndex).flatMap((seedIndex) =>
      methods.flatMap((method, m) =>
        (classNouns ? ['correct', 'none'] : ['']).map((noun, n) => {
          const factors: Record<string, FactorValue> = {
            method,
            ...(noun === '' ? {} : { classNoun: noun }),
          };
          const measures = Object.entries(PLANTED[method] ?? {}).map(([metric, effect], k) => {
            const start = START[metric];
            if (start === undefined) return [metric, effect] as const;
            const noise = NOISE[metric] ?? 0;
            const ofNoun =
              metric !== 'dino' || noun !== 'none'
                ? 0
                : PLANTED_NOUN.dino + (method === 'textual-inversion' ? PLANTED_NOUN.interaction : 0);
            const score =
              start +
              effect +
              ofNoun +
              3 * noise * draw(`subject ${metric}`, s, k) +
              0.3 * noise * draw(`effect ${metric}`, s, m) +
              noise * draw(`noise ${metric}`, seedIndex * 2 + n, s * 16 + m);
            return [metric, Math.round(score * 1e6) / 1e6] as const;
          });
          return {
            id: `${method}-${noun}-${subject}-${seedIndex}`.padEnd(64, '0'),
            status: 'done' as const,
            factors,
            subject,
            seed: seedIndex,
            measures: Object.fromEntries(measures),
            samples:
              sample === undefined
                ? []
                : PROMPTS.flatMap((prompt, p) =>
                    [100, 101].map((pictureSeed) => ({
                      path: sample({ method, subject, seed: seedIndex }, 2 * p + (pictureSeed - 100)),
                      prompt: prompt.replace('{}', subject),
                      seed: pictureSeed,
                    })),
                  ),
          };
        }),
      ),
    ),
  );
}

export function plantedReport(options: PlantedOptions = {}): ReportOptions {
  return {
    cells: plantedCells(options),
    baseline: { method: 'dreambooth' },
    metrics: PLANTED_METRICS,
    resamples: 2000,
    meta: {
      title: 'Made-up cells',
      question: 'Test data with planted effects: none of these numbers comes from a model.',
      configHash: 'c0ffee'.padEnd(64, '0'),
      versions: { likeness: '0.1.0', tensorflow: '2.18.0' },
      weights: { doodle: 'ab12'.padEnd(64, '0') },
      judges: {
        'Doodle judge (DINO role)': 'cd34'.padEnd(64, '0'),
        'Doodle judge (CLIP role)': 'ef56'.padEnd(64, '0'),
      },
      settings: { maxTrainSteps: 200, resolution: 64 },
    },
  };
}
