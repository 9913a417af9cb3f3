// Plugins of somebody else: the example outside packages/, what `pipeline create plugin` writes, and what
// docs/plugins.md says. Each is a package of its own with nothing of this clone around it but what is published.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { commandIn } from './support/installed.ts';
import { npm, npmInstall, type Said } from './support/npm.ts';
import { TINY } from './support/pipeline.ts';

const clone = resolve(import.meta.dirname, '..');
const root = mkdtempSync(join(tmpdir(), 'likeness-plugins-'));
afterAll(() => {
  rmSync(root, { recursive: true, force: true });
});
/** Where somebody has our packages, and the plugins of others. */
const home = join(root, 'somebody');
const FEW = ['--max-train-steps', '2', '--checkpointing-steps', '2', ...TINY];

function pipeline(args: readonly string[], cwd = home): Said & { readonly stderr: string } {
  const env = { ...process.env, NO_COLOR: '1', CI: '1' };
  const said = spawnSync(process.execPath, [commandIn(home), ...args], { cwd, encoding: 'utf8', env });
  return { code: said.status, output: said.stdout + said.stderr, stderr: said.stderr };
}

const done = ({ code, output }: Said): void => {
  expect(code, output).toBe(0);
};

/** What node's test runner says at the end. */
function expectAllPassed({ code, output }: Said): void {
  expect(code, output).toBe(0);
  expect(Number(/^. pass (\d+)$/m.exec(output)?.[1])).toBeGreaterThan(8);
  expect(output).toMatch(/^. fail 0$/m);
}

const packedIn = (folder: string): string[] =>
  readdirSync(folder)
    .filter((name) => name.endsWith('.tgz'))
    .map((name) => join(folder, name));

beforeAll(() => {
  mkdirSync(home);
  writeFileSync(join(home, 'package.json'), JSON.stringify({ name: 'somebody', private: true }));
  done(npmInstall(home));
});

