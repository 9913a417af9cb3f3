import js from '@eslint/js';
import tseslint from 'typescript-eslint';

/** Groups of imports that are closed to somebody, with the reason a reader of the error needs. */
const CLOSED = {
  tensorflow: group(
    ['@tensorflow/*'],
    'only the engine talks to TensorFlow; take tf from @likeness/core or @likeness/engine',
  ),
  container: group(['inversify', 'reflect-metadata'], 'only core/src/di/ knows the container'),
  engine: group(['@likeness/engine', '@likeness/engine/*'], 'take tf and tensors’ types from @likeness/core'),
  networks: group(
    ['@likeness/stable-diffusion', '@likeness/stable-diffusion/*'],
    'networks reach this package through core’s contracts',
  ),
  plugins: group(
    ['@likeness/plugin-*'],
    'plugins are named by recipes, never imported; only the cli puts them together',
  ),
  data: group(['@likeness/doodle', '@likeness/doodle/*'], 'the bundled model is data like any other'),
  cli: group(['@likeness/cli', '@likeness/cli/*'], 'the command stands on top'),
  core: group(['@likeness/core', '@likeness/core/*'], 'core stands above this package'),
};

/** STYLE: contracts ← everyone; data | losses | optimizer | export apart; stages use them; pipeline and di see all. */
const CORE_PARTS = ['data', 'losses', 'optimizer', 'export'];
const CORE_TOP = group(
  ['../di/*', '../pipeline.ts', './di/*', './pipeline.ts'],
  'pipeline.ts and di/ see everything, nothing below sees them',
);

