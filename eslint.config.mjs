// Warnings are errors. An exception carries its reason on the line.
import js from '@eslint/js';
import prettier from 'eslint-config-prettier';
import tseslint from 'typescript-eslint';

/** What people read goes through `l10n.t`, or comes to the panel's page as one of its strings. */
const words = String.raw`/\p{L}{2,} \p{L}|\p{Lu}\p{Ll}+/u`;
const message = 'People read this: use l10n.t (in the panel, its strings), then run `npm run l10n`.';
const shown = '/^(title|placeHolder|placeholder|prompt|label|description|detail|tooltip|message|aria-label)$/';
const visibleLiterals = [
  'CallExpression[callee.property.name=/^show(Information|Warning|Error)Message$/] > ',
  `Property[key.name=${shown}] > `,
  `Property[key.value=${shown}] > `,
  'AssignmentExpression[left.property.name=/^(name|text|tooltip|title|label|description|message|textContent)$/] > ',
].flatMap((place) => [
  { selector: `${place}Literal[value=${words}]`, message },
  { selector: `${place}TemplateLiteral > TemplateElement[value.raw=${words}]`, message },
]);

const adapters = ['extension/src/core/host.ts', 'extension/src/extension.ts'];

export default tseslint.config(
  {
    ignores: [
      'node_modules',
      'target',
      'dist',
      'crate/wasm/pkg',
      'crate/core/fuzz',
      'tests/fixtures',
      'tests/vscode/artefacts',
    ],
  },
  js.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [...tseslint.configs.strictTypeChecked, ...tseslint.configs.stylisticTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/consistent-type-definitions': ['error', 'interface'],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
    },
  },
  {
    files: ['extension/src/**/*.ts'],
    ignores: adapters,
    rules: {
      'no-restricted-globals': [
        'error',
        { name: 'fetch', message: 'crate/wasm/src/transport.rs is the only file that fetches.' },
        { name: 'Date', message: 'Time comes in through the host port.' },
        { name: 'setTimeout', message: 'Timers come in through the host port.' },
        { name: 'setInterval', message: 'Timers come in through the host port.' },
      ],
    },
  },
  {
    files: ['extension/{src,webview}/**/*.ts'],
    rules: { 'no-restricted-syntax': ['error', ...visibleLiterals] },
  },
  {
    files: ['**/*.mjs', '**/*.js'],
    languageOptions: {
      globals: Object.fromEntries(
        [
          'process',
          'console',
          'URL',
          'URLSearchParams',
          'Buffer',
          'setTimeout',
          'clearTimeout',
          'setInterval',
          'clearInterval',
          'fetch',
          'AbortController',
          'atob',
          'AbortSignal',
          'TextDecoder',
          'TextEncoder',
          'performance',
          'structuredClone',
          'module',
          'require',
          '__dirname',
          'crypto',
          'document',
          'window',
          'globalThis',
          'Response',
          'Request',
          'Headers',
          'WebAssembly',
          'ReadableStream',
          'queueMicrotask',
          'setImmediate',
        ].map((name) => [name, 'readonly']),
      ),
    },
  },
  prettier,
);
