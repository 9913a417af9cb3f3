// What a checkpoint holds: everything the next step depends on. Random streams need no state of their own - they are
// functions of (seed, purpose, step) - so a resumed run ends bit-identical to one that never stopped.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readSafetensorsHeader, type Program } from '@likeness/engine';
import { stableJson } from '../cache/stableJson.ts';
import { ConfigError, WeightsError } from '../errors.ts';
import { differences } from '../runFolder/runSummary.ts';

const WEIGHTS = 'state.safetensors';
const FACTS = 'state.json';

export interface CheckpointState {
  /** Steps done. */
  readonly step: number;
  /** What the run was started with; a checkpoint continues only under the same. */
  readonly identity: Readonly<Record<string, unknown>>;
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
): Promise<number> {
  const step = await requireIdentity(folder, identity);
  await readCheckpoint(folder, program, variables);
  return step;
}

/**
 * Refuses to go on from a checkpoint under other settings.
 * @param identity what is known so far of what the checkpoint's maker wrote down
 * @returns the steps done
 * @throws ConfigError naming every setting that differs
 */
export async function requireIdentity(
  folder: string,
  identity: Readonly<Record<string, unknown>>,
): Promise<number> {
  const { step, identity: saved } = JSON.parse(
    await readFile(join(folder, FACTS), 'utf8'),
  ) as CheckpointState;
  const known = Object.fromEntries(Object.keys(identity).map((key) => [key, saved[key]]));
  const differing = differences(known, JSON.parse(stableJson(identity)));
  if (differing.length > 0) {
    throw new ConfigError('the checkpoint was made under other settings', {
      code: 'checkpoint/other-settings',
      where: folder,
      details: differing.map(
        ({ key, a, b }) => `${key}: ${JSON.stringify(a)} then, ${JSON.stringify(b)} now`,
      ),
      hint: 'resume with the settings of the run, or start afresh with another --output-dir',
    });
  }
  return step;
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
