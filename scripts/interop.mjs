// `npm run interop -- --python PYTHON`: exports models, adapters and words in every way, opens each with diffusers and
// PEFT in the given Python and compares what both draw. A picture may be off by one grey level of 255.

import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { interopRows } from './interop/rows.mjs';
import { GENERATE, givenPython } from './python.mjs';
import { onceFor, ROOT, runAsCommand, setUp, SetUpError, WORK_DIR } from './setup.mjs';

const USAGE = `usage: npm run interop -- --python PYTHON [WORD …] [--cases FOLDER] [--keep]

  --python PYTHON   an interpreter with diffusers and PEFT; \`npm run fixtures -- environment\` makes one and prints it
  WORD …            only rows whose name has one of these words
  --cases FOLDER    models and adapters of other tools, as \`npm run fixtures -- cases\` makes them; default: made here
  --keep            leave what was exported in .cache/interop`;
const OUT = join(WORK_DIR, 'interop');
/** Largest difference in grey levels: float32 sums in another order move a rounded pixel by one. */
const ALLOWED = 1;
/** A picture flatter than this would hide a difference. */
const LEAST_CONTRAST = 10;
const DRAW = { prompt: 'a photo of sks robot', seed: 7, steps: 4, guidance: 7.5, side: 32, sampler: 'ddim' };

await runAsCommand(async () => {
  const { values, positionals } = readArguments();
  if (values.help) return console.log(USAGE);
  if (values.python === undefined)
    throw new SetUpError(`interop: which Python? --python is missing\n\n${USAGE}`);
  const python = givenPython(values.python);
  checkPython(python);
  await setUp();
  const cases = values.cases === undefined ? ownCases(python) : given(values.cases);
  rmSync(OUT, { recursive: true, force: true });
  mkdirSync(OUT, { recursive: true });
  const rows = interopRows({ tiny: join(ROOT, 'fixtures', 'tiny-sd1'), cases, out: OUT }).filter(
    ({ name }) => positionals.length === 0 || positionals.some((word) => name.includes(word)),
  );
  if (rows.length === 0) throw new SetUpError(`interop: no row has ${positionals.join(' or ')} in its name`);
  const reference = openReference(python);
  let failed = 0;
  try {
    const width = Math.max(...rows.map(({ name }) => name.length));
    console.log(`${'export'.padEnd(width)}  ${'opened'.padStart(8)}  ${'original'.padStart(8)}`);
    for (const [i, row] of rows.entries()) {
      const { job, error } = exported(row, i);
      const result = error === undefined ? await reference.check(job) : { error };
      failed += tell(row.name.padEnd(width), result);
    }
  } finally {
    reference.close();
  }
  console.log(
    'grey levels (of 255) by which the farthest pixel differs: from the export, and from the original,',
  );
  console.log('both in the hands of diffusers and PEFT');
  console.log(`${rows.length - failed} passed, ${failed} failed`);
  if (values.keep !== true && failed === 0) rmSync(OUT, { recursive: true, force: true });
  if (failed > 0) process.exitCode = 1;
});

function readArguments() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        python: { type: 'string' },
        cases: { type: 'string' },
        keep: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    });
  } catch (error) {
    throw new SetUpError(`${error.message}\n\n${USAGE}`);
  }
}

function given(path) {
  return resolve(process.env['INIT_CWD'] ?? process.cwd(), path);
}

function checkPython(python) {
  const program =
    'import diffusers, peft, torch, transformers; print(diffusers.__version__, peft.__version__)';
  const { status, error, stderr } = spawnSync(python, ['-I', '-c', program], { encoding: 'utf8' });
  if (status === 0) return;
  const reason = error?.message ?? stderr.trim().split('\n').at(-1);
  throw new SetUpError(`interop: ${python} cannot import the reference stack\n  got: ${reason}\n\n${USAGE}`);
}

/** The models and adapters of the cases, made once for these scripts. */
function ownCases(python) {
  const folder = join(WORK_DIR, 'cases');
  const hash = createHash('sha256');
  for (const name of readdirSync(GENERATE).sort())
    if (/\.(py|json|txt)$/.test(name)) hash.update(readFileSync(join(GENERATE, name)));
  onceFor('cases', hash.digest('hex'), existsSync(join(folder, 'cases.json')), () => {
    console.error('interop: making the models of the cases');
    rmSync(folder, { recursive: true, force: true });
    const { status } = spawnSync(python, ['-I', '-B', GENERATE, 'cases', folder], {
      stdio: ['ignore', 2, 2],
    });
    if (status !== 0) throw new SetUpError('interop: the models of the cases could not be made, see above');
  });
  return folder;
}

/** Runs a row's commands and draws our picture. */
function exported(row, index) {
  const how = { ...DRAW, ...row.draw };
  const folder = join(OUT, 'pictures', String(index));
  const sampler = how.sampler === 'own' ? [] : ['--sampler', how.sampler];
  const draw = [
    ...[
      'generate',
      ...row.ours,
      '--prompt',
      how.prompt,
      '--seed',
      String(how.seed),
      '--steps',
      String(how.steps),
    ],
    ...[
      '--guidance-scale',
      String(how.guidance),
      '--num',
      '1',
      '--rng',
      'torch',
      '--mode',
      'graph',
      ...sampler,
    ],
    ...['--output-dir', folder, '--json'],
  ];
  let last = '';
  for (const words of [...row.commands, draw]) {
    const { status, stdout, stderr } = pipeline(words);
    if (status !== 0) return { error: `pipeline ${words[0]}: ${stderr.trim().replaceAll(/\s+/g, ' ')}` };
    last = stdout;
  }
  const picture = resolve(OUT, JSON.parse(last.trim().split('\n').at(-1)).path);
  return { job: { name: row.name, picture, draw: how, open: row.open ?? row.truth, truth: row.truth } };
}

function pipeline(words) {
  return spawnSync(process.execPath, [join(ROOT, 'packages', 'cli', 'bin', 'pipeline.js'), ...words], {
    cwd: OUT,
    encoding: 'utf8',
    env: { ...process.env, NO_COLOR: '1' },
  });
}

/** diffusers and PEFT in a process of their own, which takes a job a line and answers with a line. */
function openReference(python) {
  const child = spawn(python, ['-I', '-B', GENERATE, 'interop'], {
    cwd: OUT,
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    async check(job) {
      child.stdin.write(`${JSON.stringify(job)}\n`);
      for (;;) {
        const { value, done } = await answers.next();
        if (done) throw new SetUpError(`interop: Python ended while it opened "${job.name}"`);
        if (value.startsWith('{')) return JSON.parse(value);
      }
    },
    close: () => child.stdin.end(),
  };
}

/** Prints a row. @returns 1 when it failed, else 0 */
function tell(name, { levels, truthLevels, contrast, error }) {
  const cell = (value) => (value === undefined ? '–' : String(value)).padStart(8);
  const wrong =
    error ??
    (levels > ALLOWED || truthLevels > ALLOWED ? 'pictures differ' : undefined) ??
    (contrast < LEAST_CONTRAST ? 'a flat picture says nothing' : undefined);
  const line = `${name}  ${cell(levels)}  ${cell(truthLevels)}`;
  console.log(wrong === undefined ? line : `${line}  FAILED: ${wrong}`);
  return wrong === undefined ? 0 : 1;
}
