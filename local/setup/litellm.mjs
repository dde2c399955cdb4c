/**
 * LiteLLM from PyPI: its calculator is what the cost of a call is held against, and its proxy, with its database, is
 * what the client is held against.
 */
import { existsSync, readdirSync } from 'node:fs';
import { cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';

import { engineEnvironment, writeEngineLauncher } from '../litellm/engine.mjs';
import { startPostgres } from '../postgres.mjs';
import { cache, installInto } from './cache.mjs';
import { ask, install, isExecutable, npmEnvironment, SetupError } from './commands.mjs';
import { systemRequirements } from './system.mjs';
import { versions } from './versions.mjs';

/** @typedef {import('./requirement.mjs').Requirement} Requirement */

const folder = path.join(cache, `litellm-${versions.litellm}`);

/** @type {Record<string, Requirement>} */
export const litellmRequirements = {
  litellm: {
    title: `LiteLLM ${versions.litellm}, library and proxy`,
    needs: ['node', 'python'],
    check: () => {
      const found = partsOf(folder);
      // An older set-up installed the library alone.
      return isExecutable(found.python) && existsSync(found.prismaPackage)
        ? { paths: { litellmPython: found.python, litellmPrisma: found.prisma } }
        : undefined;
    },
    takes: 'about a minute and a half, 800 MB',
    install: () => installInto(folder, installProxy),
    help: 'it runs on Linux and macOS; on Windows use WSL',
  },
  // Creating the tables takes longer than starting the proxy, so a database that has them is kept and copied.
  'litellm-database': {
    title: `the empty database of LiteLLM ${versions.litellm}`,
    needs: ['litellm', 'postgres'],
    check: () => {
      const bin = postgresBin();
      const litellmDatabase = bin === undefined ? undefined : databaseFor(bin);
      return litellmDatabase !== undefined && existsSync(litellmDatabase) ? { paths: { litellmDatabase } } : undefined;
    },
    takes: 'some seconds',
    install: installDatabase,
  },
};

/** @param {string} staging */
async function installProxy(staging) {
  const name = 'litellm';
  const python = systemRequirements['python']?.check()?.paths?.['python'] ?? 'python3';
  await install(name, python, ['-m', 'venv', staging]);
  const wheels = [`litellm[proxy]==${versions.litellm}`, `prisma==${versions.prismaPython}`];
  await install(name, partsOf(staging).python, ['-m', 'pip', 'install', '--disable-pip-version-check', ...wheels]);

  const { site, prisma, schema } = partsOf(staging);
  await mkdir(prisma);
  await writeFile(
    path.join(prisma, 'package.json'),
    JSON.stringify({ private: true, dependencies: versions.prismaPackages }),
  );
  // Their scripts would download the native engine, which query-engine.mjs stands in for.
  await install(name, 'npm', ['install', '--ignore-scripts'], { cwd: prisma, env: npmEnvironment() });

  // LiteLLM talks to its database through a client that is generated from its schema, by a program of the venv.
  const engine = await writeEngineLauncher(prisma);
  await install(name, process.execPath, ['node_modules/prisma/build/index.js', 'generate', '--schema', schema], {
    cwd: prisma,
    env: {
      ...process.env,
      ...engineEnvironment(engine, prisma),
      PATH: [path.join(staging, 'bin'), process.env['PATH'] ?? ''].join(path.delimiter),
    },
  });
  await rm(engine);
  await tellWhereTheyWillBe([path.join(site, 'prisma', 'client.py'), ...(await filesIn(path.join(staging, 'bin')))]);
  // pip compiles what it installs; what was generated afterwards is large, and compiling it takes most of a start.
  await install(name, partsOf(staging).python, ['-m', 'compileall', '-q', path.join(site, 'prisma')]);

  /** @param {string[]} files */
  async function tellWhereTheyWillBe(files) {
    for (const file of files) {
      const text = await readFile(file, 'utf8');
      if (text.includes(staging)) await writeFile(file, text.replaceAll(staging, folder));
    }
  }
}

/** Runs LiteLLM's migrations on a new server and keeps its data. */
async function installDatabase() {
  const bin = postgresBin();
  if (bin === undefined) throw new SetupError('there is no PostgreSQL server');
  const { migrations } = partsOf(folder);
  const server = await startPostgres({ bin });
  try {
    /**
     * @param {string} database
     * @param {string[]} args
     */
    const run = (database, args) =>
      install('litellm-database', path.join(bin, 'psql'), [
        ...['--quiet', '--no-psqlrc', '--set=ON_ERROR_STOP=1', '--dbname', server.url(database)],
        ...args,
      ]);
    await run('postgres', ['--command', 'create database litellm']);
    const scripts = (await readdir(migrations, { withFileTypes: true })).filter((entry) => entry.isDirectory());
    const files = scripts.map(({ name }) => path.join(migrations, name, 'migration.sql')).sort();
    await run(
      'litellm',
      files.flatMap((file) => ['--file', file]),
    );
    await server.shutDown();
    await installInto(databaseFor(bin), (staging) => cp(server.dataDir, staging, { recursive: true }));
  } finally {
    await server.close();
  }
}

function postgresBin() {
  return systemRequirements['postgres']?.check()?.paths?.['postgresBin'];
}

/**
 * A data folder belongs to one major version of PostgreSQL.
 *
 * @param {string} bin
 */
function databaseFor(bin) {
  const version = /\d+/.exec(ask(path.join(bin, 'postgres'), ['--version']) ?? '')?.[0] ?? 'unknown';
  return path.join(cache, `litellm-database-${versions.litellm}-postgres-${version}`);
}

/** @param {string} bin */
async function filesIn(bin) {
  const entries = await readdir(bin, { withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => path.join(bin, entry.name));
}

/** @param {string} root */
function partsOf(root) {
  const library = path.join(root, 'lib');
  const version = existsSync(library) ? readdirSync(library).find((name) => name.startsWith('python3')) : undefined;
  const site = path.join(library, version ?? 'python3', 'site-packages');
  const prisma = path.join(root, 'prisma');
  return {
    python: path.join(root, 'bin', 'python'),
    site,
    schema: path.join(site, 'litellm', 'proxy', 'schema.prisma'),
    migrations: path.join(site, 'litellm_proxy_extras', 'migrations'),
    prisma,
    prismaPackage: path.join(prisma, 'node_modules', '@prisma', 'client', 'package.json'),
  };
}
