// Builds crate/wasm with wasm-pack into crate/wasm/pkg (one package for both hosts) and holds it to its size budget.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { overBudget } from '../../extension/budget.mjs';
import { ensure } from '../../local/setup/main.mjs';
import { optimize } from './optimize.mjs';
import { tellOfTraps } from './traps.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, '../..');
const { env } = await ensure('npm-packages', 'wasm32-target', 'wasm-bindgen-cli', 'wasm-pack');

// wasm-opt comes from npm's binaryen.
const tools = { ...env, PATH: [join(root, 'node_modules/.bin'), env['PATH']].join(delimiter) };
// Panic messages name source files. Where those lie on the machine that builds is nobody's business.
const cargoHome = env['CARGO_HOME'] ?? join(homedir(), '.cargo');
const crates = join(cargoHome, 'registry/src');
const remapped = [
  [root, '.'],
  [cargoHome, 'cargo'],
  ...(existsSync(crates) ? readdirSync(crates).map((registry) => [join(crates, registry), 'crates']) : []),
];
const given = env['CARGO_ENCODED_RUSTFLAGS']?.split('\x1f') ?? env['RUSTFLAGS']?.split(/\s+/) ?? [];
const flags = [...given.filter(Boolean), ...remapped.map(([from, to]) => `--remap-path-prefix=${from}=${to}`)];
rmSync(join(here, 'pkg'), { recursive: true, force: true });
const built = spawnSync(
  'wasm-pack',
  ['build', here, '--target', 'web', '--release', '--no-pack', '--mode', 'no-install', '--out-name', 'godoty_core'],
  { stdio: 'inherit', env: { ...tools, CARGO_ENCODED_RUSTFLAGS: flags.join('\x1f') } },
);
if (built.status !== 0) {
  console.error(
    built.error ? `wasm-pack did not start: ${built.error.message}` : 'wasm-pack failed; its output is above.',
  );
  process.exit(built.status ?? 1);
}
tellOfTraps(join(here, 'pkg/godoty_core'));
await optimize(join(here, 'pkg/godoty_core'), tools);

const wasm = readFileSync(join(here, 'pkg/godoty_core_bg.wasm'));
const strangers = wasm.toString('latin1').match(/(?:\/home\/|\/root\/|\/Users\/|[A-Z]:\\Users\\)[ -~]*/g) ?? [];
const own = [homedir(), root, cargoHome].filter((path) => path.length > 1 && wasm.includes(path));
if (strangers.length + own.length > 0) {
  console.error(`paths of this machine are in the module: ${[...own, ...strangers].join(' ').slice(0, 2000)}`);
  process.exit(1);
}
const gzipped = gzipSync(wasm, { level: 9 }).length;
console.log(`core WASM: ${String(wasm.length)} bytes, ${String(gzipped)} gzipped`);
const faults = overBudget({ wasm: wasm.length, wasmGzipped: gzipped });
if (faults.length > 0) {
  for (const fault of faults) console.error(fault);
  process.exit(1);
}
