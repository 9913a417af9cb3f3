// docs/errors.md lists every code of an error or a warning with its meaning. It is made from the lists beside the
// sources (`npm test -- packages/cli/src/codes.test.ts -u` writes it), and these hold every code that is thrown.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { CODES as ablation } from '../../ablation/src/codes.ts';
import { CODES as core } from '../../core/src/codes.ts';
import { CODES as engine } from '../../engine/src/codes.ts';
import { CODES as evaluation } from '../../evaluation/src/codes.ts';
import { CODES as dreambooth } from '../../plugin-dreambooth/src/codes.ts';
import { CODES as lora } from '../../plugin-lora/src/codes.ts';
import { CODES as pretrain } from '../../plugin-pretrain/src/codes.ts';
import { CODES as textualInversion } from '../../plugin-textual-inversion/src/codes.ts';
import { CODES as stableDiffusion } from '../../stable-diffusion/src/codes.ts';
import { CODES as cli } from './codes.ts';

const PACKAGES = fileURLToPath(new URL('../../', import.meta.url));
const lists: readonly Readonly<Record<string, string>>[] = [
  engine,
  core,
  stableDiffusion,
  dreambooth,
  lora,
  textualInversion,
  pretrain,
  evaluation,
  ablation,
  cli,
];

/** A code where one is given: after `code:`, or either side of a choice there. */
const GIVEN = /\bcode: (?:[^,;{}'\n]*\? )?'([^'/]+\/[^']+)'(?:\s*:\s*'([^'/]+\/[^']+)')?/g;

/** Codes in our sources, with a file that has each. */
function codesInSources(): Map<string, string> {
  const found = new Map<string, string>();
  for (const file of sources()) {
    const text = readFileSync(file, 'utf8');
    for (const match of text.matchAll(GIVEN))
      for (const code of match.slice(1)) if (code !== undefined) found.set(code, file);
    // A list of codes by something else: what the file system says, for one.
    for (const code of known) if (text.includes(`'${code}'`)) found.set(code, file);
  }
  return found;
}

function sources(): string[] {
  const folders = readdirSync(PACKAGES).flatMap((name) => [
    join(PACKAGES, name, 'src'),
    join(PACKAGES, name, 'data'),
  ]);
  return folders
    .filter((folder) => existsSync(folder))
    .flatMap((folder) =>
      readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((file) => join(folder, file)),
    )
    .filter((file) => file.endsWith('.ts') && !/\.test\.ts$|[\\/]codes\.ts$/.test(file));
}

const known = new Set(lists.flatMap((list) => Object.keys(list)));

describe('codes', () => {
  it('stand in one list each', () => {
    const names = lists.flatMap((list) => Object.keys(list));
    expect(names.filter((name, i) => names.indexOf(name) !== i)).toEqual([]);
    expect(names.filter((name) => !/^[a-z][a-z-]*\/[a-z][a-z-]*$/.test(name))).toEqual([]);
  });

  it('that are thrown or warned with have a meaning, and none is listed that nobody uses', () => {
    const used = codesInSources();
    expect([...used].filter(([code]) => !known.has(code))).toEqual([]);
    expect([...known].filter((code) => !used.has(code))).toEqual([]);
  });

  it('are described in docs/errors.md', async () => {
    const rows = lists
      .flatMap((list) => Object.entries(list))
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([code, meaning]) => `| \`${code}\` | ${meaning} |`);
    const page = [
      '# Errors and warnings',
      '',
      'Every error and every warning has a code. It stands at the end of the message, in the events of `--json` and in',
      '`events.jsonl`; programs go by it, since wording changes. A plugin’s own codes begin with its name.',
      '',
      'An error without a code, with a stack, is a bug: please report it.',
      '',
      '| code | meaning |',
      '| --- | --- |',
      ...rows,
      '',
    ].join('\n');
    await expect(page).toMatchFileSnapshot('../../../docs/errors.md');
  });
});
