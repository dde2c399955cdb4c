/** Requirements that come from the operating system: Node, Python, a compiler, a database, a browser. */
import { existsSync, readdirSync, readFileSync, realpathSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';

import { ask, install, isExecutable, SetupError, which } from './commands.mjs';
import { versions } from './versions.mjs';

/** @typedef {import('./requirement.mjs').Requirement} Requirement */

const [pythonMajor = 0, pythonMinor = 0] = versions.python;
const pythonVersion = versions.python.join('.');

/** @type {Record<string, Requirement>} */
export const systemRequirements = {
  node: {
    title: `Node.js ${String(versions.nodeMajor)} or newer`,
    check: () => (Number.parseInt(process.versions.node, 10) >= versions.nodeMajor ? {} : undefined),
    help: `this is Node.js ${process.versions.node}; get a newer one from https://nodejs.org`,
  },
  python: {
    title: `Python ${pythonVersion} or newer, with venv`,
    check: () => {
      const python = findPython();
      return python === undefined ? undefined : { paths: { python } };
    },
    debian: ['python3', 'python3-venv'],
    help: 'get it from https://www.python.org, or from your package manager',
  },
  make: {
    title: 'make',
    check: () => (which('make', 'gmake') === undefined ? undefined : {}),
    debian: ['make'],
    help: 'install the build tools of your system (macOS: xcode-select --install)',
  },
  compiler: {
    title: 'a C++ compiler',
    check: () => (which('g++', 'clang++') === undefined ? undefined : {}),
    debian: ['g++'],
    help: 'install the build tools of your system (macOS: xcode-select --install)',
  },
  kerberos: {
    title: 'the Kerberos headers',
    // macOS brings them as a framework.
    check: () => (process.platform === 'darwin' || findKerberosHeaders() ? {} : undefined),
    debian: ['libkrb5-dev'],
    help: 'install the Kerberos development package (Fedora: krb5-devel, Arch: krb5)',
  },
  postgres: {
    title: 'a PostgreSQL server',
    check: () => {
      const postgresBin = findPostgres();
      return postgresBin === undefined ? undefined : { paths: { postgresBin } };
    },
    debian: ['postgresql'],
    help: 'get it from https://www.postgresql.org/download, or from your package manager',
  },
  browser: {
    title: 'a Chromium browser',
    check: () => {
      const browser = findBrowser();
      return browser === undefined ? undefined : { paths: { browser } };
    },
    debian: ['chromium'],
    help: 'install Chromium, Chrome or Edge, or name one in GODOTY_BROWSER',
  },
};

/** Whether this is a system with Debian's package manager. */
export function isDebian() {
  return process.platform === 'linux' && existsSync('/etc/debian_version') && which('apt-get') !== undefined;
}

/**
 * Installs Debian packages as root; otherwise tells the user the line to run.
 *
 * @param {string[]} packages
 */
export async function installDebianPackages(packages) {
  if (process.getuid?.() !== 0) throw new SetupError(`please run:\n\n    ${debianLine(packages)}\n`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  await install('system-packages', 'apt-get', ['update'], { env });
  await install('system-packages', 'apt-get', ['install', '-y', '--no-install-recommends', ...packages], { env });
}

/** @param {string[]} packages */
export function debianLine(packages) {
  return `sudo apt-get update && sudo apt-get install -y --no-install-recommends ${packages.join(' ')}`;
}

function findPython() {
  // A Python without ensurepip makes virtual environments that cannot install anything: Debian splits it off.
  const probe = 'import sys, venv, ensurepip; print(sys.version_info[0], sys.version_info[1])';
  for (const name of ['python3', 'python', '/usr/bin/python3']) {
    const [major = 0, minor = 0] = (ask(name, ['-c', probe]) ?? '').split(' ').map(Number);
    if (major > pythonMajor || (major === pythonMajor && minor >= pythonMinor)) return name;
  }
  return undefined;
}

function findKerberosHeaders() {
  return ['/usr/include', '/usr/local/include', '/opt/homebrew/include'].some((folder) =>
    existsSync(path.join(folder, 'gssapi', 'gssapi.h')),
  );
}

function findPostgres() {
  const onPath = which('postgres');
  // A link on the PATH leads to where the server's other programs are.
  if (onPath !== undefined) return path.dirname(realpathSync(onPath));
  // Debian keeps the servers of all versions off the PATH.
  const root = '/usr/lib/postgresql';
  const installed = existsSync(root) ? readdirSync(root).sort((a, b) => Number(b) - Number(a)) : [];
  return installed
    .map((version) => path.join(root, version, 'bin'))
    .find((bin) => isExecutable(path.join(bin, 'postgres')));
}

function findBrowser() {
  const named = process.env['GODOTY_BROWSER'];
  if (named) return isExecutable(named) ? named : undefined;
  const programs = process.env['PROGRAMFILES'] ?? 'C:\\Program Files';
  const programs86 = process.env['PROGRAMFILES(X86)'] ?? 'C:\\Program Files (x86)';
  const places = [
    which('chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'microsoft-edge'),
    '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
    '/Applications/Chromium.app/Contents/MacOS/Chromium',
    '/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge',
    path.join(programs, 'Google', 'Chrome', 'Application', 'chrome.exe'),
    path.join(programs86, 'Microsoft', 'Edge', 'Application', 'msedge.exe'),
  ];
  return places.find((place) => place !== undefined && isExecutable(place) && !isSnapStub(place));
}

/**
 * Ubuntu's `chromium-browser` without snap is a script that only says so.
 *
 * @param {string} file
 */
function isSnapStub(file) {
  return (
    file.endsWith('chromium-browser') &&
    !existsSync('/snap/bin/chromium') &&
    readFileSync(file).includes('snap install')
  );
}
