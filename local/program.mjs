/** Runs one of the project's own TypeScript programs, which say in one line of JSON that they are up. */
import process from 'node:process';
import { createInterface } from 'node:readline';

import { SetupError } from './setup/commands.mjs';
import { checkout } from './setup/packages.mjs';
import { ended, exit, start } from './setup/processes.mjs';

/**
 * Starts a program and waits for its line. When it ends later, so does this process.
 *
 * @param {string} name for people, for example `the backend`
 * @param {string[]} line the file, in the checkout, and its arguments
 * @param {NodeJS.ProcessEnv} env
 * @param {(message: string) => void} say
 * @returns {Promise<any>} the line
 */
export async function startProgram(name, line, env, say) {
  const child = start(process.execPath, ['--import', 'tsx', ...line], {
    cwd: checkout,
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (child.stdout === null) throw new Error(`${name} has no output`);
  const lines = createInterface(child.stdout);
  return await new Promise((resolve, reject) => {
    let ready = false;
    lines.on('line', (text) => {
      if (ready || !text.startsWith('{')) {
        say(text);
        return;
      }
      ready = true;
      resolve(JSON.parse(text));
    });
    ended(child).then((code) => {
      if (!ready) reject(new SetupError(`${name} did not start; the line above says why`));
      else {
        say(`${name} has ended (${String(code)})`);
        void exit(1);
      }
    }, reject);
  });
}
