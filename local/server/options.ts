import { homedir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import type { DataPlace, LocalStackOptions, ModelBackend } from './start.ts';

/** What the command line and the environment ask for. */
export type Command =
  | { readonly kind: 'help' }
  | { readonly kind: 'start'; readonly options: LocalStackOptions; readonly jsonReady: boolean };

/** The command line or the environment makes no sense; the message says why. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

export const USAGE = `Usage: tsx local/server/main.ts [options]

  --port N                port of the Supabase side (default 54321; 0: a free one)
  --model-port N          port of the model endpoint (default 54400; 0: a free one)
  --data DIR              where accounts and usage are kept (default: the user's data folder)
  --ephemeral             keep nothing: the data lives in memory
  --access-token-ttl S    seconds that an access token is good (default 3600)
  --no-auto-confirm       new accounts must confirm their address (the mail stands at /_inbox)
  --mail-rest S           seconds between two mails of a kind to one person (default 60)
  --mails-per-hour N      mails that are sent in an hour before the rate limit answers (default: no limit)
  --sync-every S          seconds between two runs of usage-sync (default 15; 0: never)
  --json-ready            print one line of JSON when up, instead of the banner
  --help

Environment:
  DATABASE_URL                            a PostgreSQL server (15 to 18, superuser) instead of the embedded one
  GODOTY_UPSTREAM_URL, GODOTY_UPSTREAM_KEY  an OpenAI-compatible server as the model, e.g. http://127.0.0.1:11434/v1
  LITELLM_URL, LITELLM_MASTER_KEY         a real LiteLLM proxy; no model endpoint is emulated then
`;

type Environment = Readonly<Record<string, string | undefined>>;

/** Reads the command line. Throws a UsageError. */
export function readCommand(args: readonly string[], env: Environment): Command {
  const values = parse(args);
  if (values.help) {
    return { kind: 'help' };
  }
  return {
    kind: 'start',
    jsonReady: values['json-ready'],
    options: {
      port: wholeNumber('--port', values.port, 65_535),
      modelPort: wholeNumber('--model-port', values['model-port'], 65_535),
      accessTokenTtlSeconds: wholeNumber('--access-token-ttl', values['access-token-ttl'], 604_800),
      autoConfirm: values['auto-confirm'],
      mailRestSeconds: wholeNumber('--mail-rest', values['mail-rest'], 86_400),
      ...(values['mails-per-hour'] === undefined
        ? {}
        : { mailsPerHour: wholeNumber('--mails-per-hour', values['mails-per-hour'], 1_000_000) }),
      syncSeconds: wholeNumber('--sync-every', values['sync-every'], 86_400),
      data: dataPlace(values.data, values.ephemeral, env),
      models: modelBackend(env),
    },
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowNegative: true,
      options: {
        port: { type: 'string', default: '54321' },
        'model-port': { type: 'string', default: '54400' },
        data: { type: 'string' },
        ephemeral: { type: 'boolean', default: false },
        'access-token-ttl': { type: 'string', default: '3600' },
        'auto-confirm': { type: 'boolean', default: true },
        'mail-rest': { type: 'string', default: '60' },
        'mails-per-hour': { type: 'string' },
        'sync-every': { type: 'string', default: '15' },
        'json-ready': { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : 'unreadable options');
  }
}

function dataPlace(folder: string | undefined, ephemeral: boolean, env: Environment): DataPlace {
  const url = env['DATABASE_URL'];
  const asked = [folder !== undefined, ephemeral, url !== undefined].filter(Boolean).length;
  if (asked > 1) {
    throw new UsageError('choose one of --data, --ephemeral and DATABASE_URL');
  }
  if (url !== undefined) {
    return { kind: 'server', url };
  }
  return ephemeral ? { kind: 'memory' } : { kind: 'folder', path: folder ?? defaultFolder(env) };
}

/** Where programs of this system keep a user's data. */
function defaultFolder(env: Environment): string {
  switch (process.platform) {
    case 'win32':
      return join(env['LOCALAPPDATA'] ?? join(homedir(), 'AppData', 'Local'), 'godoty', 'local');
    case 'darwin':
      return join(homedir(), 'Library', 'Application Support', 'godoty', 'local');
    default:
      return join(env['XDG_DATA_HOME'] ?? join(homedir(), '.local', 'share'), 'godoty', 'local');
  }
}

function modelBackend(env: Environment): ModelBackend {
  const litellm = env['LITELLM_URL'];
  const upstream = env['GODOTY_UPSTREAM_URL'];
  if (litellm !== undefined && upstream !== undefined) {
    throw new UsageError('choose one of LITELLM_URL and GODOTY_UPSTREAM_URL');
  }
  if (litellm !== undefined) {
    const masterKey = env['LITELLM_MASTER_KEY'];
    if (masterKey === undefined) {
      throw new UsageError('LITELLM_URL needs LITELLM_MASTER_KEY beside it');
    }
    return { kind: 'litellm', url: address('LITELLM_URL', litellm), masterKey };
  }
  if (upstream !== undefined) {
    return { kind: 'upstream', url: address('GODOTY_UPSTREAM_URL', upstream), key: env['GODOTY_UPSTREAM_KEY'] };
  }
  return { kind: 'built-in' };
}

function address(name: string, value: string): string {
  if (!/^https?:\/\//.test(value) || !URL.canParse(value)) {
    throw new UsageError(`${name} must be an http or https address`);
  }
  return value;
}

function wholeNumber(name: string, text: string, most: number): number {
  const value = Number(text);
  if (!/^\d{1,7}$/.test(text) || value > most) {
    throw new UsageError(`${name} must be a whole number from 0 to ${most}`);
  }
  return value;
}
