/** The budgets hold: each check is shown what it has to refuse. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { afterAll, describe, expect, it } from 'vitest';
import webpack from 'webpack';
import type { Configuration, Stats } from 'webpack';

import { checkout } from '../../local/setup/packages.mjs';
import { BUDGET, PACKAGE, overBudget, packageFaults } from '../../extension/budget.mjs';
import configurations from '../../webpack.config.js';

const KIB = 1024;
const folder = mkdtempSync(path.join(tmpdir(), 'godoty-budget-'));

afterAll(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));

/** Builds a script of so many bytes as the extension is built. */
async function build(configuration: Configuration, bytes: number): Promise<Stats> {
  const entry = path.join(folder, `${bytes}.js`);
  writeFileSync(entry, `globalThis.kept = '${'x'.repeat(bytes)}';`);
  const compiler = webpack({ ...configuration, entry, output: { path: path.join(folder, 'out') } });
  return await new Promise((resolve, reject) => {
    compiler.run((error, stats) => {
      compiler.close(() => (stats === undefined ? reject(error ?? new Error('no result')) : resolve(stats)));
    });
  });
}

describe('the bundles', () => {
  it.each(configurations.map((configuration) => [configuration.name ?? '', configuration] as const))(
    'of %s fail the build when they are too large, and have no source map',
    async (_, configuration) => {
      const most = configuration.target === 'web' ? BUDGET.webview : BUDGET.host;
      expect(configuration.devtool).toBe(false);
      expect((await build(configuration, most - KIB)).hasErrors()).toBe(false);
      expect((await build(configuration, most + KIB)).toString()).toMatch(/exceeds? the recommended size limit/u);
    },
  );
});

describe('the core and the package', () => {
  it('have the budgets that were agreed', () => {
    expect(BUDGET).toEqual({
      wasm: 262_144,
      wasmGzipped: 102_400,
      host: 409_600,
      webview: 614_400,
      vsix: 1_572_864,
    });
  });

  it('may be as large as their budget, and not a byte larger', () => {
    for (const what of ['wasm', 'wasmGzipped', 'vsix'] as const) {
      expect(overBudget({ [what]: BUDGET[what] })).toEqual([]);
      expect(overBudget({ [what]: BUDGET[what] + 1 })).toHaveLength(1);
    }
  });

  const read = (): string => 'void 0;';

  it('hold what was agreed', () => {
    expect(packageFaults(PACKAGE, read)).toEqual([]);
  });

  it.each(['dist/node/extension.js.map', 'extension/src/extension.ts', 'tests/unit/budget.test.ts', '.env'])(
    'do not hold %s',
    (file) => {
      expect(packageFaults([...PACKAGE, file], read)).toEqual([`${file} should not be in it`]);
    },
  );

  it('show a page about the extension whose pictures and links lead nowhere else', () => {
    for (const name of ['extension/README.md', 'CHANGELOG.md']) {
      const targets = [
        ...readFileSync(path.join(checkout, name), 'utf8').matchAll(/\]\(([^)]*)\)|(?:src|href)="([^"]*)"/gu),
      ];
      expect(
        targets.map(([, link, attribute]) => link ?? attribute).filter((to) => to?.startsWith('https:') !== true),
      ).toEqual([]);
    }
  });

  it('lack nothing', () => {
    expect(packageFaults(PACKAGE.slice(1), read)).toEqual(['CHANGELOG.md is missing']);
  });

  it('name no source map', () => {
    const scripts = PACKAGE.filter((file) => /\.(?:js|css)$/u.test(file));
    const faults = packageFaults(PACKAGE, () => '//# sourceMappingURL=extension.js.map');
    expect(faults).toEqual(scripts.map((file) => `${file} names a source map`));
  });
});
