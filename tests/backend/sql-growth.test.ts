import { beforeAll, describe, expect, it } from 'vitest';

import { accountId, fillSql } from '../../bench/backend/fill.mjs';
import { asRole } from '../../local/server/db/database.ts';
import type { Database } from '../../local/server/db/database.ts';
import { realPostgres, useDatabase, withRealPostgres } from './databases.ts';
import { value } from './sql.ts';
import { usageRecord } from './support.ts';

interface PlanNode {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly 'Index Name'?: string;
  readonly 'Shared Hit Blocks'?: number;
  readonly 'Shared Read Blocks'?: number;
  readonly Plans?: readonly PlanNode[];
}

const ADA = accountId(500);
const PERIOD = `now() - interval '30 days', now()`;

/** Work in pages of 8 KB, which depends on the data and not on how busy the machine is. */
const CALLS: Readonly<Record<string, string>> = {
  usage_summary: `public.usage_summary(${PERIOD}, 'day', 'Europe/Berlin')`,
  usage_requests: 'public.usage_requests(null, 50)',
  quota: 'public.quota()',
  profile: 'public.profile()',
  conversations_list: 'public.conversations_list(null, 50)',
  record_usage: `public.record_usage('${JSON.stringify(Array.from({ length: 20 }, () => usageRecord()))}')`,
};

// Under GODOTY_PG=0 there is no such server; PGlite has no room for a million rows.
describe.runIf(withRealPostgres)('a million calls', () => {
  let db: Database;
  const pages: Record<string, Record<string, number>> = { small: {}, large: {} };

  async function explain(statement: string, options = ''): Promise<PlanNode> {
    return asRole(db, 'authenticated', { sub: ADA }, async (tx) => {
      const [row] = await tx.query<{ 'QUERY PLAN': { Plan: PlanNode }[] }>(
        `explain (format json${options}) ${statement}`,
      );
      const plan = row?.['QUERY PLAN'][0]?.Plan;
      if (plan === undefined) {
        throw new Error('no plan');
      }
      return plan;
    });
  }

  async function measure(): Promise<Record<string, number>> {
    const measured: Record<string, number> = {};
    for (const [name, call] of Object.entries(CALLS)) {
      // The first time also reads the catalogue; the least of three is the work itself.
      const rounds: number[] = [];
      for (let round = 0; round < 3; round++) {
        const plan = await explain(`select ${call}`, ', analyze, buffers');
        rounds.push((plan['Shared Hit Blocks'] ?? 0) + (plan['Shared Read Blocks'] ?? 0));
      }
      measured[name] = Math.min(...rounds);
    }
    return measured;
  }

  useDatabase(realPostgres, (opened) => (db = opened));
  beforeAll(async () => {
    await db.exec(fillSql(1, 1_000));
    pages['small'] = await measure();
    await db.exec(fillSql(1_001, 10_000));
    pages['large'] = await measure();
  });

  it('are there', async () => {
    expect(await db.query('select count(*)::integer as count from public.usage_records')).toMatchObject([
      { count: expect.toSatisfy((count: number) => count >= 1_000_000) as number },
    ]);
  });

  it.each(Object.keys(CALLS))('cost %s hardly more pages than a hundred thousand', (name) => {
    const [small = 0, large = Infinity] = [pages['small']?.[name], pages['large']?.[name]];
    expect(small).toBeGreaterThan(0);
    // Ten times the rows: log(1,000,000) / log(100,000) = 1.2, and a page or two where small numbers are rounded.
    expect(large).toBeLessThanOrEqual(small * 1.2 + 8);
  });

  it('are read through an index by what the functions ask', async () => {
    const own = `user_id = '${ADA}'`;
    const statements: [statement: string, index: string][] = [
      [
        `select * from public.usage_records where ${own} and occurred_at >= now() - interval '1 hour'`,
        'usage_records_by_time',
      ],
      [`select * from public.usage_records where ${own} order by occurred_at desc limit 50`, 'usage_records_by_time'],
      [`select * from public.usage_records where ${own} and call_id = '${ADA}'`, 'usage_records_pkey'],
    ];
    for (const [statement, index] of statements) {
      const nodes = flatten(await explain(statement));
      expect(
        nodes.map((node) => node['Index Name']),
        statement,
      ).toContain(index);
      expect(nodes.filter(isSequential), statement).toEqual([]);
    }
  });

  it.each([
    'select * from public.usage_records',
    `select * from public.usage_records where occurred_at >= now() - interval '1 day'`,
    'select * from public.user_usage_summary',
    `select * from public.user_usage_summary where day = current_date`,
    'select * from public.user_profiles',
    'select * from public.user_api_keys',
    'select * from public.audit_log',
    'select * from public.subscriptions',
    'select * from public.conversations',
  ])('are never all read when row security picks an owner’s: %s', async (statement) => {
    const large = ['usage_records', 'user_profiles'];
    const nodes = flatten(await explain(statement));
    expect(nodes.filter((node) => isSequential(node) && large.includes(node['Relation Name'] ?? ''))).toEqual([]);
  });

  it('leave an operator’s search for an address to an index', async () => {
    const plan = await db.query<{ 'QUERY PLAN': string }>(
      `explain select user_id from public.user_profiles where lower(email) = 'user7@example.com'`,
    );
    expect(plan.map((line) => line['QUERY PLAN']).join('\n')).toContain('user_profiles_by_email');
    expect(await value(db, 'service_role', {}, 'public.set_plan($1, $2)', ['user7@example.com', 'pro'])).toMatchObject({
      plan: 'pro',
    });
  });
});

function flatten(node: PlanNode): PlanNode[] {
  return [node, ...(node.Plans ?? []).flatMap(flatten)];
}

function isSequential(node: PlanNode): boolean {
  return node['Node Type'] === 'Seq Scan';
}
