/**
 * What `npm test` runs.
 *
 * @typedef {object} Step
 * @property {string} label
 * @property {string[]} command
 * @property {'check' | 'vitest' | 'cargo'} counts how its tests are counted; a check is one test
 * @property {boolean} [secondAttempt] files with a failure run once more, alone: for what drives programs that are not ours. The
 *   summary names those that passed only then
 *
 * @typedef {object} Suite
 * @property {string} about
 * @property {string[]} needs requirements of local/setup
 * @property {(keyof typeof builds)[]} builds
 * @property {boolean} [slow] left out by --quick
 * @property {Step[]} steps
 */
import process from 'node:process';

import { litellmNeeds } from '../local/litellm/start.mjs';

/** Builds that suites share; each runs once in an invocation, after those it needs. */
export const builds = {
  wasm: { needs: [], command: ['npm', 'run', '--silent', 'build:wasm'] },
  bundles: { needs: ['wasm'], command: ['npm', 'run', '--silent', 'build'] },
  vsix: { needs: ['bundles'], command: ['npm', 'run', '--silent', 'package'] },
};

const wasmTools = ['wasm32-target', 'wasm-pack', 'wasm-bindgen-cli'];
const wasmCrates = ['-p', 'godoty-core', '-p', 'godoty-wasm'];

/** @type {Record<string, Suite>} */
export const suites = {
  lint: {
    about: 'formatting, compiler warnings, lints, unused code',
    needs: ['rust', 'npm-packages', ...wasmTools],
    // TypeScript sees the core through the declarations that wasm-pack writes.
    builds: ['wasm'],
    steps: [
      check('rustfmt', ['cargo', 'fmt', '--all', '--check']),
      check('clippy (host)', ['cargo', 'clippy', '--workspace', '--all-targets', '--', '-D', 'warnings']),
      check('clippy (wasm32)', [
        ...['cargo', 'clippy', ...wasmCrates, '--target', 'wasm32-unknown-unknown', '--', '-D', 'warnings'],
      ]),
      check('tsc and eslint', ['npm', 'run', '--silent', 'lint:ts']),
      check('prettier', ['prettier', '--check', '.']),
      check('knip', ['knip']),
    ],
  },
  core: {
    about: 'the Rust core on the host, with its properties',
    needs: ['rust'],
    builds: [],
    steps: [{ label: 'cargo test', command: ['cargo', 'test', '--workspace'], counts: 'cargo' }],
  },
  cost: {
    about: "estimates against LiteLLM's own calculator, drawn anew in each run",
    needs: ['rust', 'litellm'],
    builds: [],
    steps: [{ label: 'cost oracle', command: ['node', 'tests/live/cost-oracle.mjs'], counts: 'cargo' }],
  },
  boundary: {
    about: 'the built WebAssembly, driven from TypeScript',
    needs: ['npm-packages', ...wasmTools],
    builds: ['wasm'],
    steps: [vitest('boundary')],
  },
  unit: {
    about: "the shell's and the panel's own logic",
    needs: ['npm-packages'],
    builds: [],
    steps: [vitest('unit')],
  },
  backend: {
    about: 'migrations, row security, functions and the embedded backend',
    needs: ['npm-packages', ...(process.env['GODOTY_PG'] === '0' ? [] : ['postgres'])],
    builds: [],
    steps: [vitest('backend')],
  },
  live: {
    about: 'the built WebAssembly against the real LiteLLM proxy with its database',
    needs: ['npm-packages', ...wasmTools, ...litellmNeeds],
    builds: ['wasm'],
    slow: true,
    steps: [vitest('live')],
  },
  package: {
    about: 'the .vsix and its budgets',
    needs: ['npm-packages', ...wasmTools],
    builds: ['wasm', 'bundles', 'vsix'],
    slow: true,
    steps: [],
  },
  vscode: {
    about: 'the extension in a real VS Code, end to end',
    needs: ['npm-packages', ...wasmTools, 'code-server', 'browser'],
    builds: ['vsix'],
    slow: true,
    steps: [{ ...vitest('vscode'), secondAttempt: true }],
  },
};

/**
 * @param {string} label
 * @param {string[]} command
 * @returns {Step}
 */
function check(label, command) {
  return { label, command, counts: 'check' };
}

/**
 * @param {string} project
 * @returns {Step}
 */
function vitest(project) {
  return { label: `vitest ${project}`, command: ['vitest', 'run', '--project', project], counts: 'vitest' };
}
