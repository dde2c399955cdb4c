/** How LiteLLM is led to query-engine.mjs instead of Prisma's native engine. */
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

/**
 * Prisma wants its engine to be an executable file.
 *
 * @param {string} folder where it is put
 * @returns {Promise<string>} the file
 */
export async function writeEngineLauncher(folder) {
  const launcher = path.join(folder, 'query-engine');
  const program = fileURLToPath(new URL('query-engine.mjs', import.meta.url));
  await writeFile(launcher, `#!/bin/sh\nexec ${quoted(process.execPath)} ${quoted(program)} "$@"\n`, { mode: 0o755 });
  return launcher;
}

/**
 * @param {string} launcher
 * @param {string} prisma the folder whose node_modules hold Prisma's packages
 * @returns {Record<string, string>}
 */
export function engineEnvironment(launcher, prisma) {
  return {
    GODOTY_PRISMA: prisma,
    PRISMA_CLI_QUERY_ENGINE_TYPE: 'binary',
    PRISMA_QUERY_ENGINE_BINARY: launcher,
    PRISMA_SCHEMA_ENGINE_BINARY: launcher,
    // Prisma would ask its maker's server for a newer version.
    CHECKPOINT_DISABLE: '1',
  };
}

/** @param {string} text */
function quoted(text) {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
