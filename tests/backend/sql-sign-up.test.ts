import { describe, expect, it } from 'vitest';

import type { Database } from '../../local/server/db/database.ts';
import { engines, useDatabase } from './databases.ts';
import { newUser, value } from './sql.ts';
import { usageRecord } from './support.ts';

describe.each(engines)('a sign-up on $name', (engine) => {
  let db: Database;

  useDatabase(
    engine,
    (opened) => (db = opened),
    `
      do $$ begin
        if not exists (select 1 from pg_roles where rolname = 'supabase_auth_admin') then
          create role supabase_auth_admin nologin noinherit;
        end if;
      end $$`,
  );

  const check = (user: object): Promise<unknown> =>
    db.transaction(async (tx) => {
      await tx.exec('set local role supabase_auth_admin');
      const [row] = await tx.query<{ answer: unknown }>(
        'select public.before_user_created(($1::text)::jsonb) as answer',
        [JSON.stringify({ metadata: { name: 'before-user-created' }, user })],
      );
      return row?.answer;
    });

  const ADDRESS = 'Enter an e-mail address, such as name@example.com.';
  const NAME = 'Enter a name of 1 to 100 characters, on one line.';

  it.each<[string, object]>([
    ['an address alone', { email: 'ada@example.com' }],
    ['a plus and dots', { email: 'ada.l+godoty@mail.example.com', user_metadata: {} }],
    ['a name', { email: 'ada@example.com', user_metadata: { display_name: 'Ada Lovelace 👩‍💻' } }],
    ['no name', { email: 'ada@example.com', user_metadata: { display_name: null } }],
    ['a provider’s long name', { email: 'ada@example.com', user_metadata: { full_name: 'x'.repeat(300) } }],
    ['no address, by phone', { email: '', phone: '123' }],
    ['nobody’s name', {}],
  ])('may have %s', async (_case, user) => {
    expect(await check(user)).toEqual({});
  });

  it.each<[string, object, string]>([
    ['no @', { email: 'ada' }, ADDRESS],
    ['nothing before the @', { email: '@example.com' }, ADDRESS],
    ['two @', { email: 'a@b@example.com' }, ADDRESS],
    ['a space', { email: 'a b@example.com' }, ADDRESS],
    ['a line break', { email: 'a@example.com\n' }, ADDRESS],
    ['an address without an end', { email: `a@${'x'.repeat(260)}.com` }, ADDRESS],
    ['an empty name', { email: 'a@example.com', user_metadata: { display_name: '  ' } }, NAME],
    ['a long name', { email: 'a@example.com', user_metadata: { display_name: 'x'.repeat(101) } }, NAME],
    ['a name of two lines', { email: 'a@example.com', user_metadata: { display_name: 'a\nb' } }, NAME],
    ['a name that is no text', { email: 'a@example.com', user_metadata: { display_name: { first: 'A' } } }, NAME],
    [
      'much else',
      { email: 'a@example.com', user_metadata: { other: 'x'.repeat(16_384) } },
      'Too much was sent along with the sign-up. Leave out what is not needed.',
    ],
  ])('with %s is refused in words', async (_case, user, message) => {
    expect(await check(user)).toEqual({ error: { http_code: 400, message } });
  });

  it.each<[string, object, string | null]>([
    ['a picture', { avatar_url: 'https://example.com/a.png' }, 'https://example.com/a.png'],
    ['another provider’s picture', { picture: 'https://example.com/b.png' }, 'https://example.com/b.png'],
    ['no picture', {}, null],
    ['a script for a picture', { avatar_url: 'javascript:alert(1)' }, null],
    ['a picture without encryption', { avatar_url: 'http://example.com/a.png' }, null],
    ['a picture’s address without an end', { avatar_url: `https://example.com/${'x'.repeat(2_048)}` }, null],
  ])('with %s gives the profile one that a page may show', async (_case, metadata, url) => {
    const user = await newUser(db, undefined, metadata);
    expect(await db.query('select avatar_url from public.user_profiles where user_id = $1', [user])).toEqual([
      { avatar_url: url },
    ]);
  });

  it('leads to usage by day, which shows each account its own', async () => {
    const [ada, bob] = [await newUser(db), await newUser(db)];
    const times = ['2025-11-19T23:59:59Z', '2025-11-20T00:00:00Z', '2025-11-20T12:00:00Z'];
    for (const user of [ada, bob]) {
      const records = times.map((occurred_at) => usageRecord({ occurred_at, cost_usd: '0.1', model: 'm' }));
      await value(db, 'authenticated', { sub: user }, 'public.record_usage(($1::text)::jsonb)', [
        JSON.stringify(records),
      ]);
    }
    const days = `(select coalesce(jsonb_agg(jsonb_build_object('user', user_id, 'day', day, 'requests', requests,
      'cost', cost_usd::text) order by user_id, day), '[]') from public.user_usage_summary)`;
    const own = (user: string): object[] => [
      { user, day: '2025-11-19', requests: 1, cost: '0.1' },
      { user, day: '2025-11-20', requests: 2, cost: '0.2' },
    ];
    expect(await value(db, 'authenticated', { sub: ada }, days)).toEqual(own(ada));
    expect(await value(db, 'authenticated', { sub: crypto.randomUUID() }, days)).toEqual([]);
    expect(await value(db, 'service_role', {}, days)).toEqual([ada, bob].sort().flatMap(own));
  });
});
