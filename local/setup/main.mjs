/** `node local/setup/main.mjs [names…]`: installs what the project needs, or only the named things. */
import process from 'node:process';
import { pathToFileURL } from 'node:url';

import { cache } from './cache.mjs';
import { say, SetupError } from './commands.mjs';
import { ensure, names } from './ensure.mjs';

export { ensure, SetupError };

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  await main(process.argv.slice(2));
}

/** @param {string[]} args */
async function main(args) {
  if (args.includes('--help')) {
    process.stdout.write(
      `usage: node local/setup/main.mjs [${names.join('|')}]…\nInstalls into ${cache} (GODOTY_CACHE).\n`,
    );
    return;
  }
  try {
    await ensure(...(args.length > 0 ? args : names));
    say('everything is there');
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    say(error.message);
    process.exitCode = 1;
  }
}
