// Makes what wasm-bindgen wrote for `--target web` small: panics without messages, wasm-opt's passes, and short names between
// the module and its glue code. wasm-bindgen's names end in hashes, which do not compress: together they are 2 KB of the
// gzipped module.
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import binaryen from 'binaryen';

const FLAGS = [
  // Larger than `-Oz`, but smaller once it is compressed.
  '-Os',
  '--one-caller-inline-max-function-size=0',
  // The lowest KiB is the far end of the stack.
  '--low-memory-unused',
  '--enable-bulk-memory',
  '--enable-nontrapping-float-to-int',
  '--enable-sign-ext',
  '--enable-mutable-globals',
  '--enable-reference-types',
  '--enable-multivalue',
  '--strip-producers',
  '--strip-target-features',
  '--minify-imports-and-exports-and-modules',
];

/**
 * Rust's functions that never return: they compose a message, which WebAssembly shows to nobody, and end in a trap. Here
 * they are the trap.
 */
const PANICS = [
  /^core\[\w+\]::panicking::/,
  /^core\[\w+\]::cell::(?:lazy::)?panic_\w+$/,
  /^core\[\w+\]::(?:option::expect|result::unwrap)_failed$/,
  /^core\[\w+\]::slice::[\w:]+_fail$/,
  /^<?alloc\[\w+\]::vec::Vec<_, _>>::\w+::assert_failed$/,
  /^alloc\[\w+\]::(?:alloc::handle_alloc_error|raw_vec::(?:capacity_overflow|handle_error))$/,
  /^__rustc\[\w+\]::rust_begin_unwind$/,
];

/** The name that wasm-opt gives to what everything is imported from. */
const MODULE = 'a';

/** What wasm-opt says it renamed. @typedef {{ imports: [string, string, string][], exports: [string, string][] }} Renamed */

/**
 * Optimises the module, renames in its glue code and declarations, and checks that they still fit.
 *
 * @param {string} stem the path of the package's files without their endings
 * @param {NodeJS.ProcessEnv} env in whose PATH wasm-opt is
 */
export async function optimize(stem, env) {
  const module = `${stem}_bg.wasm`;
  writeFileSync(module, withoutMessages(readFileSync(module)));
  const run = spawnSync('wasm-opt', [module, ...FLAGS, '--output', module], { encoding: 'utf8', env });
  if (run.status !== 0) throw new Error(`wasm-opt failed: ${run.error?.message ?? run.stderr}`);
  const renamed = /** @type {Renamed} */ (JSON.parse(run.stdout));
  const imports = new Map(renamed.imports.map(([, from, to]) => [from, to]));
  const exports = new Map(renamed.exports);

  const glue = rewrite(`${stem}.js`, (text) =>
    named(named(text, /(?<=^ {8})[\w$]+(?=: )/gm, imports), /(?<=\bwasm\.)[\w$]+/g, exports).replace(
      /(?<=^ {8})".*"(?=: import0,$)/m,
      MODULE,
    ),
  );
  for (const declarations of [`${stem}.d.ts`, `${stem}_bg.wasm.d.ts`]) {
    rewrite(declarations, (text) => named(text, /(?<=^(?: {4}readonly|export const) )[\w$]+(?=: )/gm, exports));
  }
  await check(readFileSync(module), glue);
}

/** The module with each of `PANICS` a trap. @param {Uint8Array} bytes */
function withoutMessages(bytes) {
  const module = binaryen.readBinary(bytes);
  const panics = Array.from({ length: module.getNumFunctions() }, (_, index) =>
    binaryen.getFunctionInfo(module.getFunctionByIndex(index)),
  ).filter(({ name }) => PANICS.some((panic) => panic.test(name)));
  if (panics.length === 0) throw new Error('no function of the module panics: Rust has other names for them now');
  for (const { name, params, results } of panics) {
    module.removeFunction(name);
    module.addFunction(name, params, results, [], module.unreachable());
  }
  return module.emitBinary();
}

/** @param {string} file @param {(text: string) => string} change */
function rewrite(file, change) {
  const text = change(readFileSync(file, 'utf8'));
  writeFileSync(file, text);
  return text;
}

/** @param {string} text @param {RegExp} where @param {ReadonlyMap<string, string>} names */
function named(text, where, names) {
  return text.replace(where, (name) => names.get(name) ?? name);
}

/**
 * Links the module with its glue code, and looks for uses of exports that it lacks.
 *
 * @param {Uint8Array} module @param {string} glue
 */
async function check(module, glue) {
  const { initSync } = /** @type {{ initSync(from: { module: Uint8Array }): object }} */ (
    await import(`data:text/javascript,${encodeURIComponent(glue)}`)
  );
  const exports = initSync({ module });
  const missing = Array.from(glue.matchAll(/(?<=\bwasm\.)[\w$]+/g), ([name]) => name).filter(
    (name) => !(name in exports),
  );
  if (missing.length > 0) throw new Error(`the glue code uses what the module lacks: ${missing.join(' ')}`);
}
