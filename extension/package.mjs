// Packs dist/godoty-<version>.vsix from what `npm run build` made, and holds it to its budget and its list of files.
import { readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PackageManager, createVSIX, listFiles } from '@vscode/vsce';

const BUDGET = 1.5 * 1024 * 1024;
/** What people get, and nothing else: no source maps, no sources, no tests. */
const EXPECTED = [
  'LICENSE',
  'README.md',
  'dist/godoty_core.wasm',
  'dist/node/extension.js',
  'dist/price-map.LICENSE',
  'dist/price-map.txt',
  'dist/web/extension.js',
  'dist/webview/main.css',
  'dist/webview/main.js',
  'extension/l10n/bundle.l10n.de.json',
  'extension/media/godoty.svg',
  'extension/media/icon.png',
  'extension/media/walkthrough/chat.svg',
  'extension/media/walkthrough/native-chat.svg',
  'extension/media/walkthrough/sign-in.svg',
  'extension/media/walkthrough/usage.svg',
  'package.json',
  'package.nls.de.json',
  'package.nls.json',
];

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
process.chdir(root);
const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
const packagePath = join(root, 'dist', `godoty-${version}.vsix`);

const files = (await listFiles({ cwd: root, packageManager: PackageManager.None })).sort();
const unexpected = files.filter((file) => !EXPECTED.includes(file));
const missing = EXPECTED.filter((file) => !files.includes(file));
if (unexpected.length > 0 || missing.length > 0) {
  console.error(
    `the package would not hold what it should: missing ${missing.join(', ') || 'nothing'}; extra ${unexpected.join(', ') || 'nothing'}`,
  );
  if (missing.length > 0) {
    console.error('run `npm run build:wasm` and `npm run build` first');
  }
  process.exit(1);
}

await createVSIX({
  cwd: root,
  packagePath,
  dependencies: false,
  allowMissingRepository: true,
  rewriteRelativeLinks: false,
});
const { size } = statSync(packagePath);
console.log(`${packagePath}: ${(size / 1024).toFixed(0)} KiB`);
if (size > BUDGET) {
  console.error(`over budget: at most ${(BUDGET / 1024).toFixed(0)} KiB`);
  process.exit(1);
}
