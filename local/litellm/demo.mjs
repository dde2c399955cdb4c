/** The demo's model endpoint with `--with-litellm`: the real proxy in front of the built-in model, or of an upstream. */
import path from 'node:path';

import { startProgram } from '../program.mjs';
import { SetupError } from '../setup/commands.mjs';
import { ended, exit } from '../setup/processes.mjs';
import { startLiteLLM } from './start.mjs';

const listMilliseconds = 10_000;

/**
 * @typedef {object} DemoProxy
 * @property {string} url
 * @property {string} masterKey
 * @property {string[]} models the names that clients may ask for
 *
 * @typedef {{url: string, key?: string | undefined}} Upstream an OpenAI-compatible server, its `/v1` included
 */

/**
 * @param {object} options
 * @param {import('../setup/ensure.mjs').Tools} options.tools
 * @param {number} options.port
 * @param {Upstream | undefined} options.upstream the built-in model when absent
 * @param {(message: string) => void} options.say
 * @returns {Promise<DemoProxy>}
 */
export async function startDemoProxy({ tools, port, upstream, say }) {
  const { url, models } = upstream === undefined ? await startBuiltIn(tools.env, say) : await modelsOf(upstream);
  const begun = Date.now();
  const key = upstream?.key;
  const proxy = await startLiteLLM({
    paths: tools.paths,
    port,
    models: models.map((name) => ({ name, target: `openai/${name}`, url, ...(key === undefined ? {} : { key }) })),
  });
  say(`starting LiteLLM with its database: ${((Date.now() - begun) / 1000).toFixed(1)} s`);
  ended(proxy.child).then(
    (code) => {
      say(`LiteLLM has ended (${String(code)}):\n${proxy.output()}`);
      void exit(1);
    },
    () => undefined,
  );
  return { url: proxy.url, masterKey: proxy.masterKey, models };
}

/**
 * @param {NodeJS.ProcessEnv} env
 * @param {(message: string) => void} say
 * @returns {Promise<{url: string, models: string[]}>}
 */
function startBuiltIn(env, say) {
  const program = path.join('local', 'litellm', 'built-in-upstream.ts');
  return startProgram('the built-in model', [program], env, say);
}

/**
 * LiteLLM has to be told the names of the models.
 *
 * @param {Upstream} upstream
 * @returns {Promise<{url: string, models: string[]}>}
 */
async function modelsOf({ url, key }) {
  const base = url.replace(/\/+$/, '');
  try {
    const response = await fetch(`${base}/models`, {
      headers: key === undefined ? {} : { authorization: `Bearer ${key}` },
      redirect: 'error',
      signal: AbortSignal.timeout(listMilliseconds),
    });
    const { data } = await response.json();
    const models = data.map((/** @type {{id: unknown}} */ { id }) => String(id));
    if (models.length > 0) return { url: base, models };
  } catch {
    // Whatever it was, it is no list of models.
  }
  throw new SetupError(`${base}/models lists no models; is the server up, and is its key right?`);
}
