/**
 * `npm test`: runs the suites one after the other and sums up.
 *
 *     npm test                          everything
 *     npm test -- --only lint,core      these suites
 *     npm test -- --quick               without the real VS Code and the package
 *     npm test -- --list                what there is
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';

import { ensure, SetupError } from '../local/setup/main.mjs';
import { checkout } from '../local/setup/packages.mjs';
import { ended, exit, onExit, start } from '../local/setup/processes.mjs';
import { REPORT_FILE, runTests } from './attempts.mjs';
import { builds, suites } from './suites.mjs';

/** @typedef {keyof typeof builds} BuildName */
/** @typedef {import('./suites.mjs').Step} Step */
/** @typedef {{passed: boolean, tests: number, reason?: string}} Outcome */
/** @typedef {Outcome & {name: string, seconds: number}} Result */

const scratch = mkdtempSync(path.join(tmpdir(), 'godoty-test-'));
onExit(() => {
  rmSync(scratch, { recursive: true, force: true });
});

try {
  await exit(await main());
} catch (error) {
  process.stderr.write(`${error instanceof SetupError ? error.message : String(/** @type {Error} */ (error).stack)}\n`);
  await exit(1);
}

/** @returns {Promise<number>} the exit code */
async function main() {
  const { values } = parseArgs({
    options: {
      only: { type: 'string', multiple: true },
      quick: { type: 'boolean', default: false },
      list: { type: 'boolean', default: false },
    },
  });
  const chosen = choose(values.only, values.quick);
  if (values.list) {
    for (const name of chosen) process.stdout.write(`${name.padEnd(10)} ${suites[name]?.about ?? ''}\n`);
    return 0;
  }

  const { env } = await ensure(...new Set(chosen.flatMap((name) => suites[name]?.needs ?? [])));
  /** @type {Map<BuildName, Promise<boolean>>} */
  const built = new Map();
  /** @type {Result[]} */
  const results = [];
  for (const name of chosen) {
    const begun = Date.now();
    const outcome = await runSuite(name, env, built);
    results.push({ name, ...outcome, seconds: (Date.now() - begun) / 1000 });
  }
  return summarise(results);
}

/**
 * @param {string[] | undefined} only each may name several, divided by commas
 * @param {boolean} quick
 */
function choose(only, quick) {
  const named = only?.flatMap((names) => names.split(',')).filter((name) => name !== '');
  const unknown = named?.find((name) => !(name in suites));
  if (unknown !== undefined) {
    throw new SetupError(`there is no suite '${unknown}'; there are ${Object.keys(suites).join(', ')}`);
  }
  const chosen = Object.keys(suites).filter((name) => named?.includes(name) ?? true);
  return quick ? chosen.filter((name) => !suites[name]?.slow) : chosen;
}

/**
 * @param {string} name
 * @param {NodeJS.ProcessEnv} env
 * @param {Map<BuildName, Promise<boolean>>} built
 * @returns {Promise<Outcome>}
 */
async function runSuite(name, env, built) {
  const suite = suites[name];
  if (suite === undefined) throw new Error(`no suite ${name}`);
  let tests = 0;
  for (const build of suite.builds) {
    if (!(await buildOnce(build, env, built))) return { passed: false, tests, reason: `the build '${build}' failed` };
  }
  // A suite that consists of builds counts them.
  if (suite.steps.length === 0) tests = suite.builds.length;

  /** @type {string[]} */
  const failed = [];
  /** @type {string[]} */
  const unsteady = [];
  for (const step of suite.steps) {
    heading(`${name}: ${step.label}`);
    if (step.counts === 'vitest') {
      const outcome = await runVitest(step, env);
      tests += outcome.tests;
      if (!outcome.passed) failed.push(step.label);
      unsteady.push(...outcome.unsteady);
      continue;
    }
    const { code, output } = await run(step.command, env);
    if (code !== 0) failed.push(step.label);
    tests += step.counts === 'cargo' ? cargoCount(output) : 1;
  }
  if (failed.length > 0) return { passed: false, tests, reason: `failed: ${failed.join(', ')}` };
  if (tests === 0) return { passed: false, tests, reason: 'it ran no tests' };
  if (unsteady.length > 0) return { passed: true, tests, reason: `at the second attempt: ${unsteady.join(', ')}` };
  return { passed: true, tests };
}

