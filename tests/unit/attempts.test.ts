/** What `npm test` forgives: files that pass when they run once more, and nothing beside them. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { REPORT_FILE, runTests } from '../attempts.mjs';
import type { Report } from '../attempts.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'godoty-attempts-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** Runs vitest on the files of the folder. */
async function vitest(): Promise<Report & { readonly passed: boolean }> {
  const report = path.join(folder, 'report.json');
  const command = [path.join(root, 'node_modules/vitest/vitest.mjs'), 'run', '--globals', '--root', folder];
  const passed = await new Promise<boolean>((resolve) => {
    execFile(
      process.execPath,
      [...command, `--reporter=${path.join(root, 'tests/attempts.mjs')}`],
      { env: { ...process.env, [REPORT_FILE]: report } },
      (error) => resolve(error === null),
    );
  });
  return { passed, ...(JSON.parse(readFileSync(report, 'utf8')) as Report) };
}

const put = (name: string, text: string): void => writeFileSync(path.join(folder, name), text);

describe('the report of a run', () => {
  it('says of each file whether it passed and how many tests ran, and counts the errors of none', async () => {
    put('good.test.js', "it('passes', () => {}); it.skip('does not run', () => {});");
    put('bad.test.js', "it('passes', () => {}); it('fails', () => { throw new Error('no'); });");
    put('broken.test.js', "beforeAll(() => { throw new Error('no'); }); it('does not come to run', () => {});");
    put('stray.test.js', "it('passes', async () => { Promise.reject(new Error('nobody waits for it')); });");
    const { passed, files, strayErrors } = await vitest();
    const found = files.map(({ file, ...rest }) => [path.basename(file), rest] as const);
    expect(passed).toBe(false);
    expect(Object.fromEntries(found)).toEqual({
      'good.test.js': { passed: true, tests: 1 },
      'bad.test.js': { passed: false, tests: 2 },
      'broken.test.js': { passed: false, tests: 0 },
      'stray.test.js': { passed: true, tests: 1 },
    });
    expect(strayErrors).toBe(1);
  });
});

describe('a second attempt', () => {
  const good = { file: 'good', passed: true, tests: 3 };
  const bad = { file: 'bad', passed: false, tests: 2 };
  const mended = { ...bad, passed: true };
  const run = (files: Report['files'], strayErrors = 0) => ({
    passed: strayErrors === 0 && files.every(({ passed }) => passed),
    files,
    strayErrors,
  });

  /** Runs tests with these outcomes; says what was run, too. */
  async function outcome(twice: boolean, ...runs: ReturnType<typeof run>[]) {
    const asked: string[][] = [];
    const result = await runTests((files) => {
      asked.push(files);
      return Promise.resolve(runs[asked.length - 1] ?? run([]));
    }, twice);
    return { ...result, asked };
  }

  it('runs the files that failed, and names those that passed then', async () => {
    expect(await outcome(true, run([good, bad]), run([mended]))).toEqual({
      ...{ passed: true, tests: 5, unsteady: ['bad'] },
      asked: [[], ['bad']],
    });
  });

  it('that fails, too, is the end', async () => {
    expect(await outcome(true, run([good, bad]), run([bad]))).toMatchObject({ passed: false, unsteady: [] });
    expect(await outcome(true, run([good, bad]), run([mended], 1))).toMatchObject({ passed: false, unsteady: [] });
  });

  it.each([
    ['where all is well', true, run([good])],
    ['where none is wanted', false, run([good, bad])],
    ['where an error belongs to no test', true, run([good], 1)],
    ['where a file failed, and an error belongs to no test', true, run([good, bad], 1)],
    ['where nothing ran', true, { ...run([]), passed: false }],
  ])('is not made %s', async (_, twice, first) => {
    const { asked, passed } = await outcome(twice, first, run([mended]));
    expect(asked).toEqual([[]]);
    expect(passed).toBe(first.passed);
  });
});
