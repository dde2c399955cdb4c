import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

import * as v from 'valibot';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { Database } from '../../local/server/db/database.ts';
import { migrate } from '../../local/server/db/migrate.ts';
import { openPostgres } from '../../local/server/db/postgres.ts';
import { readCommand } from '../../local/server/options.ts';
import type { LocalStack } from '../../local/server/start.ts';
import { ensure } from '../../local/setup/main.mjs';
import { realPostgres, withRealPostgres } from './databases.ts';
import { newUser, value } from './sql.ts';
import { signUp, startTestStack, usageRecord } from './support.ts';

const page = readFileSync('docs/operating.md', 'utf8');
let stack: LocalStack;

beforeAll(async () => {
  stack = await startTestStack();
  await signUp(stack, 'ada@example.com');
});
afterAll(() => stack.close());

/** The statements of the first block of SQL under a heading, each with the comment before it. */
function statements(heading: string): readonly string[] {
  const [, section = ''] = page.split(`\n## ${heading}\n`);
  const [, sql = ''] = /```sql\n([^]*?)```/.exec(section) ?? [];
  return sql
    .split(/;\n/)
    .map((text) => text.trim())
    .filter((text) => text !== '');
}

describe('the operator’s page', () => {
  it.each(statements('Day by day'))('%s', async (sql) => {
    // The owner of the migrations is an ordinary role, as `postgres` is on Supabase.
    const rows = await stack.db.transaction(async (tx) => {
      await tx.exec('set local role godoty_owner');
      return tx.query(sql);
    });
    expect(rows).toBeInstanceOf(Array);
  });

  it('leaves the account on the plan that its commands name', async () => {
    const [row] = await stack.db.query<{ plan: string }>(
      `select plan from public.subscriptions where until > now() or until is null order by since desc limit 1`,
    );
    expect(row?.plan).toBe('enterprise');
  });

  it('names every secret that the functions read', () => {
    const config = readFileSync('supabase/functions/_shared/config.ts', 'utf8');
    const names = [...config.matchAll(/(?:needed|address)\(env, '([A-Z_]+)'\)/g)].map(([, name]) => name ?? '');
    const given = ['SUPABASE_URL', 'SUPABASE_SERVICE_ROLE_KEY', 'LITELLM_PUBLIC_URL'];
    expect(names).toContain('LITELLM_MASTER_KEY');
    for (const name of names.filter((each) => !given.includes(each))) {
      expect(page).toContain(`${name}=`);
    }
  });

  it('lets the functions through to all that they call of LiteLLM', () => {
    const sources = ['_shared/litellm.ts', 'usage-sync/spend-logs.ts', 'ready/handler.ts'].map((name) =>
      readFileSync(`supabase/functions/${name}`, 'utf8'),
    );
    const paths = [...sources.join('\n').matchAll(/gateway(?:Config\(env\))?, ['`](\/[\w/]+)/g)].map(
      ([, path]) => path,
    );
    expect(paths).toHaveLength(6);
    const proxy = readFileSync('supabase/deploy/litellm/README.md', 'utf8');
    for (const path of paths) {
      expect(page).toContain(`\`${path}\``);
      expect(proxy).toContain(`\`${path}\``);
    }
  });

  it('uses no variable in a command that no command before it has set', () => {
    const blocks = [...page.matchAll(/```sh\n([^]*?)```/g)].map(([, block = '']) => block);
    const given = new Set(['DATABASE_URL']);
    for (const [, text, name, value] of blocks
      .join('')
      .matchAll(/<<EOF\n([^]*?)\nEOF|^(?:(\w+)=)?(.*?)(?=<<EOF|$)/gm)) {
      for (const [, used = ''] of (text ?? value ?? '').matchAll(/\$\{?(\w+)/g)) {
        expect(given).toContain(used);
      }
      given.add(name ?? '');
    }
  });

  it('leads to files that are there, and to scripts that exist', () => {
    for (const [, target = ''] of page.matchAll(/\]\((\.\.\/[^)#]+)\)/g)) {
      expect([target, existsSync(`docs/${target}`)]).toEqual([target, true]);
    }
    const { scripts } = v.parse(
      v.object({ scripts: v.record(v.string(), v.string()) }),
      JSON.parse(readFileSync('package.json', 'utf8')),
    );
    for (const [, script = ''] of page.matchAll(/npm run ([\w:-]+)/g)) {
      expect(Object.keys(scripts)).toContain(script);
    }
  });
});

describe('an account that is over its quota', () => {
  /** The number that a file has at a place of its text. */
  function numberIn(file: string, place: RegExp): number {
    const [, digits = 'none'] = place.exec(readFileSync(file, 'utf8')) ?? [];
    return Number(digits.replaceAll('_', ''));
  }

  it('is blocked within a minute of the call: the spend log’s delay, the schedule’s and the run’s reading', () => {
    const command = readCommand([], {});
    const seconds = {
      log: numberIn('supabase/deploy/litellm/config.yaml', /^ {2}proxy_batch_write_at: (\d+)$/m),
      schedule: numberIn('docs/operating.md', /cron\.schedule\('godoty-usage-sync', '(\d+) seconds'/),
      localSchedule: command.kind === 'start' ? (command.options.syncSeconds ?? NaN) : NaN,
      reading: numberIn('supabase/functions/usage-sync/handler.ts', /^const LOG_MS = ([\d_]+);$/m) / 1000,
    };
    expect(Object.values(seconds).filter((each) => !(each > 0))).toEqual([]);
    expect(seconds.log + Math.max(seconds.schedule, seconds.localSchedule) + seconds.reading).toBeLessThan(60);
  });
});

describe('the operator’s LiteLLM', () => {
  it('is given every variable that its configuration reads', () => {
    const config = readFileSync('supabase/deploy/litellm/config.yaml', 'utf8');
    const [, environment = ''] =
      /^ {4}environment:\n((?: {6}.*\n)+)/m.exec(readFileSync('supabase/deploy/litellm/compose.yaml', 'utf8')) ?? [];
    const given = [...environment.matchAll(/^ {6}(\w+):/gm)].map(([, name]) => name);
    const read = [...config.matchAll(/\bos\.environ\/(\w+)/g)].map(([, name]) => name);
    expect(read).toContain('OPENAI_API_KEY');
    expect(read.filter((name) => !given.includes(name))).toEqual([]);
  });
});

// PGlite has no programs that dump and load.
describe.runIf(withRealPostgres)('a backup', () => {
  it('is restored into an empty project by the command of the page, to the last row', async () => {
    const [, section = ''] = page.split('\n## Backup and restore\n');
    const [, command = ''] = /```sh\n([^]*?)```/.exec(section) ?? [];
    const { paths } = await ensure('postgres');
    const server = await realPostgres.start();
    const folder = await mkdtemp(path.join(tmpdir(), 'godoty-restore-'));
    const run = (program: string, args: readonly string[], url = ''): Promise<unknown> =>
      promisify(execFile)(program, args, {
        cwd: folder,
        env: { PATH: [paths['postgresBin'], process.env['PATH']].join(path.delimiter), DATABASE_URL: url },
      });
    const urls = [(await server.createUrl?.()) ?? '', (await server.createUrl?.()) ?? ''] as const;
    const [used, fresh] = [await openPostgres(urls[0]), await openPostgres(urls[1])];
    try {
      await migrate(used);
      await migrate(fresh);
      const ada = await newUser(used, 'ada@example.com');
      await value(used, 'authenticated', { sub: ada }, 'public.record_usage(($1::text)::jsonb)', [
        JSON.stringify([usageRecord()]),
      ]);
      await value(used, 'service_role', {}, 'public.set_plan($1, $2)', [ada, 'pro']);
      await used.exec(`update public.plans set tokens_per_month = 7 where name = 'free';
        update godoty.settings set default_plan = 'pro'`);

      // As `supabase db dump --data-only` does it.
      const schemas = ['auth', 'public', 'godoty'].map((name) => `--schema=${name}`);
      await run('pg_dump', ['--data-only', ...schemas, '--file', 'data.sql', urls[0]]);
      await run('bash', ['-c', command], urls[1]);
      expect(await contentOf(fresh)).toEqual(await contentOf(used));

      // And work goes on where it stood.
      await value(fresh, 'service_role', {}, 'public.set_plan($1, $2)', [ada, 'enterprise']);
      expect(await value(fresh, 'authenticated', { sub: ada }, 'public.profile()')).toMatchObject({
        plan: 'enterprise',
      });
    } finally {
      await Promise.all([used.close(), fresh.close()]);
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    }
  });

  /** All rows of all tables, by name. */
  async function contentOf(db: Database): Promise<Readonly<Record<string, readonly string[]>>> {
    const tables = await db.query<{ name: string }>(
      `select oid::regclass::text as name from pg_class
       where relkind = 'r' and relnamespace in ('auth'::regnamespace, 'public'::regnamespace, 'godoty'::regnamespace)`,
    );
    const content: Record<string, readonly string[]> = {};
    for (const { name } of tables) {
      const rows = await db.query<{ line: string }>(`select item::text as line from ${name} as item order by 1`);
      content[name] = rows.map(({ line }) => line);
    }
    return content;
  }
});
