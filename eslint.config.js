import tseslint from 'typescript-eslint';
import layers from './scripts/lint/layers.cjs';
import { waits } from './scripts/lint/waits.cjs';

/** Places that decide: no clock, no randomness, no I/O. See docs/ARCHITECTURE.md, "Where things are". */
const pureFiles = [...layers.pureFolders.map((folder) => `${folder}/**/*.ts`), 'src/**/plan-*.ts'];
/** Signals here have many listeners, and combined ones must let go of their sources. */
const ownAborts = [
  {
    selector: "NewExpression[callee.name='AbortController']",
    message: 'Use createAbort of src/base/abort.ts',
  },
  {
    selector: "MemberExpression[object.name='AbortSignal'][property.name=/^(any|timeout)$/]",
    message: 'Use anySignal of src/base/abort.ts, and a clock for timeouts',
  },
];
/** Each item would lie on the stack, which takes some 100,000 of them. */
const noSpreadPush = [
  {
    selector: 'CallExpression[callee.property.name=/^(push|unshift)$/] > SpreadElement',
    message: 'Use append of src/base/append.ts',
  },
];
const boundedMkdir = [
  {
    selector: "CallExpression[callee.name='mkdir'] Property[key.name='recursive']",
    message: 'Use makeDirectory of src/base/make-directory.ts: this one may never end',
  },
];

export default tseslint.config(
  { ignores: ['dist/', 'node_modules/', 'coverage/', 'src/schemas/generated/', 'test/fixtures/'] },
  {
    files: ['**/*.ts'],
    extends: [...tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      '@typescript-eslint/no-confusing-void-expression': 'off',
      '@typescript-eslint/no-unnecessary-condition': 'off',
      '@typescript-eslint/no-unnecessary-type-parameters': 'off',
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/no-dynamic-delete': 'off',
      '@typescript-eslint/require-await': 'off',
      // Factories return plain objects whose functions never use `this`.
      '@typescript-eslint/unbound-method': 'off',
      '@typescript-eslint/no-invalid-void-type': 'off',
      'no-restricted-imports': [
        'error',
        {
          paths: [
            {
              name: 'node:child_process',
              importNames: ['exec', 'execSync'],
              message: 'A shell invites injection; use execFile or spawn',
            },
          ],
        },
      ],
      'no-restricted-syntax': [
        'error',
        { selector: 'TSEnumDeclaration', message: 'Use a string-literal union' },
        { selector: 'ExportDefaultDeclaration', message: 'Use a named export' },
        { selector: "Property[key.name='shell'][value.value=true]", message: 'Never spawn through a shell' },
        ...ownAborts,
        ...noSpreadPush,
        ...boundedMkdir,
        ...waits,
      ],
    },
  },
  {
    files: ['src/**/*.ts'],
    // Children inherit the environment; nothing is read from it there.
    ignores: ['src/config/**', 'src/cli/**', 'src/base/child-processes/**'],
    rules: {
      'no-restricted-properties': [
        'error',
        { object: 'process', property: 'env', message: 'Only src/config reads the environment' },
      ],
    },
  },
  {
    files: ['src/**/*.ts'],
    ignores: ['src/base/child-processes/**', ...pureFiles],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          paths: ['node:child_process', 'child_process', 'node:cluster', 'cluster'].map((name) => ({
            name,
            message: 'Start processes through src/base/child-processes: bounded, and ended as a group',
          })),
        },
      ],
      'no-restricted-modules': ['error', 'node:child_process', 'child_process'],
    },
  },
  {
    files: pureFiles,
    ignores: layers.effectfulFiles,
    rules: {
      'no-restricted-globals': [
        'error',
        'process',
        'fetch',
        'setTimeout',
        'setInterval',
        'setImmediate',
        'performance',
      ],
      'no-restricted-properties': [
        'error',
        { object: 'Date', property: 'now', message: 'Take `now` as a parameter' },
        { object: 'Math', property: 'random', message: 'Take an rng as a parameter' },
      ],
      'no-restricted-syntax': [
        'error',
        {
          selector: "NewExpression[callee.name='Date'][arguments.length=0]",
          message: 'Take `now` as a parameter',
        },
        { selector: 'TSEnumDeclaration', message: 'Use a string-literal union' },
        {
          selector: 'ImportDeclaration[source.value=/^node:(?!crypto$|assert)/]',
          message: 'Pure places use no Node built-in but crypto and assert',
        },
        ...ownAborts,
        ...noSpreadPush,
        ...waits,
      ],
    },
  },
  {
    files: ['test/**/*.ts', 'bench/**/*.ts', '*.config.ts'],
    rules: {
      'no-restricted-properties': 'off',
      'no-restricted-syntax': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
    },
  },
);
