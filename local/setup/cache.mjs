/**
 * Where the set-up keeps what it installs: outside the checkout, shared by all checkouts.
 *
 *     <cache>/<tool>-<version>/   complete, always: a tool is renamed to here when it is finished
 *     <cache>/staging/            what is being installed; worthless after an interruption
 *     <cache>/logs/<tool>.log     the output of the last installation
 *     <cache>/setup.lock          held while something is being installed
 */
import { existsSync, rmSync } from 'node:fs';
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';
import process from 'node:process';

import { onExit } from './processes.mjs';

/** The root of the cache. */
export const cache = cacheRoot();

/** @param {string} name */
export function logFile(name) {
  return path.join(cache, 'logs', `${name}.log`);
}

/**
 * Builds a folder of the cache aside and puts it in place only when it is complete.
 *
 * @param {string} folder the final place, below the cache
 * @param {(staging: string) => Promise<void>} build
 */
export async function installInto(folder, build) {
  const staging = path.join(cache, 'staging', `${path.basename(folder)}-${String(process.pid)}`);
  await rm(staging, { recursive: true, force: true });
  await mkdir(staging, { recursive: true });
  onExit(() => {
    rmSync(staging, { recursive: true, force: true, maxRetries: 3 });
  });
  try {
    await build(staging);
    await rm(folder, { recursive: true, force: true });
    await mkdir(path.dirname(folder), { recursive: true });
    await rename(staging, folder);
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}

/**
 * Runs an action while no other set-up on this machine installs anything.
 *
 * @template T
 * @param {(message: string) => void} say
 * @param {() => Promise<T>} action
 * @returns {Promise<T>}
 */
export async function withLock(say, action) {
  const file = path.join(cache, 'setup.lock');
  await mkdir(cache, { recursive: true });
  let waiting = false;
  while (!(await takeLock(file))) {
    const holder = await readHolder(file);
    if (holder !== undefined && !isAlive(holder)) {
      await removeStaleLock(file, holder);
      continue;
    }
    if (!waiting && holder !== undefined) {
      say(`waiting for another set-up (process ${String(holder)}); if there is none, delete ${file}`);
      waiting = true;
    }
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
  let held = true;
  onExit(() => {
    if (held) rmSync(file, { force: true });
  });
  try {
    await removeLeftovers();
    return await action();
  } finally {
    held = false;
    await rm(file, { force: true });
  }
}

/** Nobody else installs now, so whatever lies in the staging folder was interrupted. */
async function removeLeftovers() {
  try {
    await rm(path.join(cache, 'staging'), { recursive: true, force: true });
  } catch {
    // The children of a set-up that was killed may still be writing; the next set-up removes what they leave.
  }
}

function cacheRoot() {
  const own = process.env['GODOTY_CACHE'];
  if (own) return path.resolve(own);
  const xdg = process.env['XDG_CACHE_HOME'];
  return path.join(xdg && path.isAbsolute(xdg) ? xdg : path.join(homedir(), '.cache'), 'godoty');
}

/** @param {string} file */
async function takeLock(file) {
  try {
    const handle = await open(file, 'wx');
    await handle.writeFile(String(process.pid));
    await handle.close();
    return true;
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code === 'EEXIST') return false;
    throw error;
  }
}

/** @param {string} file */
async function readHolder(file) {
  try {
    const id = Number.parseInt(await readFile(file, 'utf8'), 10);
    return Number.isNaN(id) ? undefined : id;
  } catch {
    return undefined;
  }
}

/**
 * Moves the lock away before deleting it: of two that see the same stale lock only one succeeds, and one that moved a
 * fresh lock by mistake puts it back.
 *
 * @param {string} file
 * @param {number} holder
 */
async function removeStaleLock(file, holder) {
  const aside = `${file}.${String(process.pid)}`;
  try {
    await rename(file, aside);
  } catch {
    return;
  }
  if ((await readHolder(aside)) !== holder && !existsSync(file)) await rename(aside, file);
  else await rm(aside, { force: true });
}

/** @param {number} id */
function isAlive(id) {
  try {
    process.kill(id, 0);
    return true;
  } catch (error) {
    return /** @type {NodeJS.ErrnoException} */ (error).code === 'EPERM';
  }
}