/**
 * @param {Step} step
 * @param {NodeJS.ProcessEnv} env
 */
async function runVitest(step, env) {
  return await runTests(async (files) => {
    if (files.length > 0) heading(`${step.label}: once more ${files.join(', ')}`);
    const report = path.join(mkdtempSync(path.join(scratch, 'vitest-')), 'report.json');
    const reporters = ['--reporter=default', '--reporter=./tests/attempts.mjs'];
    const { code } = await run([...step.command, ...files, ...reporters], { ...env, [REPORT_FILE]: report });
    return { passed: code === 0, ...readReport(report) };
  }, step.secondAttempt === true);
}

/**
 * @param {BuildName} name
 * @param {NodeJS.ProcessEnv} env
 * @param {Map<BuildName, Promise<boolean>>} built
 * @returns {Promise<boolean>}
 */
function buildOnce(name, env, built) {
  const build = async () => {
    for (const needed of /** @type {BuildName[]} */ (builds[name].needs)) {
      if (!(await buildOnce(needed, env, built))) return false;
    }
    heading(`build: ${name}`);
    return (await run(builds[name].command, env)).code === 0;
  };
  const result = built.get(name) ?? build();
  built.set(name, result);
  return result;
}

/**
 * Runs a command in the checkout, showing its output and keeping it.
 *
 * @param {string[]} line
 * @param {NodeJS.ProcessEnv} env
 */
async function run([command = '', ...args], env) {
  const colours = process.stdout.isTTY ? { FORCE_COLOR: '1', CARGO_TERM_COLOR: 'always' } : {};
  const child = start(command, args, { cwd: checkout, env: { ...env, ...colours } });
  let output = '';
  child.stdout?.on('data', (/** @type {Buffer} */ bytes) => {
    output += bytes.toString('utf8');
    process.stdout.write(bytes);
  });
  child.stderr?.on('data', (/** @type {Buffer} */ bytes) => {
    process.stderr.write(bytes);
  });
  const code = await ended(child);
  return { code, output };
}

/**
 * @param {string} file
 * @returns {import('./attempts.mjs').Report} an empty one when vitest did not come to write it
 */
function readReport(file) {
  if (!existsSync(file)) return { files: [], strayErrors: 0 };
  /** @type {import('./attempts.mjs').Report} */
  const { files, strayErrors } = JSON.parse(readFileSync(file, 'utf8'));
  return { files: files.map((one) => ({ ...one, file: path.relative(checkout, one.file) })), strayErrors };
}

/** @param {string} output of `cargo test`, which prints one result for each test binary */
function cargoCount(output) {
  const results = output.matchAll(/test result: .*?(\d+) passed; (\d+) failed/g);
  return [...results].reduce((sum, [, passed, failed]) => sum + Number(passed) + Number(failed), 0);
}

/** @param {string} text */
function heading(text) {
  process.stdout.write(`\n━━ ${text}\n`);
}

/**
 * @param {Result[]} results
 * @returns {number} the exit code
 */
function summarise(results) {
  heading('summary');
  for (const { name, passed, tests, seconds, reason } of results) {
    const columns = [name.padEnd(10), passed ? 'passed' : 'FAILED', `${String(tests).padStart(5)} tests`];
    process.stdout.write(`${[...columns, `${seconds.toFixed(1).padStart(7)} s`, reason ?? ''].join('  ').trimEnd()}\n`);
  }
  const passed = results.filter((result) => result.passed).length;
  process.stdout.write(`\n${String(passed)} passed, ${String(results.length - passed)} failed\n`);
  return passed === results.length && results.length > 0 ? 0 : 1;
}
