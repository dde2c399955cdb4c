import { existsSync, readFileSync } from 'node:fs';

import * as v from 'valibot';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { LocalStack } from '../../local/server/start.ts';
import { signUp, startTestStack } from './support.ts';

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
