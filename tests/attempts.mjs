/**
 * Vitest for `npm test`: what it found, and files that run once more.
 *
 * @typedef {{file: string, passed: boolean, tests: number}} TestFile `tests` really ran in it: skipped ones prove nothing
 *
 * @typedef {object} Report
 * @property {TestFile[]} files
 * @property {number} strayErrors errors that belong to no test: they make the run fail, and none of its files
 */
import { writeFileSync } from 'node:fs';
import process from 'node:process';

/** The variable of the environment that says where the reporter writes. */
export const REPORT_FILE = 'GODOTY_TEST_REPORT';

/** A reporter of vitest that writes a report. */
export default class AttemptReporter {
  /**
   * @param {readonly import('vitest/node').TestModule[]} modules
   * @param {readonly unknown[]} errors
   */
  onTestRunEnd(modules, errors) {
    /** @type {Report} */
    const report = {
      files: modules.map((module) => ({
        file: module.moduleId,
        passed: module.ok(),
        tests: [...module.children.allTests()].filter((test) => ['passed', 'failed'].includes(test.result().state))
          .length,
      })),
      strayErrors: errors.length,
    };
    writeFileSync(process.env[REPORT_FILE] ?? '', JSON.stringify(report));
  }
}

/**
 * Runs tests, and where that is wanted the files that failed once more. They are forgiven only when nothing else made the first
 * run fail.
 *
 * @param {(files: string[]) => Promise<Report & {passed: boolean}>} attempt runs these files, or all if none are named
 * @param {boolean} twice
 * @returns {Promise<{passed: boolean, tests: number, unsteady: string[]}>} `unsteady` are the files that passed only when they
 *   ran once more
 */
export async function runTests(attempt, twice) {
  const first = await attempt([]);
  const failed = first.files.filter(({ passed }) => !passed).map(({ file }) => file);
  if (first.passed || !twice || failed.length === 0 || first.strayErrors > 0) {
    return { passed: first.passed, tests: sum(first.files), unsteady: [] };
  }
  const second = await attempt(failed);
  const tests = sum(first.files.filter(({ passed }) => passed)) + sum(second.files);
  return { passed: second.passed, tests, unsteady: second.passed ? failed : [] };
}

/** @param {TestFile[]} files */
function sum(files) {
  return files.reduce((total, { tests }) => total + tests, 0);
}
