// pipeline dataset: the pictures of a subject as the model will see them.
import { basename } from 'node:path';
import {
  DataError,
  loadDataset,
  pixelsToImage,
  printable,
  withFileErrors,
  writeSheet,
  type RgbImage,
} from '@likeness/core';
import { Command, Option } from 'commander';
import { BUNDLED_MODEL, exampleSubjects, openModel } from '../composition.ts';
import { warningLine } from '../progress/reporters.ts';
import { count, displayPath, truncate } from '../terminal/format.ts';
import { positiveInteger } from '../terminal/numbers.ts';
import { table } from '../terminal/table.ts';
import { colours, type Terminal } from '../terminal/terminal.ts';

const EXAMPLES = `
Examples:
  pipeline dataset photos/
  pipeline dataset photos/ --resolution 512 --output photos-seen.png
  pipeline dataset robot                                 an example subject`;

interface DatasetFlags {
  readonly resolution?: number;
  readonly pretrainedModel: string;
  readonly alpha: 'flatten' | 'drop';
  readonly output: string;
  readonly json?: boolean;
}

export function datasetCommand(terminal: Terminal): Command {
  return new Command('dataset')
    .description('show pictures as the model sees them, and what is wrong with them')
    .argument('<dir>', 'folder with pictures, or the name of an example subject')
    .option('--resolution <n>', "side in pixels; default: the model's", positiveInteger)
    .option('--pretrained-model <name>', 'the model they are for', BUNDLED_MODEL)
    .addOption(
      new Option('--alpha <how>', 'transparent pictures').choices(['flatten', 'drop']).default('flatten'),
    )
    .option('--output <file>', 'where the sheet goes', 'dataset.png')
    .option('--json', 'facts as JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (dir: string, flags: DatasetFlags) => {
      if (!flags.output.endsWith('.png')) {
        throw new DataError('the sheet is a PNG file', {
          code: 'usage/output-kind',
          where: '--output',
          expected: 'a name ending in .png',
          got: flags.output,
        });
      }
      const source = exampleSubjects[dir]?.instanceDataDir ?? dir;
      const resolution =
        flags.resolution ??
        (await openModel(flags.pretrainedModel, { onWarning: () => undefined })).resolution;
      const { items, warnings } = await loadDataset({ source, resolution, alpha: flags.alpha });
      const facts = items.map(({ path, width, height, caption, hasMask }) => ({
        path,
        width,
        height,
        caption,
        hasMask,
      }));
      const pictures: RgbImage[] = [];
      for (const item of items.slice(0, ON_SHEET))
        pictures.push(pixelsToImage((await item.pixels()).pixels, resolution, resolution));
      const shown = pictures.length < items.length ? `, the first ${pictures.length} shown` : '';
      await withFileErrors(flags.output, () =>
        writeSheet(
          flags.output,
          rowsOf(pictures).map((row) => ({ label: '', pictures: row })),
          { title: `${basename(dir)}: ${count(items.length, 'picture')} at ${resolution} px${shown}` },
        ),
      );
      if (flags.json) {
        terminal.out(JSON.stringify({ resolution, pictures: facts, warnings, sheet: flags.output }));
        return;
      }
      terminal.out(
        table(
          [{ title: 'picture' }, { title: 'size', align: 'right' }, { title: 'mask' }, { title: 'caption' }],
          facts.map(({ path, width, height, caption = '', hasMask }) => [
            printable(basename(path)),
            `${width} × ${height}`,
            hasMask ? 'yes' : '',
            truncate(printable(caption), 60),
          ]),
          (text, _column, isHead) => (isHead ? colours.dim(text) : text),
        ),
      );
      for (const warning of warnings) terminal.err(warningLine(warning));
      terminal.out(
        `\n${count(items.length, 'picture')}, seen at ${resolution} × ${resolution} px${shown === '' ? '' : `${shown} on the sheet`}`,
      );
      terminal.out(`sheet    ${colours.bold(displayPath(flags.output))}`);
    });
}

const PER_ROW = 5;
/** With thousands of pictures no viewer opens the sheet. */
const ON_SHEET = 200;

function rowsOf<T>(values: readonly T[]): T[][] {
  return Array.from({ length: Math.ceil(values.length / PER_ROW) }, (_, row) =>
    values.slice(row * PER_ROW, (row + 1) * PER_ROW),
  );
}
