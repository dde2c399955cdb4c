/** Makes sure that tools are there, installing what is missing. */
import { rm } from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';

import { logFile, withLock } from './cache.mjs';
import { say, seconds, SetupError } from './commands.mjs';
import { litellmRequirements } from './litellm.mjs';
import { packageRequirements } from './packages.mjs';
import { rustRequirements } from './rust.mjs';
import { debianLine, installDebianPackages, isDebian, systemRequirements } from './system.mjs';

/** @typedef {import('./requirement.mjs').Requirement} Requirement */

/** @type {Record<string, Requirement>} */
const requirements = { ...systemRequirements, ...rustRequirements, ...packageRequirements, ...litellmRequirements };

/** The names that `ensure` knows. */
export const names = Object.keys(requirements);

/**
 * @typedef {object} Tools
 * @property {Record<string, string>} paths what the requirements offer: python, browser, codeServer, codeServerNode, postgresBin
 * @property {NodeJS.ProcessEnv} env this process's environment with the tools in front of PATH
 */

/**
 * Checks for the named requirements and what they need, and installs what is missing.
 *
 * @param {...string} wanted
 * @returns {Promise<Tools>}
 * @throws {SetupError} when the user has to do something; the message says what
 */
export async function ensure(...wanted) {
  const ordered = inOrder(wanted);
  if (ordered.some((name) => requirement(name).check() === undefined)) {
    refuseWhatOnlyTheUserCanInstall(ordered);
    await withLock(say, () => installMissing(ordered));
  }
  return toolsOf(ordered);
}

/**
 * Names every missing thing at once, rather than one more on each attempt.
 *
 * @param {string[]} ordered
 */
function refuseWhatOnlyTheUserCanInstall(ordered) {
  const missing = ordered.map(requirement).filter(({ check }) => check() === undefined);
  const canInstallPackages = isDebian() && process.getuid?.() === 0;
  const lines = missing
    .filter(({ install, debian }) => install === undefined && !(debian && isDebian()))
    .map(({ title, help }) => `- ${title}: ${help ?? 'please install it'}`);
  const packages = canInstallPackages || !isDebian() ? [] : missing.flatMap(({ debian }) => debian ?? []);
  if (packages.length > 0) lines.push(`- system packages; please run:\n\n    ${debianLine(packages)}\n`);
  if (lines.length > 0) throw new SetupError(`Missing on this machine:\n${lines.join('\n')}`);
}

/** @param {string[]} ordered */
async function installMissing(ordered) {
  const packages = ordered
    .map(requirement)
    .filter(({ debian, check }) => debian && check() === undefined)
    .flatMap(({ debian }) => debian ?? []);
  if (packages.length > 0) {
    await timed('system-packages', `Debian packages ${packages.join(', ')}`, 'up to a minute', () =>
      installDebianPackages(packages),
    );
  }
  for (const name of ordered) {
    const { check, install, title, takes, help } = requirement(name);
    // Another set-up may have installed it while this one waited for the lock.
    if (check() !== undefined) continue;
    if (install) await timed(name, title, takes ?? '', install);
    if (check() === undefined) throw new SetupError(`${title} is still missing. ${help ?? `See ${logFile(name)}`}`);
  }
}

/**
 * @param {string} name
 * @param {string} title
 * @param {string} takes
 * @param {() => Promise<void>} action
 */
async function timed(name, title, takes, action) {
  const begun = Date.now();
  await rm(logFile(name), { force: true });
  say(`installing ${title}${takes ? ` (${takes})` : ''}`);
  await action();
  say(`installed ${title} in ${seconds(begun)}`);
}

/**
 * The wanted requirements with everything they need before them.
 *
 * @param {string[]} wanted
 */
function inOrder(wanted) {
  /** @type {Set<string>} */
  const ordered = new Set();
  const visit = (/** @type {string} */ name) => {
    for (const needed of requirement(name).needs ?? []) visit(needed);
    ordered.add(name);
  };
  for (const name of wanted) visit(name);
  return [...ordered];
}

/** @param {string} name */
function requirement(name) {
  const found = requirements[name];
  if (found === undefined) throw new SetupError(`there is no requirement '${name}'; there are ${names.join(', ')}`);
  return found;
}

/**
 * @param {string[]} ordered
 * @returns {Tools}
 */
function toolsOf(ordered) {
  const found = ordered.map((name) => requirement(name).check() ?? {});
  const bin = found.flatMap((one) => one.bin ?? []);
  return {
    paths: Object.assign({}, ...found.map((one) => one.paths ?? {})),
    env: { ...process.env, PATH: [...bin, process.env['PATH'] ?? ''].join(path.delimiter) },
  };
}
