import { fileURLToPath } from 'node:url';

import { defineConfig } from 'vitest/config';

/** What all suites have. */
const shared = {
  setupFiles: [fileURLToPath(new URL('tests/support/patience.ts', import.meta.url))],
  expect: { poll: { timeout: 15_000 } },
};

const standIn = (file: string): string => fileURLToPath(new URL(`tests/unit/shell/${file}`, import.meta.url));

/** One project a suite: `vitest run --project unit`. */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          ...shared,
          name: 'unit',
          include: ['tests/unit/**/*.test.ts'],
          testTimeout: 20_000,
          // Outside VS Code, and without a built core, the shell runs on small stand-ins.
          alias: [
            { find: /^vscode$/, replacement: standIn('vscode.ts') },
            { find: /^.*\/godoty_core_bg\.wasm$/, replacement: standIn('wasmFile.ts') },
            { find: /^.*\/godoty_core\.js$/, replacement: standIn('coreModule.ts') },
          ],
        },
      },
      {
        test: {
          ...shared,
          name: 'boundary',
          include: ['tests/boundary/**/*.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          ...shared,
          name: 'backend',
          include: ['tests/backend/**/*.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 120_000,
          maxWorkers: 2,
        },
      },
      {
        test: {
          ...shared,
          name: 'live',
          include: ['tests/live/**/*.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 300_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          ...shared,
          name: 'vscode',
          include: ['tests/vscode/**/*.test.ts', 'tests/vscode/**/*.test.mjs'],
          testTimeout: 300_000,
          hookTimeout: 300_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
