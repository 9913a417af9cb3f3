// pipeline tokens: how a model takes a text apart, and words that mean nothing to it.
import {
  ConfigError,
  cutOff,
  identifierWarnings,
  tokensRead,
  type DiffusionModel,
  type Tokenizer,
} from '@likeness/core';
import { Command, Option } from 'commander';
import { BUNDLED_MODEL, openModel } from '../composition.ts';
import { EXIT, type ExitCode } from '../exitCodes.ts';
import { warningLine } from '../progress/reporters.ts';
import { count, displayPath } from '../terminal/format.ts';
import { positiveInteger, wholeNumber } from '../terminal/numbers.ts';
import { table } from '../terminal/table.ts';
import { colours, type Terminal } from '../terminal/terminal.ts';
import { rareTokens } from '../words/rareTokens.ts';
import { readWordList } from '../words/wordList.ts';
import { probeTokens, type ProbedWordFacts, type ProbeFlags } from './tokensProbe.ts';
import type { SetExitCode } from './run.ts';

const EXAMPLES = `
A good identifier is one token, rare, and draws nothing of its own. "sks", the usual one, is a rifle to models that have
seen photographs of it; the bundled model has not.

"rare" is the share of the vocabulary that was learned before a token: merges go by frequency.
"moves" says how far a word moves pictures of the same seeds: 0 not at all, 1 as far as a known noun.

Examples:
  pipeline tokens "a photo of sks dog"                   how a text is taken apart, and whether it is cut off
  pipeline tokens --rare                                 words to name a subject with
  pipeline tokens --rare --probe --limit 10              tried on the model, with a sheet of pictures
  pipeline tokens --rare --probe 60 --class-noun robot --pretrained-model my-model/
  pipeline tokens sks ohwx --probe                       words of your own
  pipeline tokens ohwx --json`;

/** Candidates that `--probe` samples with when nobody says how many. */
const DEFAULT_TRIED = 24;
/** Flags that say how to sample. */
const PROBE_FLAGS = ['classNoun', 'num', 'seed', 'steps', 'mode', 'threads', 'outputDir'] as const;

interface TokensFlags extends ProbeFlags {
  readonly pretrainedModel: string;
  readonly rare?: boolean;
  readonly probe?: number | true;
  readonly limit: number;
  readonly json?: boolean;
}

export function tokensCommand(terminal: Terminal, exit: SetExitCode): Command {
  const command = new Command('tokens')
    .description('show how a model takes a text apart, and rare words to name a subject with')
    .argument('[text...]', 'what to take apart, or with --probe words to try')
    .option('--pretrained-model <name>', 'whose vocabulary', BUNDLED_MODEL)
    .option('--rare', 'list rare tokens of at most three letters that are no words')
    .option('--limit <n>', 'how many to list', positiveInteger, 20)
    .option(
      '--probe [n]',
      `sample with the words, or the n rarest tokens (${DEFAULT_TRIED}); what moves pictures least comes first`,
      positiveInteger,
    )
    .optionsGroup('With --probe:')
    .addOption(
      new Option('--class-noun <noun>', 'a class the words are put before; several: say it again').argParser(
        (noun: string, before: readonly string[] | undefined) => [...(before ?? []), noun],
      ),
    )
    .option('--num <n>', 'pictures of each prompt', positiveInteger, 2)
    .option('--seed <n>', 'seed of the first picture', wholeNumber, 0)
    .option('--steps <n>', "steps of the sampler; default: the model's", positiveInteger)
    .option('--output-dir <dir>', 'where the sheet goes', 'tokens')
    .addOption(
      new Option('--mode <mode>', 'how the networks run')
        .choices(['auto', 'xla', 'graph', 'eager'])
        .default('auto'),
    )
    .option('--threads <n>', 'threads to compute with', positiveInteger)
    .optionsGroup('Output:')
    .option('--json', 'as JSON')
    .addHelpText('after', EXAMPLES);
  return command.action(async (words: string[], flags: TokensFlags) => {
    const typed = (name: string): boolean => command.getOptionValueSource(name) === 'cli';
    refuseIdleFlags(words, flags, typed);
    const model = await openModel(flags.pretrainedModel, {
      // only pictures depend on what the model predicts
      ...(flags.probe === undefined ? { onWarning: () => undefined } : {}),
    });
    if (flags.rare) exit(await listRare(model, flags, terminal));
    else if (flags.probe !== undefined) exit(await probeWordsOf(model, words, flags, terminal));
    else tellText(words.join(' '), model.tokenizer, flags, terminal);
  });
}

/** @throws ConfigError for flags that would change nothing */
function refuseIdleFlags(
  words: readonly string[],
  { rare, probe }: TokensFlags,
  typed: (name: string) => boolean,
): void {
  const where = 'pipeline tokens';
  if (words.length > 0 === (rare === true)) {
    throw new ConfigError(rare ? 'a text and --rare ask for different things' : 'nothing to show', {
      code: 'usage/contradiction',
      where,
      expected: 'a text, or --rare',
      hint: 'pipeline tokens "a photo of sks dog", or pipeline tokens --rare',
    });
  }
  const idle = [
    ...(!rare && probe === undefined && typed('limit') ? ['--limit goes with --rare'] : []),
    ...(!rare && typeof probe === 'number' ? ['the number of --probe goes with --rare'] : []),
    ...(probe === undefined
      ? PROBE_FLAGS.filter(typed).map((name) => `--${kebab(name)} goes with --probe`)
      : []),
  ];
  if (idle.length > 0) {
    throw new ConfigError('these flags change nothing here', {
      code: 'usage/flag-without-effect',
      where,
      details: idle,
    });
  }
}

