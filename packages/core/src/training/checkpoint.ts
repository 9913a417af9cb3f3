// What a checkpoint holds: everything the next step depends on. Random streams need no state of their own - they are
// functions of (seed, purpose, step) - so a resumed run ends bit-identical to one that never stopped.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readSafetensorsHeader, type Program } from '@likeness/engine';
import { stableJson } from '../cache/stableJson.ts';
import { ConfigError, DataError, readJsonFile, WeightsError } from '../errors.ts';
import { differences, type ConfigDifference } from '../runFolder/runSummary.ts';
import type { SavedIdentity } from './identity.ts';

const WEIGHTS = 'state.safetensors';
const FACTS = 'state.json';

export interface CheckpointState {
  /** Steps done. */
  readonly step: number;
  /** What the run was started with; a checkpoint continues only under the same. */
  readonly identity: Readonly<Record<string, unknown>>;
  /** Written because the run was stopped, not because one was due. */
  readonly interim?: boolean;
}

/** Writes the variables and facts into a folder, which is sealed and renamed by the caller. */
export async function writeCheckpoint(
  folder: string,
  program: Program,
  variables: readonly string[],
  state: CheckpointState,
): Promise<void> {
  const tensors = variables.map(
    (variable) => ({ variable, key: variable, dtype: 'F32', layout: 'asIs' }) as const,
  );
  await program.save(join(folder, WEIGHTS), tensors, { format: 'likeness', step: String(state.step) });
  await writeFile(join(folder, FACTS), `${stableJson(state)}\n`);
}

/** What a checkpoint's run makes of it: see `savedIdentity`. */
export type ReadSaved = (state: CheckpointState) => SavedIdentity;

/** As it is: every difference is one. */
const asItIs: ReadSaved = ({ identity }) => ({ identity, reasons: {} });

/**
 * Loads a checkpoint into the program's variables, to go on training.
 * @returns the steps done
 * @throws ConfigError when the checkpoint was made under other settings, naming each
 * @throws WeightsError when variables are missing
 */
export async function loadCheckpoint(
  folder: string,
  program: Program,
  variables: readonly string[],
  identity: Readonly<Record<string, unknown>>,
  readSaved: ReadSaved = asItIs,
): Promise<number> {
  const { step } = await requireIdentity(folder, identity, readSaved);
  await readCheckpoint(folder, program, variables);
  return step;
}

/**
 * Steps done and identity of a checkpoint.
 * @throws FileError, DataError when they cannot be read
 */
export async function readCheckpointState(folder: string): Promise<CheckpointState> {
  const path = join(folder, FACTS);
  const state = await readJsonFile(path);
  if (isRecord(state) && typeof state['step'] === 'number' && isRecord(state['identity']))
    return { step: state['step'], identity: state['identity'] };
  throw new DataError('it does not say of which run the checkpoint is', {
    code: 'checkpoint/damaged',
    where: path,
    expected: '{ "step": …, "identity": { … } }',
    got: 'something else',
  });
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * Refuses to go on from a checkpoint under other settings.
 * @param identity what is known so far of what the checkpoint's maker wrote down
 * @returns the steps done, and what they were planned for where that was less
 * @throws ConfigError naming every setting that differs
 */
export async function requireIdentity(
  folder: string,
  identity: Readonly<Record<string, unknown>>,
  readSaved: ReadSaved = asItIs,
): Promise<{ readonly step: number; readonly plannedBefore?: number }> {
  const state = await readCheckpointState(folder);
  const { identity: saved, reasons, plannedBefore } = readSaved(state);
  // What an older version did not write down is not held against its checkpoints.
  const compared = Object.keys(identity).filter((key) => key !== 'contents' || saved[key] !== undefined);
  const of = (all: Readonly<Record<string, unknown>>): unknown =>
    Object.fromEntries(compared.map((key) => [key, all[key]]));
  const differing = differences(of(saved), JSON.parse(stableJson(of(identity))));
  if (differing.length > 0) {
    const told = differing.slice(0, MOST_TOLD).map((one) => describe(one, reasons[one.key]));
    const more = differing.length - told.length;
    throw new ConfigError('the checkpoint was made under other settings', {
      code: 'checkpoint/other-settings',
      where: folder,
      details: more > 0 ? [...told, `and ${more} more`] : told,
      hint: 'resume with the settings of the run; or start another with another --output-dir (where the export is a whole model, from it: --pretrained-model RUN/export)',
    });
  }
  return { step: state.step, ...(plannedBefore === undefined ? {} : { plannedBefore }) };
}

/** Differences told, so that a message is read to its end. */
const MOST_TOLD = 6;

/** A difference as a line: settings by their values, contents by what has happened to them. */
function describe({ key, a, b }: ConfigDifference, reason: string | undefined): string {
  if (key === 'model') return 'model: its weights are others now';
  if (key === 'pictures') {
    const [then, now] = [asList(a), asList(b)];
    const same = now.filter((hash) => then.includes(hash)).length;
    return `pictures: ${then.length} then, ${now.length} now, ${same} of them the same`;
  }
  if (key.startsWith('contents.')) return `${key.slice('contents.'.length)}: what lies there is another now`;
  return `${key}: ${shown(a)} then, ${shown(b)} now${reason === undefined ? '' : ` (${reason})`}`;
}

const asList = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

function shown(value: unknown): string {
  const text = value === undefined ? 'nothing' : JSON.stringify(value);
  return text.length > 80 ? `${text.slice(0, 79)}…` : text;
}

/** Loads variables of a checkpoint. @throws WeightsError when some are missing */
export async function readCheckpoint(
  folder: string,
  program: Program,
  variables: readonly string[],
): Promise<void> {
  const { tensors } = await readSafetensorsHeader(join(folder, WEIGHTS));
  const missing = variables.filter((name) => !tensors.has(name));
  if (missing.length > 0)
    throw new WeightsError('the checkpoint lacks variables', {
      code: 'checkpoint/incomplete',
      where: folder,
      details: missing,
    });
  await program.load(
    variables.flatMap((variable) => {
      const entry = tensors.get(variable);
      return entry ? [{ variable, entry, layout: 'asIs' as const }] : [];
    }),
  );
}
