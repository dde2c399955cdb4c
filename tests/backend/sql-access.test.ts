import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { asRole, isSqlError } from '../../local/server/db/database.ts';
import type { Database, RequestRole } from '../../local/server/db/database.ts';
import { migrate } from '../../local/server/db/migrate.ts';
import { engines } from './databases.ts';
import type { Server } from './databases.ts';
import { newUser } from './sql.ts';
import { usageRecord } from './support.ts';

const ROLES: readonly RequestRole[] = ['anon', 'authenticated', 'service_role'];
const OPERATIONS = ['select', 'insert', 'update', 'delete', 'truncate'] as const;

interface Access {
  readonly roles: Readonly<Record<RequestRole, readonly (typeof OPERATIONS)[number][]>>;
  /** Whose rows are whose; undefined for a table without owners. */
  readonly owner?: string;
  /** A column to try an update with. */
  readonly column: string;
}

const OWNED: Access = {
  roles: { anon: [], authenticated: ['select'], service_role: ['select'] },
  owner: 'user_id',
  column: 'user_id',
};
const NOBODYS: Access['roles'] = { anon: [], authenticated: [], service_role: [] };

/** Who may do what on which table; every table of the schemas has to be here. */
const TABLES: Readonly<Record<string, Access>> = {
  'public.user_profiles': OWNED,
  'public.user_api_keys': OWNED,
  'public.usage_records': OWNED,
  'public.subscriptions': OWNED,
  'public.audit_log': OWNED,
  // Of what people wrote, the roles of requests show each their own and nobody another's.
  'public.conversations': { ...OWNED, roles: { ...NOBODYS, authenticated: ['select'] } },
  'public.conversation_messages': { ...OWNED, roles: { ...NOBODYS, authenticated: ['select'] } },
  'public.user_usage_summary': OWNED,
  'public.model_prices': { roles: { ...NOBODYS, service_role: ['select'] }, column: 'input' },
  'public.plans': { roles: { ...NOBODYS, service_role: ['select'] }, column: 'name' },
  'godoty.usage_costs': { roles: NOBODYS, column: 'user_id' },
  'godoty.settings': { roles: NOBODYS, column: 'default_plan' },
  'godoty.gateway_changes': { roles: NOBODYS, column: 'user_id' },
  'godoty.rate_rules': { roles: NOBODYS, column: 'name' },
  'godoty.rate_limits': { roles: NOBODYS, column: 'bucket' },
  'godoty.key_tombstones': { roles: NOBODYS, column: 'key_hash' },
  'godoty.usage_sync': { roles: NOBODYS, column: 'id' },
  'godoty.usage_sync_readers': { roles: NOBODYS, column: 'name' },
  'godoty.usage_touched': { roles: NOBODYS, column: 'user_id' },
  'godoty.gateway_blocks': { roles: NOBODYS, column: 'user_id' },
  'godoty.user_tombstones': { roles: NOBODYS, column: 'user_id' },
};

