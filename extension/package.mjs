// Packs dist/godoty-<version>.vsix from what `npm run build` made, and holds it to its budget and its list of files.
import { readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PackageManager, createVSIX, listFiles } from '@vscode/vsce';

import { overBudget, packageFaults } from './budget.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
process.chdir(root);
const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
const packagePath = join(root, 'dist', `godoty-${version}.vsix`);

/** What the Extensions view shows of it. The checkout's README has pictures and links that lead nowhere from there. */
const readmePath = 'extension/README.md';
// The types of listFiles leave the path out; what it calls takes it.
const listed = { cwd: root, packageManager: PackageManager.None, readmePath };
const files = await listFiles(listed);
refuse(packageFaults(files, (file) => readFileSync(file, 'utf8')));
await createVSIX({
  cwd: root,
  packagePath,
  readmePath,
  dependencies: false,
  allowMissingRepository: true,
  rewriteRelativeLinks: false,
});
const { size } = statSync(packagePath);
console.log(`${packagePath}: ${(size / 1024).toFixed(0)} KiB`);
refuse(overBudget({ vsix: size }));

/** @param {string[]} faults */
function refuse(faults) {
  if (faults.length === 0) return;
  for (const fault of faults) console.error(`the package: ${fault}`);
  if (faults.some((fault) => fault.startsWith('dist/'))) {
    console.error('`npm run build:wasm` and `npm run build` make what lies in dist');
  }
  process.exit(1);
}
