// `npm run backend:check`: looks at a deployed backend from outside and changes nothing. Exit codes: 0 nothing failed,
// 1 something did, 2 wrong usage.
import { parseArgs } from 'node:util';

import { checkBackend } from './check.ts';
import type { Backend } from './check.ts';
import { readExpected } from './expected.ts';
import { asJson, asTable, countOf } from './report.ts';

const USAGE = `Usage: npm run backend:check -- --url URL --key KEY [options]

Looks at a deployed backend as a client sees it, compares it with this checkout, and changes nothing.

  --url URL       the Supabase project, for example https://abcdefgh.supabase.co
  --key KEY       its publishable key (or a legacy anon key); never the secret one
  --litellm URL   the LiteLLM proxy as the editors reach it; left out, only the functions' word on it counts
  --json          the findings as JSON
  --help
`;

/** The command line makes no sense; the message says why. */
class UsageError extends Error {
  override readonly name = 'UsageError';
}

interface Command {
  readonly backend: Backend;
  readonly json: boolean;
}

function readCommand(args: readonly string[]): Command | 'help' {
  const values = parse(args);
  if (values.help) {
    return 'help';
  }
  if (values.url === undefined || values.key === undefined || values.key === '') {
    throw new UsageError('--url and --key are needed');
  }
  if (isSecret(values.key)) {
    throw new UsageError(
      '--key is the secret key, which belongs in the functions’ environment alone: give the publishable one',
    );
  }
  return {
    backend: {
      url: origin('--url', values.url),
      key: values.key,
      litellm: values.litellm === undefined ? undefined : origin('--litellm', values.litellm),
    },
    json: values.json,
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        url: { type: 'string' },
        key: { type: 'string' },
        litellm: { type: 'string' },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : 'unreadable options');
  }
}

/** A secret key by its name, or a legacy key whose claims say that it stands for service_role. */
function isSecret(key: string): boolean {
  const claims = Buffer.from(key.split('.')[1] ?? '', 'base64url').toString('utf8');
  return key.startsWith('sb_secret_') || claims.includes('"service_role"');
}

function origin(name: string, value: string): string {
  if (!/^https?:\/\//.test(value) || !URL.canParse(value)) {
    throw new UsageError(`${name} must be an http or https address`);
  }
  return value.replace(/\/+$/, '');
}

async function run(): Promise<number> {
  const command = readCommand(process.argv.slice(2));
  if (command === 'help') {
    process.stdout.write(USAGE);
    return 0;
  }
  const { url, key } = command.backend;
  if (process.stderr.isTTY) {
    process.stderr.write(`Looking at ${url}, which takes some seconds …\n`);
  }
  const findings = await checkBackend(command.backend, readExpected);
  const report = command.json ? asJson(url, findings) : asTable(url, findings);
  // A server could quote what it was sent.
  process.stdout.write(report.replaceAll(key, '[key]'));
  return countOf(findings, 'fail') === 0 ? 0 : 1;
}

run().then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    const usage = error instanceof UsageError;
    process.stderr.write(
      `backend:check: ${error instanceof Error ? error.message : 'failed'}\n${usage ? `\n${USAGE}` : ''}`,
    );
    process.exitCode = usage ? 2 : 1;
  },
);
