// One build for all packages. `DTS=1` also writes declarations, which only packed packages need.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { defineConfig, type Options } from 'tsup';

const PACKAGES_DIR = 'packages';
const withDeclarations = process.env['DTS'] === '1';

/** Entries beside `index`: output name → source. Those that do not exist (yet) are left out. */
const ENTRIES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  engine: {
    child: 'src/child/main.ts', // runs in a process of its own
    install: 'src/install/index.ts', // set-up imports it before anything else can be loaded
  },
  core: { 'testing/index': 'src/testing/index.ts' },
  evaluation: { 'testing/index': 'src/testing/index.ts' },
  'stable-diffusion': { parity: 'src/parity/main.ts' },
  // The recipe of the bundled model's pictures needs the drawing sets, which are not shipped: neither is it.
  doodle: withDeclarations ? {} : { data: 'data/main.ts', dataWorker: 'data/worker.ts' },
};

/** Programs that are run, not imported: no declarations. */
const PROGRAMS = new Set(['child', 'parity']);

export default defineConfig(readdirSync(PACKAGES_DIR).filter(hasIndex).flatMap(packageConfig));

function hasIndex(name: string): boolean {
  return existsSync(join(PACKAGES_DIR, name, 'src', 'index.ts'));
}

function packageConfig(name: string): Options {
  const folder = join(PACKAGES_DIR, name);
  const entry = { index: 'src/index.ts', ...ENTRIES[name], ...benches(folder) };
  const found = Object.entries(entry)
    .map(([output, source]) => [output, join(folder, source)] as const)
    .filter(([, source]) => existsSync(source));
  const imported = found.filter(([output]) => !PROGRAMS.has(output) && !output.startsWith('bench/'));
  return {
    name,
    entry: Object.fromEntries(found),
    outDir: join(folder, 'dist'),
    format: 'esm',
    platform: 'node',
    target: 'node20',
    sourcemap: !withDeclarations,
    clean: false,
    silent: true,
    // tsup would look for dependencies in the root's manifest: nothing of node_modules or of another package is
    // bundled, the engine's native half least of all.
    skipNodeModulesBundle: true,
    external: [/^@likeness\//],
    // tfjs-node's kernels in JavaScript, without the installer that comes with them. What they `require` stays outside.
    ...(name === 'engine'
      ? {
          noExternal: [/^@tensorflow\/tfjs-node-gpu/, 'google-protobuf'],
          banner: {
            js: "import { createRequire as createRequireOfBundle } from 'node:module';\nconst require = createRequireOfBundle(import.meta.url);",
          },
        }
      : {}),
    ...(withDeclarations
      ? {
          dts: {
            entry: Object.fromEntries(imported),
            compilerOptions: { customConditions: ['@likeness/source'] },
          },
        }
      : {}),
  };
}

/** `packages/x/bench/<name>.ts` → `dist/bench/<name>.js`, for `npm run bench -- <name>`. */
function benches(folder: string): Record<string, string> {
  const bench = join(folder, 'bench');
  if (withDeclarations || !existsSync(bench)) return {};
  const names = readdirSync(bench).filter((name) => /^[^.]+\.ts$/.test(name));
  return Object.fromEntries(names.map((name) => [`bench/${name.replace(/\.ts$/, '')}`, `bench/${name}`]));
}