/** Who may call which function; every function of the schemas has to be here. */
const FUNCTIONS: Readonly<Record<string, readonly RequestRole[]>> = {
  'public.profile()': ['authenticated'],
  'public.record_usage(records jsonb)': ['authenticated'],
  'public.usage_summary("from" timestamp with time zone, "to" timestamp with time zone, bucket text, timezone text)': [
    'authenticated',
  ],
  'public.usage_requests(before timestamp with time zone, "limit" integer)': ['authenticated'],
  'public.quota()': ['authenticated'],
  'public.update_preferences(patch jsonb)': ['authenticated'],
  'public.conversations_list(before timestamp with time zone, "limit" integer)': ['authenticated'],
  'public.conversations_get(id uuid)': ['authenticated'],
  'public.conversations_save(id uuid, revision integer, title text, messages jsonb, start integer)': ['authenticated'],
  'public.conversations_delete(id uuid)': ['authenticated'],
  // For Supabase Auth's own role.
  'public.before_user_created(event jsonb)': [],
  'godoty.conversation_facts(conversation conversations)': [],
  'godoty.refuse_missing_conversation()': [],
  'godoty.messages_in(messages jsonb, first_position integer)': [],
  'godoty.avatar_for(metadata jsonb)': [],
  'public.device_key_begin(p_user_id uuid, p_device_id uuid, p_device_name text, p_key_hash text, p_preview text)': [
    'service_role',
  ],
  'public.device_key_activate(p_user_id uuid, p_key_hash text, p_expires_at timestamp with time zone)': [
    'service_role',
  ],
  'public.device_key_abandon(p_user_id uuid, p_key_hash text)': ['service_role'],
  'public.device_key_removed(p_user_id uuid, p_deleted text[], p_absent text[])': ['service_role'],
  'public.set_plan(p_account text, p_plan text, p_until timestamp with time zone)': ['service_role'],
  'public.key_issue_wait(p_user_id uuid, p_address text)': ['service_role'],
  'public.device_keys(p_user_id uuid)': ['service_role'],
  'public.device_key_revoke(p_user_id uuid, p_key_id uuid)': ['service_role'],
  'public.gateway_deletions_owed(p_limit integer)': ['service_role'],
  'public.gateway_deletions_done(p_deleted text[], p_absent text[], p_users uuid[])': ['service_role'],
  'public.backend_ready()': ['service_role'],
  'public.backend_state()': ['service_role'],
  'godoty.newest_migration()': [],
  'public.usage_sync_begin(p_holder uuid)': ['service_role'],
  'public.usage_sync_book(p_holder uuid, p_reader text, p_until timestamp with time zone, p_rows jsonb)': [
    'service_role',
  ],
  'public.gateway_account(p_user_id uuid)': ['service_role'],
  'public.gateway_changes_due(p_holder uuid, p_limit integer)': ['service_role'],
  'public.gateway_changes_told(p_ids bigint[])': ['service_role'],
  'public.usage_sync_end(p_holder uuid)': ['service_role'],
  'godoty.refuse(status integer, code text, message text, details text)': [],
  'godoty.display_name_for(email text, metadata jsonb)': [],
  'godoty.username_base(email text)': [],
  'godoty.create_profile(new_user_id uuid, new_email text, metadata jsonb)': [],
  'godoty.on_user_created()': [],
  'godoty.on_user_email_changed()': [],
  'godoty.refuse_usage(item_position integer, field text, expected text)': [],
  'godoty.usage_tokens(item jsonb, field text, item_position integer)': [],
  'godoty.usage_text(item jsonb, field text, pattern text, expected text, item_position integer)': [],
  'godoty.usage_record(item jsonb, item_position integer, owner uuid)': [],
  'public.set_model_prices(p_prices jsonb, p_effective_from timestamp with time zone)': ['service_role'],
  'godoty.prices_in(p_prices jsonb, p_effective_from timestamp with time zone)': [],
  'godoty.price_facts(price model_prices)': [],
  'godoty.prices_at(p_model text, p_at timestamp with time zone)': [],
  'godoty.computed_cost(p_model text, p_at timestamp with time zone, prompt bigint, completion bigint, total bigint, cached bigint, written bigint, reasoning bigint)':
    [],
  'godoty.on_usage_record()': [],
  'godoty.caller()': [],
  'godoty.rfc3339(instant timestamp with time zone)': [],
  'godoty.usd(amount numeric)': [],
  'godoty.is_time_zone(name text)': [],
  'godoty.quota_of(p_user_id uuid)': [],
  'godoty.patched_preferences(preferences jsonb, patch jsonb)': [],
  'godoty.plan_of(p_user_id uuid)': [],
  'godoty.limits_of(p_user_id uuid)': [],
  'godoty.announce_plans(p_names text[])': [],
  'godoty.on_plans_changed()': [],
  'godoty.on_default_plan_changed()': [],
  'godoty.refuse_change()': [],
  'godoty.audit(p_user uuid, p_event text, p_details jsonb)': [],
  'godoty.on_user_signed_in()': [],
  'godoty.locked_account(p_account text)': [],
  'godoty.refuse_device_beyond_limit(p_user_id uuid, p_device_id uuid)': [],
  'godoty.key_details(p_key user_api_keys)': [],
  'godoty.keep_usage_sync(p_holder uuid)': [],
  'godoty.book_spend(p_user_id uuid, p_call_id uuid, p_request_id text, p_failed boolean, p_model text, p_cost numeric, p_prompt_tokens integer, p_completion_tokens integer, p_total_tokens integer, p_cached_tokens integer, p_cache_write_tokens integer, p_reasoning_tokens integer, p_started_at timestamp with time zone)':
    [],
  'godoty.block_of(p_quota jsonb)': [],
  'godoty.gateway_state(p_user_id uuid)': [],
  'godoty.take(p_rule text, p_subject text)': [],
  'godoty.take(p_rule text, p_subject text, p_count integer)': [],
  'godoty.on_key_deleted()': [],
  'godoty.on_account_deleted()': [],
  'godoty.on_conversation_saved()': [],
};

/** What Supabase used to grant to its API roles on everything that a migration made. */
const OLD_DEFAULT_GRANTS = `
  do $$
  declare role_name text;
  begin
    foreach role_name in array array['anon', 'authenticated', 'service_role', 'godoty_owner'] loop
      if not exists (select 1 from pg_roles where rolname = role_name) then
        execute format('create role %I nologin noinherit', role_name);
      end if;
    end loop;
  end $$;
  alter default privileges for role godoty_owner in schema public grant all on tables to anon, authenticated, service_role;
  alter default privileges for role godoty_owner in schema public grant all on functions to anon, authenticated, service_role;
  alter default privileges for role godoty_owner in schema public grant all on sequences to anon, authenticated, service_role;
`;

