import { readdir, readFile } from 'node:fs/promises';

import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import type { Database } from '../../local/server/db/database.ts';
import { DatabaseOfOtherVersion, migrate } from '../../local/server/db/migrate.ts';
import { engines, useDatabase } from './databases.ts';
import type { Server } from './databases.ts';
import { codeOf, newUser, refusalOf, value } from './sql.ts';

describe.each(engines)('plans on $name', (engine) => {
  let db: Database;
  let user: string;

  useDatabase(engine, (opened) => (db = opened));
  beforeAll(async () => {
    await db.exec(`update godoty.settings set default_plan = 'free'`);
  });
  beforeEach(async () => {
    user = await newUser(db);
    made = 0;
  });

  const setPlan = (account: string, plan: string, until: string | null = null): Promise<Record<string, unknown>> =>
    value(db, 'service_role', {}, 'public.set_plan($1, $2, $3)', [account, plan, until]);
  const planOf = async (id = user): Promise<unknown> =>
    (await value<{ plan: string }>(db, 'authenticated', { sub: id }, 'public.profile()')).plan;
  const audit = (id = user): Promise<unknown[]> =>
    db.query('select event, details from public.audit_log where user_id = $1 order by id', [id]);
  const due = async (id = user): Promise<number> =>
    (await db.query('select 1 from godoty.gateway_changes where user_id = $1 and due_at <= now()', [id])).length;

  let made: number;
  async function begin(device: string): Promise<{ hash: string; answer: Record<string, unknown> }> {
    made += 1;
    const hash = user.replaceAll('-', '') + made.toString(16).padStart(32, '0');
    const args = [user, device, 'laptop', hash, 'sk-…abcd'];
    return {
      hash,
      answer: await value(db, 'service_role', {}, 'public.device_key_begin($1, $2, $3, $4, $5)', args),
    };
  }
  const activate = (hash: string): Promise<unknown> =>
    value(db, 'service_role', {}, 'public.device_key_activate($1, $2)', [user, hash]);
  const issue = async (device: string): Promise<unknown> => activate((await begin(device)).hash);

  it('are three to begin with', async () => {
    expect(
      await db.query(
        `select name, tokens_per_month::integer as tokens, requests_per_hour as requests,
           model_requests_per_hour as model_requests, output_tokens_per_request as output, max_budget_usd as budget,
           budget_duration as duration, rpm_limit as rpm, tpm_limit as tpm, models, max_devices as devices
         from public.plans order by tokens_per_month`,
      ),
    ).toEqual([
      {
        ...{ name: 'free', tokens: 10_000, requests: 100, model_requests: 50, output: 1_000 },
        ...{ budget: '10', duration: '1mo', rpm: 60, tpm: 100_000, models: null, devices: 5 },
      },
      {
        ...{ name: 'pro', tokens: 100_000, requests: 1_000, model_requests: 500, output: 4_000 },
        ...{ budget: '100', duration: '1mo', rpm: 60, tpm: 100_000, models: null, devices: 10 },
      },
      {
        ...{ name: 'enterprise', tokens: 1_000_000, requests: 10_000, model_requests: 5_000, output: 8_000 },
        ...{ budget: '1000', duration: '1mo', rpm: 60, tpm: 100_000, models: null, devices: 50 },
      },
    ]);
  });

  describe('set_plan', () => {
    it('puts an account on a plan, by its id or its address, and says so in the audit', async () => {
      const email = `Ada.${user}@Example.com`;
      await db.query('update auth.users set email = lower($2) where id = $1', [user, email]);
      expect(await planOf()).toBe('free');
      expect(await setPlan(` ${email} `, 'pro')).toEqual({
        id: user,
        email: email.toLowerCase(),
        plan: 'pro',
        former_plan: 'free',
        until: null,
      });
      expect(await planOf()).toBe('pro');
      expect(await setPlan(user.toUpperCase(), 'free')).toMatchObject({ plan: 'free', former_plan: 'pro' });
      expect(await planOf()).toBe('free');
      expect(await audit()).toEqual([
        { event: 'plan_changed', details: { from: 'free', to: 'pro', until: null } },
        { event: 'plan_changed', details: { from: 'pro', to: 'free', until: null } },
      ]);
    });

    it('leaves word for LiteLLM, and does nothing the second time', async () => {
      await setPlan(user, 'pro');
      expect(await due()).toBe(1);
      await setPlan(user, 'pro');
      expect([await due(), (await audit()).length]).toEqual([1, 1]);
      expect(await db.query('select plan, until from public.subscriptions where user_id = $1', [user])).toEqual([
        { plan: 'pro', until: null },
      ]);
    });

    it('keeps what was before, without gap or overlap', async () => {
      for (const plan of ['pro', 'enterprise', 'free']) {
        await setPlan(user, plan);
      }
      const [row] = await db.query<{ plans: string; seamless: boolean }>(
        `select string_agg(plan, ' ' order by since, until) as plans, bool_and(until is not distinct from next) as seamless
         from (select plan, since, until, lead(since) over (order by since, until) as next
               from public.subscriptions where user_id = $1) as history`,
        [user],
      );
      expect(row).toEqual({ plans: 'pro enterprise free', seamless: true });
    });

    it('until a time goes back to the default plan by itself, and LiteLLM is to hear of both', async () => {
      await setPlan(user, 'pro', '2100-01-01T00:00:00Z');
      expect([await planOf(), await due()]).toEqual(['pro', 1]);
      await db.query(
        `update public.subscriptions set since = since - interval '1 day', until = now() - interval '1 hour' where user_id = $1`,
        [user],
      );
      await db.query(
        `update godoty.gateway_changes set due_at = now() - interval '1 hour' where user_id = $1 and due_at > now()`,
        [user],
      );
      expect([await planOf(), await due()]).toEqual(['free', 2]);
    });

    it.each<[string, () => Promise<unknown>, string]>([
      ['an account that is not there', () => setPlan('nobody@example.com', 'pro'), 'account_not_found'],
      ['an id that is not there', () => setPlan(crypto.randomUUID(), 'pro'), 'account_not_found'],
      ['nothing for an account', () => setPlan('', 'pro'), 'account_not_found'],
      ['an end that has passed', () => setPlan(user, 'pro', '2020-01-01T00:00:00Z'), 'invalid_request'],
    ])('refuses %s', async (_case, call, code) => {
      expect(await codeOf(call())).toBe(code);
    });

    it('refuses a plan that is not there and names those that are', async () => {
      expect(await refusalOf(setPlan(user, 'gold'))).toMatchObject({
        code: 'plan_not_found',
        message: 'There is no such plan. The plans are: free, pro, enterprise.',
      });
    });

    it('refuses an address that two accounts have, and takes their ids', async () => {
      const twin = await newUser(db);
      await db.query(`update public.user_profiles set email = 'twin@example.com' where user_id = any ($1::uuid[])`, [
        [user, twin],
      ]);
      expect(await codeOf(setPlan('twin@example.com', 'pro'))).toBe('account_ambiguous');
      await setPlan(twin, 'pro');
      expect([await planOf(), await planOf(twin)]).toEqual(['free', 'pro']);
    });

    it('leaves one plan when ten operators set one at once', async () => {
      const plans = ['free', 'pro', 'enterprise'];
      await Promise.all(Array.from({ length: 10 }, (_, index) => setPlan(user, plans[index % 3] ?? '')));
      expect(
        await db.query('select 1 from public.subscriptions where user_id = $1 and until is null', [user]),
      ).toHaveLength(1);
    });
  });

  describe('numbers that an operator changes', () => {
    it('are announced to LiteLLM for everybody on the plan who has a key, and nobody else', async () => {
      const other = user;
      await begin(crypto.randomUUID());
      const keyless = await newUser(db);
      user = await newUser(db);
      await setPlan(user, 'pro');
      await begin(crypto.randomUUID());
      await db.exec('delete from godoty.gateway_changes');

      await db.exec(`update public.plans set max_budget_usd = 20 where name = 'free'`);
      expect([await due(other), await due(), await due(keyless)]).toEqual([1, 0, 0]);
      await db.exec(`update public.plans set max_budget_usd = 20 where name = 'free'`);
      expect(await due(other)).toBe(1);
      await db.exec(
        `update public.plans set max_budget_usd = 10 where name = 'free'; delete from godoty.gateway_changes`,
      );

      await db.exec(`update godoty.settings set default_plan = 'enterprise'`);
      expect([await due(other), await due(), await due(keyless)]).toEqual([1, 0, 0]);
      await db.exec(`update godoty.settings set default_plan = 'free'`);
    });

    it('leave a plan in use where it is', async () => {
      await setPlan(user, 'pro');
      expect(await codeOf(db.query(`delete from public.plans where name = 'pro'`))).toBe('23503');
      expect(await codeOf(db.query(`delete from public.plans where name = 'free'`))).toBe('23503');
      expect(await codeOf(db.query('delete from godoty.settings'))).toBe('42501');
    });
  });

  describe('devices', () => {
    it('are told the limits that LiteLLM is to enforce', async () => {
      await setPlan(user, 'pro');
      expect((await begin(crypto.randomUUID())).answer).toMatchObject({
        plan: 'pro',
        limits: {
          max_budget_usd: '100',
          budget_duration: '1mo',
          rpm_limit: 60,
          tpm_limit: 100_000,
          models: null,
          max_devices: 10,
          output_tokens_per_request: 4_000,
        },
      });
    });

    it('are as many as the plan allows; a further one is told what to do', async () => {
      const devices = Array.from({ length: 5 }, () => crypto.randomUUID());
      for (const device of devices) {
        await issue(device);
      }
      expect(await refusalOf(begin(crypto.randomUUID()))).toEqual({
        code: 'device_limit_reached',
        message:
          'This account is in use on 5 devices, as many as its plan allows. Go on with one of these, leave one unused for a week, or ask your operator for a larger plan.',
        details: null,
        hint: null,
      });
      await issue(devices[0] ?? '');
      await setPlan(user, 'pro');
      await issue(crypto.randomUUID());
    });

    it('are not more when all begin at the same moment', async () => {
      const hashes = await Promise.all(Array.from({ length: 8 }, async () => (await begin(crypto.randomUUID())).hash));
      const outcomes = await Promise.allSettled(hashes.map((hash) => activate(hash)));
      expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(5);
    });

    it('make room when nobody has used them for a week, the longest unused first, and no more of them than needed', async () => {
      const devices = Array.from({ length: 5 }, () => crypto.randomUUID());
      const [oldest = '', used = ''] = devices;
      const inUse = async (): Promise<string[]> =>
        (
          await db.query<{ device_id: string }>(
            `select device_id from public.user_api_keys where user_id = $1 and status = 'active' order by attempt`,
            [user],
          )
        ).map(({ device_id }) => device_id);
      for (const device of devices) {
        await issue(device);
      }
      await db.query(
        `update public.user_api_keys set activated_at = now() - make_interval(days => case device_id when $2 then 9 else 8 end)
         where user_id = $1 and device_id in ($2, $3, $4)`,
        [user, oldest, used, devices[2]],
      );
      await db.query('update public.user_api_keys set last_used_at = now() where user_id = $1 and device_id = $2', [
        user,
        used,
      ]);
      const newer = [crypto.randomUUID(), crypto.randomUUID()];
      await issue(newer[0] ?? '');
      expect(await inUse()).toEqual([...devices.slice(1), newer[0]]);
      await issue(newer[1] ?? '');
      expect(await inUse()).toEqual([used, ...devices.slice(3), ...newer]);
      expect(await codeOf(begin(oldest))).toBe('device_limit_reached');
      expect(await inUse()).toHaveLength(5);
      expect((await audit()).filter((line) => JSON.stringify(line).includes('key_revoked'))).toHaveLength(2);
    });

    it('whose key has run out count no longer', async () => {
      for (let index = 0; index < 5; index++) {
        await issue(crypto.randomUUID());
      }
      await db.query(`update public.user_api_keys set expires_at = now() where user_id = $1 and key_hash like '%1'`, [
        user,
      ]);
      await issue(crypto.randomUUID());
      expect(await codeOf(begin(crypto.randomUUID()))).toBe('device_limit_reached');
    });

    it('have their keys in the audit: issued, rotated, revoked, and never one that did not count', async () => {
      const device = crypto.randomUUID();
      await issue(device);
      const { hash } = await begin(device);
      await activate(hash);
      const abandon = (key: string): Promise<unknown> =>
        value(db, 'service_role', {}, 'public.device_key_abandon($1, $2)', [user, key]);
      await abandon((await begin(device)).hash);
      await abandon(hash);
      await abandon(hash);
      const details = { device_id: device, device_name: 'laptop', preview: 'sk-…abcd' };
      expect(await audit()).toEqual([
        { event: 'key_issued', details },
        { event: 'key_rotated', details },
        { event: 'key_revoked', details },
      ]);
    });
  });

  describe('the audit log', () => {
    it('has a line for each sign-in and none for anything else that happens to the account', async () => {
      const stamp = (time: string): Promise<unknown> =>
        db.query(`update auth.users set last_sign_in_at = ${time}, updated_at = now() where id = $1`, [user]);
      await stamp('now()');
      await stamp('last_sign_in_at');
      await stamp(`now() + interval '1 minute'`);
      await db.query('insert into auth.users (email, last_sign_in_at) values ($1, now())', [`s${user}@example.com`]);
      expect(await audit()).toEqual([
        { event: 'sign_in', details: {} },
        { event: 'sign_in', details: {} },
      ]);
      const [created] = await db.query<{ id: string }>('select id from auth.users where email = $1', [
        `s${user}@example.com`,
      ]);
      expect(await audit(created?.id)).toEqual([{ event: 'sign_in', details: {} }]);
    });

    it.each([
      'update public.audit_log set event = event',
      'delete from public.audit_log',
      'truncate public.audit_log',
      'truncate public.audit_log cascade',
    ])('refuses “%s” to its own owner, and to a superuser', async (statement) => {
      await setPlan(user, 'pro');
      for (const role of ['godoty_owner', 'postgres']) {
        const work = db.transaction(async (tx) => {
          await tx.exec(`set local role ${role}`);
          await tx.exec(statement);
        });
        expect(await refusalOf(work), role).toEqual({ code: '42501', message: 'The audit log is append-only.' });
      }
    });

    it('outlives the account', async () => {
      await setPlan(user, 'pro');
      await db.query('delete from auth.users where id = $1', [user]);
      expect(await audit()).toHaveLength(1);
    });

    it.each<[string, string, object | null]>([
      ['an event nobody knows', 'coffee', {}],
      ['details that are no object', 'sign_in', []],
      ['details without an end', 'sign_in', { text: 'x'.repeat(5_000) }],
    ])('refuses %s', async (_case, event, details) => {
      const work = db.query('select godoty.audit($1, $2, ($3::text)::jsonb)', [user, event, JSON.stringify(details)]);
      expect(await codeOf(work)).toBe('23514');
    });
  });
});

