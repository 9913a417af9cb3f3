// Every file of a report, read back. The pages are parsed, and the blind page's script runs, without a browser. Long, since
// all of it reads one report that is written once.
import { readdirSync, readFileSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { runInNewContext } from 'node:vm';
import { temporaryFolder } from '@likeness/core/testing';
import { parseHTML } from 'linkedom';
import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { escapeTex } from './latex.ts';
import { PLANTED, plantedReport, PROMPTS, SUBJECTS } from './plantedCells.ts';
import { readReport } from './readReport.ts';
import { csvField } from './resultFiles.ts';
import { writeReport, type WriteReportOptions } from './writeReport.ts';

const matrix = join(temporaryFolder(), 'matrix');
const out = join(matrix, 'report');
const METHODS = Object.keys(PLANTED);
const FILES = [
  'report.html',
  'blind.html',
  'report.md',
  'results.csv',
  'results.json',
  'table.tex',
  'figure.svg',
];
let options: WriteReportOptions;

function read(name: string, folder = out): string {
  return readFileSync(join(folder, name), 'utf8');
}

function all(root: Pick<Document, 'querySelectorAll'>, selector: string): Element[] {
  return Array.from(root.querySelectorAll(selector));
}

beforeAll(async () => {
  const paths = new Map<string, { r: number; g: number; b: number }>();
  const planted = plantedReport({
    sample: ({ method, subject, seed }, picture) => {
      const path = `cells/${method}-${subject}-${seed}/samples/${picture}.png`;
      paths.set(path, {
        r: 60 * METHODS.indexOf(method),
        g: 40 * SUBJECTS.indexOf(subject),
        b: 80 * seed + 20 * picture,
      });
      return path;
    },
  });
  for (const [path, background] of paths) {
    await mkdir(join(matrix, dirname(path)), { recursive: true });
    await sharp({ create: { width: 8, height: 8, channels: 3, background } })
      .png()
      .toFile(join(matrix, path));
  }
  const cells = planted.cells.map((cell) =>
    cell.factors['method'] === 'lora' && cell.subject === 'robot' && cell.seed === 1
      ? { ...cell, status: 'failed' as const, measures: {}, samples: [], reason: 'lost <at> step 41 & gone' }
      : cell,
  );
  options = {
    ...planted,
    cells,
    out,
    samplesRoot: matrix,
    resamples: 500,
    published: [{ source: 'Ruiz et al. 2022', where: { method: 'dreambooth' }, measures: { dino: 0.668 } }],
  };
  const { files, missingPictures } = await writeReport(options);
  expect(files).toEqual(FILES);
  expect(missingPictures).toEqual([]);
});

describe('all files', () => {
  it.each(FILES)('%s says where it comes from', (name) => {
    const text = read(name);
    const { configHash, judges, weights, versions } = options.meta;
    expect(text).toContain(configHash);
    // The blind page is to be blind, and a line a cell has no room: there the configuration leads to the rest.
    if (name === 'blind.html' || name === 'results.csv') return;
    for (const hash of [...Object.values(judges), ...Object.values(weights), ...Object.values(versions)])
      expect(text).toContain(hash);
    expect(text.replaceAll(/[\s[\]]+/g, '')).toMatch(/seeds[^0-9]{0,30}0,1,2/);
  });

  it('never call a difference that was not seen "no effect", and say what could have been seen', () => {
    for (const name of FILES) expect(read(name)).not.toMatch(/no (significant )?effect/i);
    for (const name of ['report.html', 'report.md', 'results.json'])
      expect(read(name).replaceAll('\u00a0', ' ')).toMatch(
        /no difference detectable for subjects like these 6 \(minimum detectable effect ±0\.\d+/,
      );
  });

  it('are the same bytes anywhere, hold no path and no time, and are made again from what they hold', async () => {
    const elsewhere = join(temporaryFolder(), 'elsewhere', 'report');
    await mkdir(elsewhere, { recursive: true });
    await writeReport({ ...(await readReport(out)), out: elsewhere });
    for (const name of FILES.filter((one) => one !== 'results.json'))
      expect(read(name, elsewhere) === read(name), name).toBe(true);
    await writeReport(await readReport(out)).then(({ report }) =>
      expect(report.cells).toEqual(options.cells),
    );
    const again = FILES.map((name) => read(name));
    await writeReport(options);
    expect(FILES.map((name) => read(name))).toEqual(again);
    for (const name of FILES) {
      expect(read(name)).not.toContain(matrix);
      expect(read(name)).not.toMatch(/\b20\d\d-\d\d-\d\d/);
    }
  });

  it('times stand in files of their own', async () => {
    const before = FILES.map((name) => read(name));
    const times = Object.fromEntries(
      options.cells.map(({ id }, index) => [id, { seconds: 30 + index, peakMemoryBytes: 2 ** 30 }]),
    );
    const { files } = await writeReport({ ...options, times });
    expect(files.slice(FILES.length)).toEqual(['times.html', 'times.json']);
    expect(FILES.map((name) => read(name))).toEqual(before);
    const { document } = parseHTML(read('times.html'));
    expect(document.querySelectorAll('tbody tr')).toHaveLength(METHODS.length);
    expect((await readReport(out)).times).toEqual(times);
  });
});

describe('report.html', () => {
  it('needs no other file and no network', () => {
    const { document } = parseHTML(read('report.html'));
    expect(document.querySelectorAll('link, script[src], iframe')).toHaveLength(0);
    for (const image of all(document, 'img[src]'))
      expect(image.getAttribute('src')).toMatch(/^data:image\/png;base64,/);
    const there = new Set(readdirSync(out));
    for (const link of all(document, 'a')) {
      const target = link.getAttribute('href') ?? '';
      if (target.startsWith('#')) expect(document.getElementById(target.slice(1)), target).not.toBeNull();
      else expect(there).toContain(target);
    }
    expect(read('report.html')).not.toMatch(/url\(|@import|https?:\/\/(?!www\.w3\.org)/);
  });

  it('has a row a group, marks where a difference was found, and the published number beside ours', () => {
    const { document } = parseHTML(read('report.html'));
    const rows = all(document, '#scores tbody tr').map((row) =>
      all(row, 'th, td').map((field) => field.textContent.trim()),
    );
    expect(rows.map(([label]) => label)).toEqual([
      'dreambooth (baseline)',
      'published: Ruiz et al. 2022',
      ...METHODS.slice(1),
    ]);
    expect(rows[1]![1]).toBe('0.668');
    const [, , , lora] = rows;
    expect(lora![1]).toMatch(/▼$/); // dino: planted
    expect(lora![2]).toMatch(/\d$/); // clipT: not planted
    expect(lora![4]).toMatch(/▲$/); // drift: planted, and less is better
  });

  it('pictures: rows are groups, columns prompts and seeds; a failed cell leaves gaps and is listed', () => {
    const { document } = parseHTML(read('report.html'));
    const grids = all(document, 'table.grid');
    expect(grids).toHaveLength(SUBJECTS.length);
    const rows = all(grids[0]!, 'tbody tr');
    expect(rows.map((row) => row.querySelector('th')!.textContent)).toEqual(METHODS);
    const columns = 2 * PROMPTS.length * 3; // picture seeds × prompts × cell seeds
    expect(rows.map((row) => row.querySelectorAll('img').length)).toEqual([
      columns,
      columns,
      columns - 2 * PROMPTS.length,
      columns,
    ]);
    expect(document.querySelector('#broken')!.textContent).toContain('lost <at> step 41 & gone');
  });

  it('charts can be hovered: what stands behind a mark is in its title', () => {
    const { document } = parseHTML(read('report.html'));
    const [scores, differences] = all(document, '#metric-dino figure svg');
    const titles = (svg: Element | undefined): string[] =>
      all(svg!, 'title').map((title) => title.textContent);
    expect(titles(scores)).toHaveLength(71 + METHODS.length);
    expect(
      titles(differences).some((title) => /^lora against dreambooth\n−0\.0\d+, 95\u00a0% \[/.test(title)),
    ).toBe(true);
  });
});

describe('other outputs', () => {
  it('results.csv has a line a cell', () => {
    const lines = read('results.csv').trimEnd().split('\r\n');
    expect(lines).toHaveLength(1 + options.cells.length);
    expect(lines[0]).toBe(
      'cell,status,method,subject,seed,dino,clipT,div,drift,exportBytes,trainedParameters,reason,config',
    );
    const [first] = options.cells;
    expect(lines[1]!.split(',').slice(1, 6)).toEqual([
      'done',
      'dreambooth',
      'robot',
      '0',
      String(first!.measures['dino']),
    ]);
  });

  it('table.tex: every row has as many columns as the table', () => {
    const tex = read('table.tex');
    const columns = /\\begin\{tabular\}\{(l r*|lr*)\}/.exec(tex)![1]!.length;
    const rows = tex.split('\n').filter((line) => line.endsWith('\\\\') && !line.includes('multicolumn'));
    expect(rows.length).toBe(1 + METHODS.length + 1 + METHODS.length - 1);
    for (const row of rows) expect(row.split(/(?<!\\)&/)).toHaveLength(columns);
    expect(tex).toContain('\\textit{Ruiz et al. 2022}');
    for (const rule of ['\\toprule', '\\midrule', '\\bottomrule']) expect(tex).toContain(rule);
  });

  it('fields with letters that mean something to a format', () => {
    expect(csvField('a "b", c')).toBe('"a ""b"", c"');
    expect(csvField(null)).toBe('');
    expect(escapeTex('50 % ± 3_a & −1 {x} \\')).toBe(
      '50 \\% $\\pm$ 3\\_a \\& $-$1 \\{x\\} \\textbackslash{}',
    );
  });

  it('figure.svg stands alone: well-formed, on paper, without what only the page has', async () => {
    const svg = read('figure.svg');
    expect(svg).not.toMatch(/var\(/);
    const { data, info } = await sharp(Buffer.from(svg))
      .removeAlpha()
      .raw()
      .toBuffer({ resolveWithObject: true });
    expect([...data.subarray(0, 3)]).toEqual([255, 255, 255]);
    expect(info.height).toBeGreaterThan(400);
    expect(new Set(data).size).toBeGreaterThan(20);
  });

  it('measures that were not asked for are left out', async () => {
    const { report } = await writeReport({
      ...options,
      show: ['dino'],
      out: join(temporaryFolder(), 'some'),
    });
    expect(report.metrics.map(({ name }) => name)).toEqual(['dino']);
  });

  it('a folder without a report, and a file of another version', async () => {
    await expect(readReport(temporaryFolder())).rejects.toThrow(/there is no report/);
    expect(JSON.parse(await readFile(join(out, 'results.json'), 'utf8'))).toMatchObject({
      format: 'likeness-results-1',
      samplesRoot: '..',
    });
  });
});

describe('texts that people enter', () => {
  const EVIL = `=cmd|' /C calc'!A0 <img src=x onerror=alert(1)></script><script>alert(2)</script> [a](javascript:alert(3)) $' \\input{/etc/passwd} % "q" \r\n# h`;

  it('stay texts in every page, table and figure', async () => {
    const evil = join(temporaryFolder(), 'evil');
    const named = (value: string): string => `${value} ${EVIL}`;
    await writeReport({
      ...options,
      metrics: [{ name: 'dino', description: named('measures'), better: 'higher' }],
      cells: options.cells.map((cell) => ({
        ...cell,
        subject: `=${named(cell.subject)}`,
        factors: { method: named(String(cell.factors['method'])) },
        measures: { dino: cell.measures['dino'] ?? Number.NaN, [EVIL]: cell.measures['drift'] ?? Number.NaN },
        reason: EVIL,
        samples: cell.samples.map((sample) => ({ ...sample, prompt: named(sample.prompt) })),
      })),
      baseline: { method: named('dreambooth') },
      meta: {
        ...options.meta,
        title: EVIL,
        question: EVIL,
        configHash: `c\n\\input{x}`,
        judges: { [EVIL]: EVIL },
      },
      times: {},
      out: evil,
    });
    for (const name of ['report.html', 'blind.html', 'times.html', 'figure.svg']) {
      const { document } = parseHTML(read(name, evil));
      expect(document.querySelectorAll('[onerror]'), name).toHaveLength(0);
      const scripts = all(document, 'script').map((script) => script.textContent);
      expect(scripts.filter((script) => script.startsWith('alert'))).toEqual([]);
    }
    for (const line of read('results.csv', evil).split('\r\n'))
      for (const field of line.split(/(?<=^|,)"?/)) expect(field).not.toMatch(/^[=+@]/);
    expect(read('report.md', evil)).not.toMatch(/(?<!\\)<img|(?<!\\)\]\(javascript|^# h/m);
    expect(read('table.tex', evil)).not.toMatch(/^[^%\n]*\\input/m);
  });

  it('are no formulas, and numbers stay numbers', () => {
    expect(['=1', '+1', '-1', '@a', '\ta', '\ra', ' =1'].map(csvField)).toEqual([
      "'=1",
      "'+1",
      "'-1",
      "'@a",
      "'\ta",
      `"'\ra"`,
      "' =1",
    ]);
    expect([-1, 'a-b', true, null].map(csvField)).toEqual(['-1', 'a-b', 'true', '']);
  });
});

describe('blind.html', () => {
  interface Blind {
    readonly pairs: readonly { group: string; baseline: string; pictures: number[] }[];
    readonly pictures: readonly string[];
  }

  /** The page's script on the page, with a browser's little helpers. */
  function open(random: () => number) {
    const { document } = parseHTML(read('blind.html'));
    const kept = new Map<string, string>();
    const keys: ((event: unknown) => void)[] = [];
    const names = (selector: string) => document.querySelector(selector) as unknown as HTMLElement;
    runInNewContext(document.querySelector('script:not([type])')!.textContent, {
      document,
      localStorage: {
        getItem: (key: string) => kept.get(key) ?? null,
        setItem: (k: string, v: string) => kept.set(k, v),
      },
      addEventListener: (type: string, listener: (event: unknown) => void) => {
        if (type === 'keydown') keys.push(listener);
      },
      Math: Object.assign(Object.create(Math) as Math, { random }),
      confirm: () => true,
    });
    const press = (key: string): void =>
      keys.forEach((listener) => listener({ key, target: document.body, preventDefault: () => undefined }));
    const shown = (): string[] =>
      all(document, '.choice img').map((image) => image.getAttribute('src') ?? '');
    return { document, kept, names, press, shown };
  }

  const data = (): Blind =>
    JSON.parse(parseHTML(read('blind.html')).document.getElementById('data')!.textContent) as Blind;

  it('pairs share subject, prompt and seeds, and both pictures are there', () => {
    const { pairs, pictures } = data();
    expect(new Set(pairs.map(({ group }) => group))).toEqual(new Set(METHODS.slice(1)));
    for (const { baseline, pictures: both } of pairs) {
      expect(baseline).toBe('dreambooth');
      for (const index of both) expect(pictures[index]).toMatch(/^data:image\/png/);
    }
  });

  it('votes count for the group whichever side it stands on', () => {
    const { pairs, pictures } = data();
    let state = 1;
    const page = open(() => (state = (state * 16807) % 2147483647) / 2147483647);
    const sides = new Set<string>();
    // Always the group's picture, wherever it is: wins throughout.
    for (let at = 0; at < pairs.length; at++) {
      const [left, right] = page.shown();
      const pair = pairs.find(({ pictures: [group = 0, baseline = 0] }) =>
        [pictures[group], pictures[baseline]].every((uri) => uri === left || uri === right),
      )!;
      const side = pictures[pair.pictures[0]!] === left ? 'ArrowLeft' : 'ArrowRight';
      sides.add(side);
      page.press(side);
    }
    expect(sides.size).toBe(2);
    const rows = all(page.document, '#tally tbody tr').map((row) =>
      all(row, 'th, td').map((field) => field.textContent),
    );
    expect(rows.map(([group]) => group).sort()).toEqual(METHODS.slice(1).sort());
    for (const [, against, wins, ties, losses, rate] of rows) {
      expect([against, ties, losses, rate]).toEqual(['dreambooth', '0', '0', '100 %']);
      expect(Number(wins)).toBeGreaterThan(50);
    }
    // Votes survive the page, and the last can be taken back.
    const [saved] = [...page.kept.values()].map((text) => JSON.parse(text) as { votes: string[] });
    expect(saved!.votes).toHaveLength(pairs.length);
    page.press('Backspace');
    expect(page.document.getElementById('progress')!.textContent).toBe(
      `${pairs.length - 1} of ${pairs.length}`,
    );
  });
});
