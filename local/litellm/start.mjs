/** The real LiteLLM proxy with its database, on the loopback interface. */
import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import process from 'node:process';

import { freePort, startPostgres } from '../postgres.mjs';
import { onExit, start, stop } from '../setup/processes.mjs';
import { engineEnvironment, writeEngineLauncher } from './engine.mjs';

const startMilliseconds = 120_000;
const pollMilliseconds = 200;

/**
 * What `ensure` has to provide first.
 *
 * @type {readonly ['litellm', 'postgres', 'litellm-database']}
 */
export const litellmNeeds = ['litellm', 'postgres', 'litellm-database'];

/**
 * @typedef {object} ProxyModel
 * @property {string} name as clients call it
 * @property {string} target the model behind it, in LiteLLM's words, for example `openai/gpt-4o-mini`
 * @property {string} url the base address of the OpenAI-compatible server behind it, with its `/v1`
 * @property {string} [key] that server's key
 * @property {Record<string, unknown>} [limits] more of LiteLLM's `litellm_params`, for example `{rpm: 1}`
 *
 * @typedef {object} LiteLLM
 * @property {string} url
 * @property {string} masterKey random, of this start
 * @property {import('node:child_process').ChildProcess} child
 * @property {() => string} output the end of what the proxy printed
 * @property {() => Promise<void>} close ends the proxy and its database, and removes what they wrote
 */

/**
 * Starts the proxy on a database of its own, which is empty and ends with it.
 *
 * @param {object} options
 * @param {Record<string, string>} options.paths the paths of `ensure(...litellmNeeds)`
 * @param {readonly ProxyModel[]} [options.models]
 * @param {{file: string, env: Record<string, string>}} [options.config] an operator's own configuration, instead of models
 * @param {number} [options.port] a free one when absent
 * @returns {Promise<LiteLLM>}
 */
export async function startLiteLLM({ paths, models = [], config: own, port }) {
  const { litellmPython, litellmPrisma, litellmDatabase, postgresBin } = paths;
  if (!litellmPython || !litellmPrisma || !litellmDatabase || !postgresBin) {
    throw new Error(`call ensure('${litellmNeeds.join("', '")}') first`);
  }
  const home = await mkdtemp(path.join(tmpdir(), 'godoty-litellm-'));
  onExit(() => {
    rmSync(home, { recursive: true, force: true, maxRetries: 3 });
  });
  /** @type {(() => Promise<void>)[]} */
  const closing = [() => rm(home, { recursive: true, force: true, maxRetries: 3 })];
  const close = async () => {
    for (const step of closing.splice(0).reverse()) await step();
  };
  try {
    const database = await startPostgres({ bin: postgresBin, template: litellmDatabase });
    closing.push(() => database.close());
    const masterKey = `sk-${randomBytes(24).toString('base64url')}`;
    const taken = port ?? (await freePort());
    const config = own?.file ?? path.join(home, 'config.yaml');
    if (own === undefined) {
      // JSON is YAML. The file holds the upstreams' keys.
      await writeFile(config, JSON.stringify(configuration(models)), { mode: 0o600 });
    }
    const child = start(
      litellmPython,
      // Started by its own command line, the proxy would compare the schema with Prisma's native migration engine.
      [
        ...['-m', 'uvicorn', 'litellm.proxy.proxy_server:app', '--host', '127.0.0.1', '--port', String(taken)],
        ...['--log-level', 'warning'],
      ],
      {
        cwd: home,
        env: {
          ...environment(home, path.dirname(litellmPython)),
          ...engineEnvironment(await writeEngineLauncher(home), litellmPrisma),
          CONFIG_FILE_PATH: config,
          DATABASE_URL: database.url('litellm'),
          LITELLM_MASTER_KEY: masterKey,
          ...own?.env,
        },
      },
    );
    closing.push(() => stop(child));
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (/** @type {Buffer} */ bytes) => {
        output = (output + bytes.toString('utf8')).slice(-20_000);
      });
    }
    const url = `http://127.0.0.1:${String(taken)}`;
    await ready(url, child, () => output);
    return { url, masterKey, child, output: () => output, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** @param {readonly ProxyModel[]} models */
function configuration(models) {
  return {
    model_list: models.map(({ name, target, url, key, limits }) => ({
      model_name: name,
      litellm_params: { model: target, api_base: url, api_key: key ?? 'none', ...limits },
    })),
    // The spend is written every other second rather than once a minute.
    general_settings: { master_key: 'os.environ/LITELLM_MASTER_KEY', proxy_batch_write_at: 2 },
    router_settings: { num_retries: 0, enable_pre_call_checks: true, disable_cooldowns: true },
    litellm_settings: { num_retries: 0, drop_params: true, telemetry: false },
  };
}

/**
 * Nothing of the caller's own configuration reaches the proxy, and it asks nobody outside for anything.
 *
 * @param {string} home
 * @param {string} bin
 */
function environment(home, bin) {
  return {
    PATH: [bin, process.env['PATH'] ?? ''].join(path.delimiter),
    HOME: home,
    TMPDIR: home,
    LANG: 'C.UTF-8',
    NO_PROXY: '*',
    PYTHONDONTWRITEBYTECODE: '1',
    DISABLE_SCHEMA_UPDATE: 'true',
    LITELLM_TELEMETRY: 'False',
    LITELLM_LOCAL_MODEL_COST_MAP: 'True',
    LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS: 'True',
    LITELLM_LOCAL_AUTOROUTER_PRESETS: 'True',
    LITELLM_LOCAL_BLOG_POSTS: 'True',
    LITELLM_LOCAL_POLICY_TEMPLATES: 'True',
  };
}

/**
 * @param {string} url
 * @param {import('node:child_process').ChildProcess} child
 * @param {() => string} output
 */
async function ready(url, child, output) {
  const deadline = Date.now() + startMilliseconds;
  let last = 'no answer';
  while (Date.now() < deadline) {
    if (child.exitCode !== null || child.signalCode !== null) throw new Error(`LiteLLM ended at once:\n${output()}`);
    try {
      const response = await fetch(`${url}/health/readiness`, { signal: AbortSignal.timeout(5000) });
      const { db } = await response.json();
      if (response.ok && db === 'connected') return;
      last = `status ${String(response.status)}, database ${String(db)}`;
    } catch {
      // It does not listen yet.
    }
    await new Promise((resolve) => setTimeout(resolve, pollMilliseconds));
  }
  throw new Error(`LiteLLM is not up after ${String(startMilliseconds / 1000)} s (${last}):\n${output()}`);
}