export default tseslint.config(
  {
    ignores: [
      '**/dist/**',
      '**/node_modules/**',
      '.cache/**',
      'runs/**',
      'fixtures/**',
      'packages/doodle/model/**',
    ],
  },
  {
    files: ['**/*.ts'],
    extends: [js.configs.recommended, tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { project: './tsconfig.json', tsconfigRootDir: import.meta.dirname } },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      'max-lines': ['error', { max: 300 }],
      'no-warning-comments': ['error', { terms: ['todo', 'fixme', 'xxx'] }],
      eqeqeq: 'error',
      // What follows is relaxed because it flags readable code more often than mistakes.
      // no-base-to-string stays and finds objects; a shape in a message reads well as it is.
      '@typescript-eslint/restrict-template-expressions': 'off',
      '@typescript-eslint/no-misused-spread': 'off',
      '@typescript-eslint/unbound-method': 'off',
      '@typescript-eslint/no-unnecessary-type-assertion': 'off',
      '@typescript-eslint/no-confusing-void-expression': 'off',
      '@typescript-eslint/no-unnecessary-condition': 'off',
      '@typescript-eslint/no-unnecessary-type-parameters': 'off',
      '@typescript-eslint/no-invalid-void-type': 'off',
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/unified-signatures': 'off',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
    },
  },
  {
    files: ['**/*.test.ts'],
    rules: {
      '@typescript-eslint/no-non-null-assertion': 'off',
      'max-lines': 'off',
      // node's runner waits for its tests by itself
      '@typescript-eslint/no-floating-promises': [
        'error',
        { allowForKnownSafeCalls: [{ from: 'package', package: 'node:test', name: ['describe', 'it'] }] },
      ],
    },
  },
  {
    files: ['**/*.mjs', '**/*.js'],
    extends: [js.configs.recommended],
    languageOptions: {
      globals: { console: false, process: false, URL: false, performance: false, setTimeout: false },
    },
  },

  // Every error of ours has a code: programs and docs/errors.md go by it.
  {
    files: ['packages/*/src/**/*.ts', 'packages/doodle/data/**/*.ts'],
    ignores: ['**/*.test.ts'],
    rules: {
      'no-restricted-syntax': [
        'error',
        {
          selector:
            'NewExpression[callee.name=/^(Config|Data|Plugin|Weights|Shape|Engine|File|Likeness)Error$/]:not(:has(Property[key.name="code"])):not(:has(SpreadElement))',
          message: 'give the error a code, with its meaning in the codes.ts of the package',
        },
      ],
    },
  },

  // Import boundaries. A later entry replaces an earlier one for the files it names.
  closed(['packages/**/*.ts', 'e2e/**/*.ts', 'examples/**/*.ts'], [CLOSED.tensorflow, CLOSED.container]),
  closed(
    ['packages/engine/**/*.ts'],
    [CLOSED.container, CLOSED.core, CLOSED.networks, CLOSED.plugins, CLOSED.data, CLOSED.cli],
  ),
  closed(
    ['packages/doodle/**/*.ts'],
    [CLOSED.tensorflow, CLOSED.container, CLOSED.core, CLOSED.networks, CLOSED.plugins, CLOSED.cli],
  ),
  closed(
    // The recipe of the bundled model's pictures is a program on top, and not shipped.
    ['packages/doodle/data/**/*.ts'],
    [CLOSED.tensorflow, CLOSED.container, CLOSED.networks, CLOSED.plugins, CLOSED.data, CLOSED.cli],
  ),
  closed(['packages/core/**/*.ts'], coreClosed()),
  closed(
    ['packages/core/src/di/**/*.ts'],
    coreClosed().filter((entry) => entry !== CLOSED.container),
  ),
  closed(['packages/core/src/stages/**/*.ts'], [...coreClosed(), CORE_TOP]),
  ...CORE_PARTS.map((part) =>
    closed([`packages/core/src/${part}/**/*.ts`], [...coreClosed(), CORE_TOP, otherParts(part)]),
  ),
  closed(
    ['packages/core/src/errors.ts', 'packages/core/src/events.ts'],
    [...coreClosed(), group(['./*', '../*'], 'a leaf: imported by everyone, imports nothing of core')],
  ),
  closed(
    ['packages/stable-diffusion/**/*.ts'],
    [CLOSED.tensorflow, CLOSED.container, CLOSED.plugins, CLOSED.data, CLOSED.cli],
  ),
  closed(
    // `npm run parity` is a program on top: it holds whole methods against the reference.
    ['packages/stable-diffusion/src/parity/**/*.ts'],
    [CLOSED.tensorflow, CLOSED.container, CLOSED.data, CLOSED.cli],
  ),
  closed(
    // A stranger's plugin, and what a new one starts from, know the public API and nothing else.
    ['packages/plugin-*/**/*.ts', 'packages/cli/templates/**/*.ts', 'examples/third-party-plugin/**/*.ts'],
    [
      CLOSED.tensorflow,
      CLOSED.container,
      CLOSED.engine,
      CLOSED.networks,
      CLOSED.plugins,
      CLOSED.data,
      CLOSED.cli,
    ],
  ),
  // Tests put plugins beside each other, as a recipe does.
  closed(
    ['packages/plugin-*/src/**/*.test.ts', 'packages/cli/templates/**/*.test.ts'],
    [CLOSED.tensorflow, CLOSED.container, CLOSED.engine, CLOSED.networks, CLOSED.data, CLOSED.cli],
  ),
);

function coreClosed() {
  return [CLOSED.tensorflow, CLOSED.container, CLOSED.networks, CLOSED.plugins, CLOSED.data, CLOSED.cli];
}

function otherParts(part) {
  const others = CORE_PARTS.filter((name) => name !== part).map((name) => `../${name}/*`);
  return group(
    [...others, '../stages/*'],
    `${CORE_PARTS.join(', ')} never import each other; stages put them together`,
  );
}

/** Types may pass everywhere: they leave no dependency behind. */
function group(patterns, message) {
  return { group: patterns, message, allowTypeImports: true };
}

function closed(files, patterns) {
  return { files, rules: { '@typescript-eslint/no-restricted-imports': ['error', { patterns }] } };
}
