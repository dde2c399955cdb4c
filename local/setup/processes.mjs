/**
 * Child processes that never outlive this one.
 *
 * Each child leads a process group of its own, so that what it starts ends with it, and every group is ended when this
 * process ends: normally, by a signal, or by an uncaught error.
 */
import { spawn, spawnSync } from 'node:child_process';
import { constants } from 'node:os';
import process from 'node:process';

const onWindows = process.platform === 'win32';
const graceMilliseconds = 3000;

/** @type {Set<number>} The group ids (the leader's process id) that may still have members. */
const groups = new Set();
/** @type {(() => void)[]} */
const cleanups = [];
let handlersInstalled = false;
let ending = false;

/**
 * Starts a command as the leader of a new process group.
 *
 * @param {string} command
 * @param {string[]} args
 * @param {import('node:child_process').SpawnOptions} [options]
 * @returns {import('node:child_process').ChildProcess}
 */
export function start(command, args, options = {}) {
  installHandlers();
  // Only `npm.cmd` and its like need a shell on Windows; everything else is started directly.
  const shell = onWindows && /^(npm|npx|code)$/.test(command);
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], shell, ...options, detached: !onWindows });
  const group = child.pid;
  if (group !== undefined) {
    groups.add(group);
    // What the leader left behind ends with it; an empty group is forgotten, since its id may be given out again.
    child.once('exit', () => {
      if (!signalGroup(group, 'SIGTERM')) groups.delete(group);
    });
  }
  return child;
}

/**
 * Waits for a child to end. While this process is ending nobody is told: a child that was ended is no failure.
 *
 * @param {import('node:child_process').ChildProcess} child
 * @returns {Promise<number>} the exit code; 128 + n after signal n
 */
export function ended(child) {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => {
      if (!ending) resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal]));
    });
  });
}

/**
 * Ends one child with its whole group, the hard way after a grace period.
 *
 * @param {import('node:child_process').ChildProcess} child
 */
export async function stop(child) {
  if (child.pid === undefined) return;
  await endGroups([child.pid]);
}

/**
 * Registers something to do, synchronously, after all children have ended.
 *
 * @param {() => void} cleanup
 */
export function onExit(cleanup) {
  installHandlers();
  cleanups.push(cleanup);
}

/**
 * Ends every child and then this process.
 *
 * @param {number} code
 * @returns {Promise<void>}
 */
export async function exit(code) {
  if (ending) return;
  ending = true;
  await endGroups([...groups]);
  process.exit(code);
}

/** @param {number[]} ids */
async function endGroups(ids) {
  let alive = ids.filter((id) => signalGroup(id, 'SIGTERM'));
  const deadline = Date.now() + graceMilliseconds;
  while (alive.length > 0 && Date.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    alive = alive.filter((id) => signalGroup(id, 0));
  }
  for (const id of alive) signalGroup(id, 'SIGKILL');
  for (const id of ids) groups.delete(id);
}

/**
 * @param {number} id
 * @param {NodeJS.Signals | 0} signal 0 only asks whether the group has members
 * @returns {boolean} whether the group has members
 */
function signalGroup(id, signal) {
  try {
    if (!onWindows) return process.kill(-id, signal);
    if (signal === 0) return process.kill(id, 0);
    return spawnSync('taskkill', ['/pid', String(id), '/T', '/F'], { stdio: 'ignore' }).status === 0;
  } catch {
    return false;
  }
}

function installHandlers() {
  if (handlersInstalled) return;
  handlersInstalled = true;
  for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])) {
    process.on(signal, () => void exit(128 + constants.signals[signal]));
  }
  process.on('uncaughtException', (error) => {
    process.stderr.write(`${error.stack ?? error.message}\n`);
    void exit(1);
  });
  // The last resort, when something called process.exit: no time is left for grace.
  process.on('exit', () => {
    for (const id of groups) signalGroup(id, 'SIGKILL');
    for (const cleanup of cleanups) cleanup();
  });
}
