/** Requirements of the Rust side: the pinned toolchain and the tools that make WebAssembly of a crate. */
import { readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';

import { cache, installInto } from './cache.mjs';
import { ask, install, isExecutable, which } from './commands.mjs';
import { checkout } from './packages.mjs';
import { versions } from './versions.mjs';

/** @typedef {import('./requirement.mjs').Requirement} Requirement */

const components = ['rustfmt', 'clippy'];
const channel = toolchainChannel();

/** @type {Record<string, Requirement>} */
export const rustRequirements = {
  rustup: {
    title: 'Rust, through rustup',
    check: () => (which('rustup') === undefined || which('cargo') === undefined ? undefined : {}),
    help: 'get it from https://rustup.rs and open a new terminal (a cargo without rustup has no WebAssembly target)',
  },
  rust: {
    title: `Rust ${channel}`,
    needs: ['rustup'],
    check: () => (hasComponents() ? {} : undefined),
    takes: 'half a minute',
    install: () =>
      install('rust', 'rustup', [
        ...['toolchain', 'install', channel, '--profile', 'minimal', '--no-self-update'],
        ...components.flatMap((component) => ['--component', component]),
      ]),
  },
  'wasm32-target': {
    title: `Rust's ${versions.rustTarget} target`,
    needs: ['rust'],
    check: () => (installedInToolchain('target').includes(versions.rustTarget) ? {} : undefined),
    takes: 'some seconds',
    install: () => install('wasm32-target', 'rustup', ['target', 'add', '--toolchain', channel, versions.rustTarget]),
  },
  'wasm-pack': cargoTool('wasm-pack', versions.wasmPack, 'wasm-pack', ['--locked']),
  // Its lock file names a crate version that the index has no more, so it is built without --locked.
  'wasm-bindgen-cli': cargoTool('wasm-bindgen-cli', versions.wasmBindgen, 'wasm-bindgen', []),
};

/**
 * A command-line tool that cargo builds, each version in a folder of its own.
 *
 * @param {string} crate
 * @param {string} version
 * @param {string} command
 * @param {string[]} flags
 * @returns {Requirement}
 */
function cargoTool(crate, version, command, flags) {
  const folder = path.join(cache, 'cargo-tools', `${crate}-${version}`);
  const file = process.platform === 'win32' ? `${command}.exe` : command;
  return {
    title: `${crate} ${version}`,
    needs: ['rust'],
    check: () => {
      const cached = path.join(folder, 'bin');
      if (isExecutable(path.join(cached, file))) return { bin: [cached] };
      const installed = which(command);
      const same = installed !== undefined && ask(installed, ['--version'])?.split(' ')[1] === version;
      return same ? { bin: [path.dirname(installed)] } : undefined;
    },
    takes: 'about two minutes',
    install: () =>
      installInto(folder, async (staging) => {
        const target = path.join(staging, 'target');
        const flagged = ['--version', version, '--root', staging, '--target-dir', target, ...flags];
        await install(crate, 'cargo', [`+${channel}`, 'install', crate, ...flagged]);
        await rm(target, { recursive: true, force: true });
      }),
  };
}

function hasComponents() {
  const installed = installedInToolchain('component');
  return components.every((component) => installed.some((name) => name.startsWith(component)));
}

/** @param {'target' | 'component'} kind */
function installedInToolchain(kind) {
  return ask('rustup', [kind, 'list', '--installed', '--toolchain', channel])?.split('\n') ?? [];
}

function toolchainChannel() {
  try {
    const text = readFileSync(path.join(checkout, 'rust-toolchain.toml'), 'utf8');
    return /^channel\s*=\s*"([^"]+)"/m.exec(text)?.[1] ?? versions.rust;
  } catch {
    return versions.rust;
  }
}
