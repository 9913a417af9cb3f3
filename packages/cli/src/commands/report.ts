// pipeline report: the report of a matrix again - with another baseline or more resamples, without sampling anything.
import { readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { FactorValue, Report, WriteReportOptions } from '@likeness/ablation';
import { ConfigError, DataError } from '@likeness/core';
import { Command } from 'commander';
import { displayPath } from '../terminal/format.ts';
import { wholeNumber } from '../terminal/numbers.ts';
import { colours, type Terminal } from '../terminal/terminal.ts';

const EXAMPLES = `
Examples:
  pipeline report ablations/paper                        every report of the matrix, written again
  pipeline report ablations/paper --baseline method=lora compared with another baseline
  pipeline report ablations/paper --output-dir elsewhere --resamples 50000`;

interface ReportFlags {
  readonly baseline?: readonly string[];
  readonly outputDir?: string;
  readonly resamples?: number;
  readonly json?: boolean;
}

export function reportCommand(terminal: Terminal): Command {
  return new Command('report')
    .description('write the report of an ablation again from its results')
    .argument('<folder>', 'folder of the matrix, or of one of its reports')
    .option('--baseline <axis=value...>', 'what the others are compared with; default: as the matrix says')
    .option('--output-dir <dir>', 'folder to write; default: where the report is')
    .option('--resamples <n>', 'bootstrap resamples; default: as before', wholeNumber)
    .option('--json', 'the files written, as JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (folder: string, flags: ReportFlags) => {
      // Loaded when it is asked for: charts and statistics would slow every other command.
      const { readReport, writeOverview, writeReport } = await import('@likeness/ablation');
      const reports = await findReports(folder);
      let overviewFolder = '';
      const studies: { readonly name: string; readonly report: Report }[] = [];
      for (const { place, name } of reports) {
        const before = await readReport(place);
        const out = flags.outputDir === undefined ? place : join(flags.outputDir, name);
        const { files, missingPictures, report } = await writeReport({
          ...before,
          ...asked(flags, before),
          out,
        });
        studies.push({ name: basename(out), report });
        overviewFolder = dirname(out);
        if (flags.json) {
          terminal.out(JSON.stringify({ folder: out, files, missingPictures }));
          continue;
        }
        terminal.out(`${files.length} files in ${displayPath(out)}`);
        if (missingPictures.length > 0) {
          terminal.out(
            colours.dim(`${missingPictures.length} sample pictures are gone: their places stay empty`),
          );
        }
        terminal.out(`open     ${colours.bold(displayPath(join(out, 'report.html')))}`);
      }
      if (studies.length > 1) {
        // A study's title is that of the matrix, a colon, and its own.
        const title = studies[0]?.report.meta.title.split(': ')[0] ?? '';
        await writeOverview({ out: overviewFolder, title, studies });
        if (!flags.json)
          terminal.out(`overview ${colours.bold(displayPath(join(overviewFolder, 'index.html')))}`);
      }
    });
}

function asked(
  { baseline, resamples }: ReportFlags,
  before: WriteReportOptions,
): Partial<Pick<WriteReportOptions, 'baseline' | 'resamples'>> {
  if (resamples !== undefined && resamples < 100) {
    throw new ConfigError('too few resamples for an interval', {
      code: 'usage/bad-value',
      where: '--resamples',
      expected: 'at least 100',
      got: String(resamples),
    });
  }
  return {
    ...(baseline === undefined ? {} : { baseline: factorsOf(baseline, before) }),
    ...(resamples === undefined ? {} : { resamples }),
  };
}

/** `axis=value` as the cells have it: numbers and switches are no text. */
function factorsOf(
  assignments: readonly string[],
  { cells }: WriteReportOptions,
): Readonly<Record<string, FactorValue>> {
  return Object.fromEntries(
    assignments.map((assignment) => {
      const at = assignment.indexOf('=');
      const [name, text] = [assignment.slice(0, at), assignment.slice(at + 1)];
      const values = [...new Set(cells.map(({ factors }) => factors[name] ?? null))];
      const value = values.find((one) => (one === null ? 'none' : String(one)) === text);
      if (at < 1 || value === undefined) {
        throw new ConfigError('this is no value of the matrix', {
          code: 'ablation/bad-baseline',
          where: '--baseline',
          expected:
            at < 1 ? 'axis=value' : `${name}=${values.map((one) => one ?? 'none').join(`, ${name}=`)}`,
          got: assignment,
        });
      }
      return [name, value];
    }),
  );
}

/** Where `pipeline ablate` writes, in the folder of a matrix. */
const REPORTS = 'report';

/** Names in a folder; none where there is no folder. */
async function namesIn(folder: string): Promise<string[]> {
  return (await readdir(folder).catch(() => [])).sort();
}

/** The folder's own report, or those of the folders in it. */
async function findReports(folder: string): Promise<{ place: string; name: string }[]> {
  const top = await namesIn(folder);
  if (top.length === 0)
    throw new DataError('nothing there', {
      code: 'ablation/report-missing',
      where: folder,
      expected: 'the folder of a matrix',
    });
  // A matrix of several studies has a report for each.
  const studies = (await namesIn(join(folder, REPORTS))).map((name) => join(REPORTS, name));
  const places = ['', REPORTS, ...studies, ...top.filter((name) => name !== REPORTS)];
  const found: string[] = [];
  for (const name of places) {
    const names = await namesIn(join(folder, name));
    // A matrix's own results.json, its cells, has no page beside it.
    if (names.includes('results.json') && names.includes('report.html')) found.push(name);
  }
  if (found.length === 0) {
    throw new DataError('there is no report here', {
      code: 'ablation/report-missing',
      where: folder,
      expected: 'results.json, which pipeline ablate writes when cells are done',
      hint: 'pipeline ablate goes on with a matrix that was stopped',
    });
  }
  return found.map((name) => ({ place: join(folder, name), name }));
}