class RolledBack extends Error {}

/** Nobody can write into a view over groups (55000) or truncate a view (42809), so no privilege is asked for. */
const IMPOSSIBLE = ['55000', '42809'];

/** Tries a statement and takes it back: 'denied' when a privilege is missing, else 'allowed'. */
async function attempt(
  db: Database,
  role: RequestRole,
  userId: string,
  statement: string,
): Promise<'allowed' | 'denied'> {
  try {
    await asRole(db, role, { sub: userId }, async (tx) => {
      await tx.query(statement);
      throw new RolledBack();
    });
  } catch (error) {
    if (isSqlError(error)) {
      const lacksPrivilege = error.code === '42501' && error.message.startsWith('permission denied for ');
      return lacksPrivilege || IMPOSSIBLE.includes(error.code) ? 'denied' : 'allowed';
    }
  }
  return 'allowed';
}

describe.each(engines)('access on $name', (engine) => {
  let server: Server;
  beforeAll(async () => {
    server = await engine.start();
  });
  afterAll(() => server.stop());

  it(`is tried on version ${engine.atLeast} or newer`, async () => {
    const db = await server.create();
    const [row] = await db.query<{ version: number }>(
      `select current_setting('server_version_num')::integer as version`,
    );
    await db.close();
    expect(row?.version).toBeGreaterThanOrEqual(engine.atLeast * 10_000);
  });

  describe.each([
    ['new', ''],
    ['old', OLD_DEFAULT_GRANTS],
  ])('with Supabase’s %s default grants', (_defaults, preparation) => {
    let db: Database;
    let ada: string;
    let bob: string;

    beforeAll(async () => {
      db = await server.create();
      await db.exec(preparation);
      await migrate(db);
      [ada, bob] = [await newUser(db, 'ada@example.com'), await newUser(db, 'bob@example.com')];
      for (const [index, user] of [ada, bob].entries()) {
        await asRole(db, 'authenticated', { sub: user }, (tx) =>
          tx.query('select public.record_usage(($1::text)::jsonb)', [JSON.stringify([usageRecord()])]),
        );
        await asRole(db, 'service_role', {}, (tx) => tx.query(`select public.set_plan($1, 'pro')`, [user]));
        await asRole(db, 'authenticated', { sub: user }, (tx) =>
          tx.query(`select public.conversations_save($1, 0, 'Hello', '[{"role": "user", "content": "Hi"}]')`, [
            crypto.randomUUID(),
          ]),
        );
        await asRole(db, 'service_role', {}, (tx) =>
          tx.query('select public.device_key_begin($1, $2, $3, $4, $5)', [
            user,
            crypto.randomUUID(),
            'laptop',
            String(index).repeat(64),
            'sk-…abcd',
          ]),
        );
      }
    });
    afterAll(() => db.close());

    it('knows every table', async () => {
      const tables = await db.query<{ name: string }>(
        `select relnamespace::regnamespace || '.' || relname as name from pg_class
         where relnamespace in ('public'::regnamespace, 'godoty'::regnamespace) and relkind in ('r', 'v', 'm', 'p', 'f')`,
      );
      expect(tables.map(({ name }) => name).sort()).toEqual(Object.keys(TABLES).sort());
    });

    const cells = Object.entries(TABLES).flatMap(([table, access]) =>
      ROLES.flatMap((role) => OPERATIONS.map((operation) => ({ table, access, role, operation }))),
    );
    it.each(cells)('$role, $table, $operation', async ({ table, access, role, operation }) => {
      const statements = {
        select: `select * from ${table}`,
        insert: `insert into ${table} default values`,
        update: `update ${table} set ${access.column} = ${access.column}`,
        delete: `delete from ${table}`,
        truncate: `truncate ${table} cascade`,
      };
      const expected = access.roles[role].includes(operation) ? 'allowed' : 'denied';
      expect(await attempt(db, role, ada, statements[operation])).toBe(expected);
    });

    it('grants nothing by column, and no sequence', async () => {
      const byColumn = await db.query(
        `select attrelid::regclass::text as relation, attname from pg_attribute
         where attacl is not null
           and attrelid in (select oid from pg_class where relnamespace in ('public'::regnamespace, 'godoty'::regnamespace))`,
      );
      expect(byColumn).toEqual([]);
      const sequences = await db.query(
        `select c.oid::regclass::text as sequence, role from pg_class c, unnest($1::text[]) as role
         where c.relkind = 'S' and c.relnamespace in ('public'::regnamespace, 'godoty'::regnamespace)
           and has_sequence_privilege(role, c.oid, 'usage, select, update')`,
        [[...ROLES]],
      );
      expect(sequences).toEqual([]);
    });

    const owned = Object.entries(TABLES).flatMap(([table, { owner }]) => (owner === undefined ? [] : [[table, owner]]));
    it.each(owned)('%s shows an owner their own row and nobody else’s', async (table, owner) => {
      const owners = (role: RequestRole, sub: string): Promise<string[]> =>
        asRole(db, role, { sub }, async (tx) =>
          (await tx.query<{ owner: string }>(`select distinct ${owner} as owner from ${table}`)).map(
            (row) => row.owner,
          ),
        );
      expect(await owners('authenticated', ada)).toEqual([ada]);
      expect(await owners('authenticated', bob)).toEqual([bob]);
      expect(await owners('authenticated', crypto.randomUUID())).toEqual([]);
      if (TABLES[table]?.roles.service_role.includes('select') === true) {
        expect((await owners('service_role', ada)).sort()).toEqual([ada, bob].sort());
      }
    });

    it('knows every function', async () => {
      expect((await functions()).map(({ signature }) => signature).sort()).toEqual(Object.keys(FUNCTIONS).sort());
    });

    it.each(ROLES)('lets %s call exactly the functions that are theirs', async (role) => {
      const callable: string[] = [];
      for (const { signature, call } of await functions()) {
        if ((await attempt(db, role, ada, `select ${call}`)) === 'allowed') {
          callable.push(signature);
        }
      }
      const granted = Object.keys(FUNCTIONS).filter((signature) => FUNCTIONS[signature]?.includes(role));
      expect(callable.sort()).toEqual(granted.sort());
    });

    /** Every function of the schemas, and a call of it that a missing privilege alone can stop. */
    function functions(): Promise<{ signature: string; call: string }[]> {
      return db.query(
        `select n.nspname || '.' || p.proname || '(' || pg_get_function_identity_arguments(p.oid) || ')' as signature,
           n.nspname || '.' || p.proname || '(' || coalesce(
             (select string_agg('null::' || format_type(type, null), ', ' order by position)
              from unnest(p.proargtypes::oid[]) with ordinality as argument (type, position)), '') || ')' as call
         from pg_proc p join pg_namespace n on n.oid = p.pronamespace
         where n.nspname in ('public', 'godoty')`,
      );
    }

    it('keeps row level security on for every table', async () => {
      const off = await db.query(
        `select oid::regclass::text as name from pg_class
         where relnamespace in ('public'::regnamespace, 'godoty'::regnamespace) and relkind in ('r', 'p')
           and not relrowsecurity`,
      );
      expect(off).toEqual([]);
    });

    it('grants nothing to everybody: a role that is new has nothing', async () => {
      const everybody = await db.query(
        `select object from (
           select p.oid::regprocedure::text as object, coalesce(p.proacl, acldefault('f', p.proowner)) as acl from pg_proc p
           where p.pronamespace in ('public'::regnamespace, 'godoty'::regnamespace)
           union all
           select c.oid::regclass::text, c.relacl from pg_class c
           where c.relnamespace in ('public'::regnamespace, 'godoty'::regnamespace)
           union all
           select n.nspname, n.nspacl from pg_namespace n where n.nspname = 'godoty'
         ) as granted, aclexplode(acl) as grant_entry where grantee = 0`,
      );
      expect(everybody).toEqual([]);
    });

    it('pins the search path of every function that runs with its owner’s rights', async () => {
      const loose = await db.query(
        `select oid::regprocedure as name from pg_proc
         where pronamespace in ('public'::regnamespace, 'godoty'::regnamespace)
           and not coalesce(proconfig, '{}') @> array['search_path=""']`,
      );
      expect(loose).toEqual([]);
    });

    it('belongs to an ordinary role', async () => {
      const owners = await db.query<{ rolname: string; rolsuper: boolean; rolbypassrls: boolean }>(
        `select distinct r.rolname, r.rolsuper, r.rolbypassrls from pg_class c join pg_roles r on r.oid = c.relowner
         where c.relnamespace = 'public'::regnamespace and c.relkind = 'r'`,
      );
      expect(owners).toEqual([{ rolname: 'godoty_owner', rolsuper: false, rolbypassrls: false }]);
    });

    it('keeps auth.users and the stack’s own tables from every request', async () => {
      for (const table of ['auth.users', 'auth.refresh_tokens', 'local_stack.settings', 'local_stack.model_keys']) {
        for (const role of ROLES) {
          expect(await attempt(db, role, ada, `select * from ${table}`), `${role} ${table}`).toBe('denied');
        }
      }
    });
  });
});