describe.each(engines)('an older database on $name', (engine) => {
  let server: Server;
  beforeAll(async () => {
    server = await engine.start();
  });
  afterAll(() => server.stop());

  /** An empty database, and what applies the migrations whose names match. */
  async function olderDatabase(): Promise<{
    db: Database;
    apply: (matches: (name: string) => boolean) => Promise<void>;
  }> {
    const db = await server.create();
    await db.exec(await readFile(new URL('../../local/server/db/bootstrap.sql', import.meta.url), 'utf8'));
    const folder = new URL('../../supabase/migrations/', import.meta.url);
    const names = (await readdir(folder)).filter((name) => name.endsWith('.sql')).sort();
    const apply = async (matches: (name: string) => boolean): Promise<void> => {
      for (const name of names.filter(matches)) {
        await db.exec(await readFile(new URL(name, folder), 'utf8'));
      }
    };
    return { db, apply };
  }

  it('keeps the plan that each account was given', async () => {
    const { db, apply } = await olderDatabase();
    await apply((name) => name < '20261121000500');
    const [free, pro] = [await newUser(db), await newUser(db)];
    await db.query(`update public.user_profiles set plan = 'pro' where user_id = $1`, [pro]);
    await apply((name) => name >= '20261121000500');

    for (const [id, plan] of [
      [free, 'free'],
      [pro, 'pro'],
    ] as const) {
      expect(await value(db, 'authenticated', { sub: id }, 'public.profile()')).toMatchObject({ id, plan });
    }
    await db.close();
  });

  it('has LiteLLM told once more of the accounts that are blocked, and of no others', async () => {
    const { db, apply } = await olderDatabase();
    await apply((name) => name < '20261121000900');
    const blocked = await newUser(db);
    await newUser(db);
    await db.query(
      `insert into godoty.gateway_blocks (user_id, limit_name, until)
       values ($1, 'tokens_per_month', now() + interval '1 day')`,
      [blocked],
    );
    await apply((name) => name >= '20261121000900');

    const due = await db.query('select user_id from godoty.gateway_changes where due_at <= now()');
    expect(due).toEqual([{ user_id: blocked }]);
    await db.close();
  });

  it('has a seed that changed applied anew, and refuses a migration that changed', async () => {
    const db = await server.create();
    await migrate(db);
    await db.exec(`update godoty.settings set default_plan = 'free'`);
    const falsify = (version: string): Promise<unknown> =>
      db.query(`update supabase_migrations.schema_migrations set sha256 = 'other' where version = $1`, [version]);
    await falsify('seed');
    await migrate(db);
    expect(await db.query('select default_plan from godoty.settings')).toEqual([{ default_plan: 'enterprise' }]);
    await falsify('20261121000100');
    await expect(migrate(db)).rejects.toThrow(DatabaseOfOtherVersion);
    await db.close();
  });
});