interface TextToken {
  readonly id: number;
  readonly token: string;
  readonly text: string;
  readonly rarity: number | null;
  /** Within what the text encoder reads. */
  readonly read: boolean;
}

function tellText(text: string, tokenizer: Tokenizer, { json }: TokensFlags, { out, err }: Terminal): void {
  const readable = tokensRead(tokenizer);
  const tokens = tokenizer.encode(text).map((id, i): TextToken => {
    const known = tokenizer.vocabulary?.token(id);
    const { token = '', text: stands = '', rarity = null } = known ?? {};
    return { id, token, text: stands, rarity, read: i < readable };
  });
  const cut = cutOff(tokenizer, text);
  // A single word is asked about as an identifier.
  const warnings = /\s/.test(text.trim()) ? [] : identifierWarnings(text.trim(), undefined, tokenizer);
  if (json) {
    out(JSON.stringify({ text, tokens, maxTokens: readable, cutOff: cut !== undefined, warnings }));
    return;
  }
  out(
    table(
      [{ title: 'token' }, { title: 'id', align: 'right' }, { title: 'rare', align: 'right' }, { title: '' }],
      tokens.map(({ id, token, rarity, read }) => [
        token,
        String(id),
        rarity === null ? '' : percent(rarity),
        read ? '' : 'cut off',
      ]),
      dimHead,
    ),
  );
  out(`\n${count(tokens.length, 'token')} of the ${readable} that are read`);
  if (cut !== undefined) {
    const after = cut.endsWith === undefined ? '' : ` after "… ${cut.endsWith}"`;
    const text = `cut off${after}: ${count(cut.tokens - cut.read, 'token')} too many`;
    err(warningLine({ code: 'prompt/too-long', text }));
  }
  for (const warning of warnings) err(warningLine(warning));
}

async function listRare(model: DiffusionModel, flags: TokensFlags, terminal: Terminal): Promise<ExitCode> {
  const found = rareTokens(model.tokenizer, await readWordList()).map(({ id, text, rarity }) => ({
    id,
    text,
    rarity,
  }));
  if (flags.probe !== undefined) {
    const tried = found.slice(0, flags.probe === true ? DEFAULT_TRIED : flags.probe);
    return tellProbe(model, tried, `tried ${tried.length} of ${found.length}`, flags, terminal);
  }
  const shown = found.slice(0, flags.limit);
  if (flags.json) terminal.out(JSON.stringify({ model: model.source, found: found.length, tokens: shown }));
  else {
    tellTokens(shown, terminal);
    terminal.out(`\n${colours.dim(`${shown.length} of ${found.length}; --probe tries them on the model`)}`);
  }
  return EXIT.ok;
}

/** Words somebody thought of, whole tokens or not. */
function probeWordsOf(
  model: DiffusionModel,
  words: readonly string[],
  flags: TokensFlags,
  terminal: Terminal,
): Promise<ExitCode> {
  const { encode, vocabulary } = model.tokenizer;
  const tried = [...new Set(words)].map((text): ProbedWordFacts => {
    const [id, ...more] = encode(text);
    const known = id === undefined || more.length > 0 ? undefined : vocabulary?.token(id);
    return { text, ...(known === undefined ? {} : { id: known.id, rarity: known.rarity }) };
  });
  return tellProbe(model, tried, `tried ${count(tried.length, 'word')}`, flags, terminal);
}

async function tellProbe(
  model: DiffusionModel,
  tried: readonly ProbedWordFacts[],
  summary: string,
  flags: TokensFlags,
  terminal: Terminal,
): Promise<ExitCode> {
  const outcome = await probeTokens(model, tried, flags, terminal);
  if (outcome === undefined) return EXIT.interrupted;
  const { probed, known, sheet } = outcome;
  const shown = probed.slice(0, flags.limit);
  if (flags.json) {
    terminal.out(JSON.stringify({ model: model.source, tried: tried.length, tokens: shown, known, sheet }));
    return EXIT.ok;
  }
  tellTokens(shown, terminal);
  const scale = known.map(({ text, moves }) => `${text} ${moves.toFixed(2)}`).join(', ');
  terminal.out(`\n${colours.dim(`${summary}; for comparison: ${scale}`)}`);
  terminal.out(`sheet    ${colours.bold(displayPath(sheet))}`);
  return EXIT.ok;
}

function tellTokens(tokens: readonly (ProbedWordFacts & { moves?: number })[], { out }: Terminal): void {
  out(
    table(
      [
        { title: 'token' },
        { title: 'id', align: 'right' },
        { title: 'rare', align: 'right' },
        { title: tokens[0]?.moves === undefined ? '' : 'moves', align: 'right' },
        { title: '' },
      ],
      tokens.map(({ id, text, rarity, moves }) => [
        text,
        id === undefined ? 'several' : String(id),
        rarity === undefined ? '' : percent(rarity),
        moves?.toFixed(2) ?? '',
        text === 'sks' ? 'a rifle, too' : '',
      ]),
      dimHead,
    ),
  );
}

/** `97.4 %`; never 100 % for what has something after it. */
function percent(share: number): string {
  return `${(Math.floor(share * 1000) / 10).toFixed(1)} %`;
}

function kebab(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

function dimHead(text: string, _column: number, isHead: boolean): string {
  return isHead ? colours.dim(text) : text;
}