describe('examples/third-party-plugin', () => {
  const source = join(root, 'custom-diffusion');

  beforeAll(() => {
    cpSync(join(clone, 'examples', 'third-party-plugin'), source, {
      recursive: true,
      filter: (path) => !/\/(node_modules|dist)$/.test(path),
    });
    done(npmInstall(source));
  });

  it('passes its tests with published packages only', () => {
    expectAllPassed(npm(source, 'test'));
  });

  it('is packed: built, without tests, and installed beside the packages', () => {
    done(npm(source, 'pack'));
    done(npmInstall(home, ...packedIn(source)));
    const folder = join(home, 'node_modules', 'likeness-plugin-custom-diffusion');
    expect(readdirSync(folder).sort()).toEqual(['LICENSE', 'README.md', 'dist', 'package.json']);
    expect(readdirSync(join(folder, 'dist')).filter((name) => name.includes('test'))).toEqual([]);
  });

  it('is listed with its options', () => {
    const { code, output, stderr } = pipeline(['plugins', 'custom-diffusion']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(output).toContain('custom-diffusion 0.1.0, likeness-plugin-custom-diffusion');
    expect(output).toMatch(/--freeze-model +crossattn_kv +what stays trainable/);
    expect(output).toMatch(/--save +model /);
  });

  it('runs in a recipe with one of ours, and what it made draws', () => {
    const args = ['custom-diffusion+ppl', '--num-class-images', '4', '--save', 'both', ...FEW];
    const trained = pipeline(['run', ...args, '--output-dir', 'taught']);
    expect(trained).toMatchObject({ code: 0, stderr: '' });
    expect(readdirSync(join(home, 'taught', 'export'))).toEqual(
      expect.arrayContaining(['model_index.json', 'unet', 'pytorch_custom_diffusion_weights.safetensors']),
    );
    const few = ['--num', '1', '--steps', '2', '--mode', 'graph'];
    const drawn = pipeline(['generate', 'taught', '--prompt', 'a photo of sks robot', ...few]);
    expect(drawn).toMatchObject({ code: 0, stderr: '' });
    expect(readdirSync(join(home, 'taught', 'generated'))).toContain('sheet.png');
  });

  it('does not go with what trains the same weights, and says why', () => {
    const { code, stderr } = pipeline(['run', 'dreambooth+custom-diffusion', ...FEW]);
    expect(code).not.toBe(0);
    expect(stderr).toContain('it trains every weight of the UNet');
  });
});

describe('pipeline create plugin', () => {
  const folder = join(root, 'likeness-plugin-own-idea');
  let said: Said;
  beforeAll(() => {
    said = pipeline(['create', 'plugin', 'own-idea', '--license', 'Apache-2.0'], root);
  });

  it('says what to type next', () => {
    expect(said.code).toBe(0);
    const next = said.output.split('next:\n')[1]?.trim().split('\n') ?? [];
    expect(next.map((line) => line.trim().split('   ')[0])).toEqual([
      'cd likeness-plugin-own-idea',
      'npm install',
      'npm test',
      'npx pipeline run --config likeness.config.ts',
    ]);
  });

  it('makes a package that installs and passes its test at once', () => {
    done(npmInstall(folder));
    expectAllPassed(npm(folder, 'test'));
  });

  it('can be tried from its sources', () => {
    const command = ['pipeline', 'run', '--config', 'likeness.config.ts', '--no-samples', ...FEW];
    const { code, output } = npm(folder, 'exec', '--', ...command);
    expect(code, output).toBe(0);
    expect(output).toContain('pipeline generate');
  });

  it('never overwrites it', () => {
    const { code, stderr } = pipeline(['create', 'plugin', 'own-idea'], root);
    expect(code).toBe(2);
    expect(stderr).toContain('it stays as it is');
  });
});

describe('docs/plugins.md', () => {
  const text = readFileSync(join(clone, 'docs', 'plugins.md'), 'utf8');
  const blocks = (language: string): string[] =>
    [...text.matchAll(new RegExp(`^\`\`\`${language}\n([\\s\\S]*?)^\`\`\`$`, 'gm'))].map(
      ([, code = '']) => code,
    );
  const [making = '', using = ''] = blocks('sh');
  const folder = join(root, 'likeness-plugin-huber');

  /** Types a line of the walk-through; a run is made short. */
  function type(line: string, cwd: string): Said {
    const [command = '', ...words] = line.split(' ');
    if (command === 'npx' && words[1] === 'create') return pipeline(words.slice(1), cwd);
    if (command === 'npx' && words[1] === 'run')
      return npm(cwd, 'exec', '--', ...words, '--no-samples', ...FEW);
    if (command === 'npx') return npm(cwd, 'exec', '--', ...words);
    if (words[0] === 'install') return npmInstall(cwd, ...(words.length > 1 ? packedIn(folder) : []));
    return npm(cwd, ...words);
  }

  it.each(making.trim().split('\n'))('start: %s', (line) => {
    if (line.startsWith('cd ')) expect(join(root, line.slice(3))).toBe(folder);
    else if (line === 'npm test') expectAllPassed(type(line, folder));
    else done(type(line, line.includes('create') ? root : folder));
  });

  it.each(using.trim().split('\n'))('then: %s', (line) => {
    const file = /likeness-plugin-\S+\.tgz/.exec(line)?.[0];
    if (file !== undefined) expect(packedIn(folder)).toEqual([join(folder, file)]);
    done(type(line, home));
  });

  it('has code that compiles and passes the test it shows', () => {
    const docs = join(folder, 'docs');
    mkdirSync(docs);
    blocks('ts').forEach((code, i) => {
      const name = /export function (\w+)/.exec(code)?.[1] ?? (i === 0 ? 'index' : `block${i}`);
      // The config file of the text lies above src/.
      writeFileSync(join(docs, `${name}.ts`), code.replace("'./src/", "'./"));
    });
    const settings = {
      extends: '../tsconfig.json',
      compilerOptions: { rootDir: '.', outDir: 'dist' },
      include: ['.'],
    };
    writeFileSync(join(docs, 'tsconfig.json'), JSON.stringify(settings));
    done(npm(folder, 'exec', '--', 'tsc', '-p', 'docs'));
    const shown = readdirSync(join(docs, 'dist')).find(
      (name) =>
        /^block.*\.js$/.test(name) &&
        readFileSync(join(docs, 'dist', name), 'utf8').includes('testPlugin(ia3'),
    );
    expectAllPassed(npm(folder, 'exec', '--', 'node', '--test', join('docs', 'dist', shown ?? 'none')));
  });
});
