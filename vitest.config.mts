import { fileURLToPath } from 'node:url';

import { defineConfig } from 'vitest/config';

const standIn = (file: string): string => fileURLToPath(new URL(`tests/unit/shell/${file}`, import.meta.url));

/** One project a suite: `vitest run --project unit`. */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
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
        test: { name: 'boundary', include: ['tests/boundary/**/*.test.ts'], testTimeout: 60_000, hookTimeout: 60_000 },
      },
      {
        test: {
          name: 'backend',
          include: ['tests/backend/**/*.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 120_000,
          maxWorkers: 2,
        },
      },
      {
        test: {
          name: 'live',
          include: ['tests/live/**/*.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 300_000,
          fileParallelism: false,
        },
      },
      {
        test: {
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
