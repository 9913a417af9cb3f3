// `pipeline tokens --rare --probe`: samples, measures, draws the sheet.
import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { writeSheet, type DiffusionModel } from '@likeness/core';
import { progressLine } from '../terminal/progressLine.ts';
import { stopOnSignals } from '../terminal/stopping.ts';
import type { Terminal } from '../terminal/terminal.ts';
import { CONTEXT_NOUNS, contextsOf, probeRows, probeWords } from '../words/probe.ts';

export interface ProbeFlags {
  readonly classNoun?: readonly string[];
  readonly num: number;
  readonly seed: number;
  readonly steps?: number;
  readonly mode: 'auto' | 'xla' | 'graph' | 'eager';
  readonly threads?: number;
  readonly outputDir: string;
  readonly json?: boolean;
}

/** A word to try; id and rarity when it is one token. */
export interface ProbedWordFacts {
  readonly text: string;
  readonly id?: number;
  readonly rarity?: number;
}

export interface TokensProbe {
  /** The least moving first. */
  readonly probed: readonly (ProbedWordFacts & { readonly moves: number })[];
  readonly known: readonly { readonly text: string; readonly moves: number }[];
  readonly sheet: string;
}

/** @returns undefined when Ctrl-C came first */
export async function probeTokens(
  model: DiffusionModel,
  words: readonly ProbedWordFacts[],
  flags: ProbeFlags,
  terminal: Terminal,
): Promise<TokensProbe | undefined> {
  const contexts = contextsOf(flags.classNoun ?? CONTEXT_NOUNS);
  const seeds = Array.from({ length: flags.num }, (_, i) => flags.seed + i);
  const line = progressLine(terminal, !flags.json);
  const stop = stopOnSignals({ nothingToLose: true });
  try {
    line.show('loading', 0, 0);
    const probe = await probeWords({
      model,
      words: words.map(({ text }) => text),
      contexts,
      seeds,
      sampler: model.recommended.sampler ?? model.samplers[0] ?? '',
      numInferenceSteps: flags.steps ?? model.recommended.numInferenceSteps ?? 25,
      guidanceScale: model.recommended.guidanceScale ?? 7.5,
      mode: flags.mode,
      signal: stop.signal,
      ...(flags.threads === undefined ? {} : { threads: flags.threads }),
      onInstallProgress: ({ message, fraction = 0 }) => {
        line.show(message, fraction, 1);
      },
      onProgress: (done, total) => {
        line.show('sampling', done, total);
      },
    });
    const outputDir = resolve(flags.outputDir);
    await mkdir(outputDir, { recursive: true });
    const sheet = join(outputDir, 'sheet.png');
    await writeSheet(sheet, probeRows(probe), {
      cellPx: 128,
      title: 'a photo of WORD CLASS: how far a word moves the picture (0 not at all, 1 as a known noun)',
      columns: contexts.flatMap(({ label }) => seeds.map((seed) => `${label}, seed ${seed}`)),
    });
    return {
      probed: probe.words.flatMap(({ word, moves }) => {
        const known = words.find(({ text }) => text === word);
        return known === undefined ? [] : [{ ...known, moves }];
      }),
      known: probe.known.map(({ word, moves }) => ({ text: word, moves })),
      sheet,
    };
  } catch (error) {
    if (!stop.signal.aborted) throw error;
    return undefined;
  } finally {
    stop.forget();
    line.end();
  }
}
