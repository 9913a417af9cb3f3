// An evaluation put together: a run by its name, the judges of settings or those that come along, the user's cache.
// `pipeline evaluate` and matrices of runs call this.
import { cacheDir, ConfigError, openCache, type Warning } from '@likeness/core';
import {
  evaluateSubject,
  evaluationSchema,
  findMetrics,
  openJudges,
  type Evaluation,
  type EvaluationInput,
  type EvaluationSettings,
  type Judges,
} from '@likeness/evaluation';
import { BUNDLED_MODEL, bundledJudges, bundledTokenizer } from '../composition.ts';
import { openSubject, type SubjectFlags } from './openSubject.ts';

export interface EvaluateRunOptions extends SubjectFlags {
  readonly cacheDir?: string | undefined;
  /** Without judges there are pictures and facts, and no scores. Default: then nothing is done, and told why. */
  readonly withoutJudges?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: (what: string, done: number, total: number) => void;
  readonly onWarning?: (warning: Warning) => void;
}

/**
 * Samples, judges and measures a finished run, and writes `evaluation/` into its folder.
 * @param run its folder, or whatever else `pipeline generate` draws with
 * @throws LikenessError for what cannot be evaluated, before anything long starts
 */
export async function evaluateRun(
  run: { readonly runDir: string },
  input: EvaluationInput = {},
  options: EvaluateRunOptions = {},
): Promise<Evaluation> {
  const settings = checkedSettings(input);
  const subject = await openSubject(run.runDir, settings, options);
  const metrics = await findMetrics(settings.metrics);
  const isBundled = (subject.base ?? subject.model).source === BUNDLED_MODEL;
  const judges = await judgesOf(settings, isBundled, options.withoutJudges);
  return evaluateSubject({
    subject,
    settings,
    judges,
    metrics,
    cache: openCache(options.cacheDir ?? cacheDir()),
    signal: options.signal,
    onProgress: options.onProgress,
    onWarning: options.onWarning,
  });
}

/**
 * Hashes of the judges that settings mean: what identifies an evaluation beside its settings. None where nobody judges.
 * @public matrices of runs call it
 */
export async function judgeFingerprints(
  input: EvaluationInput,
  pretrainedModel: string,
): Promise<Readonly<Record<string, string>>> {
  const judges = await judgesOf(checkedSettings(input), pretrainedModel === BUNDLED_MODEL, true);
  return Object.fromEntries(
    Object.entries(judges).map(([role, { fingerprint }]) => [role, String(fingerprint)]),
  );
}

/** @throws ConfigError naming every setting that is wrong */
export function checkedSettings(input: EvaluationInput): EvaluationSettings {
  const parsed = evaluationSchema.safeParse(input);
  if (parsed.success) return parsed.data;
  throw new ConfigError('these settings of an evaluation cannot work', {
    code: 'config/invalid',
    details: parsed.error.issues.map(({ path, message }) => `${path.join('.') || 'settings'}: ${message}`),
  });
}

/** @throws ConfigError when nobody judges */
async function judgesOf(
  { judges: named, mode, threads }: EvaluationSettings,
  isBundled: boolean,
  withoutJudges = false,
): Promise<Judges> {
  // The judges that come along know the bundled model's drawings and nothing else.
  const folders = { ...(isBundled ? bundledJudges : {}), ...named };
  if (Object.values(folders).every((folder) => folder === undefined)) {
    if (withoutJudges) return {};
    throw new ConfigError('nobody judges the pictures', {
      code: 'evaluation/no-judge',
      expected: '--dino FOLDER, --clip FOLDER, --lpips FOLDER or --classifier FOLDER',
      hint: 'fetch facebook/dino-vits16 and openai/clip-vit-base-patch32 from the Hub and name their folders',
    });
  }
  const names = Object.fromEntries(
    Object.entries(folders).flatMap(([role, folder]) =>
      folder !== undefined && Object.values(bundledJudges).includes(folder)
        ? [[role, `doodle judge ${role}`]]
        : [],
    ),
  );
  return openJudges(folders, {
    names,
    tokenizerFolder: bundledTokenizer,
    ...(mode === 'auto' ? {} : { mode }),
    ...(threads === undefined ? {} : { threads }),
  });
}
