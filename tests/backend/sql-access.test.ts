import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { asRole, isSqlError } from '../../local/server/db/database.ts';
import type { Database, Queryable, RequestRole } from '../../local/server/db/database.ts';
import { migrate } from '../../local/server/db/migrate.ts';
import { engines } from './databases.ts';
import type { Server } from './databases.ts';
import { usageRecord } from './support.ts';

const ROLES: readonly RequestRole[] = ['anon', 'authenticated', 'service_role'];
const OPERATIONS = ['select', 'insert', 'update', 'delete', 'truncate'] as const;

/** Who may do what on which table; every table of the schema has to be here. */
const TABLES: Readonly<Record<string, Readonly<Record<RequestRole, readonly string[]>>>> = {
  user_profiles: { anon: [], authenticated: ['select'], service_role: ['select'] },
  user_api_keys: { anon: [], authenticated: ['select'], service_role: ['select'] },
  usage_records: { anon: [], authenticated: ['select'], service_role: ['select'] },
};

/** Who may call which function; every function of the schemas has to be here. */
const FUNCTIONS: Readonly<Record<string, readonly RequestRole[]>> = {
  'public.profile()': ['authenticated'],
  'public.record_usage(records jsonb)': ['authenticated'],
  'public.device_key_begin(p_user_id uuid, p_device_id uuid, p_device_name text, p_key_hash text, p_preview text)': [
    'service_role',
  ],
  'public.device_key_activate(p_user_id uuid, p_key_hash text, p_expires_at timestamp with time zone)': [
    'service_role',
  ],
  'public.device_key_abandon(p_user_id uuid, p_key_hash text)': ['service_role'],
  'public.device_key_removed(p_user_id uuid, p_deleted text[], p_absent text[])': ['service_role'],
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
    if (isSqlError(error) && error.code === '42501') {
      return 'denied';
    }
  }
  return 'allowed';
}

async function newUser(db: Queryable, email: string): Promise<string> {
  const [row] = await db.query<{ id: string }>('insert into auth.users (email) values ($1) returning id', [email]);
  if (row === undefined) {
    throw new Error('no user');
  }
  return row.id;
}

describe.each(engines)('access on $name', (engine) => {
  let server: Server;
  beforeAll(async () => {
    server = await engine.start();
  });
  afterAll(() => server.stop());

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
        `select relname as name from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'v', 'm', 'p', 'f')`,
      );
      expect(tables.map(({ name }) => name).sort()).toEqual(Object.keys(TABLES).sort());
    });

    const cells = Object.keys(TABLES).flatMap((table) =>
      ROLES.flatMap((role) => OPERATIONS.map((operation) => ({ table, role, operation }))),
    );
    it.each(cells)('$role, $table, $operation', async ({ table, role, operation }) => {
      const statements = {
        select: `select * from public.${table}`,
        insert: `insert into public.${table} default values`,
        update: `update public.${table} set user_id = user_id`,
        delete: `delete from public.${table}`,
        truncate: `truncate public.${table} cascade`,
      };
      const expected = TABLES[table]?.[role].includes(operation) === true ? 'allowed' : 'denied';
      expect(await attempt(db, role, ada, statements[operation])).toBe(expected);
    });

    it.each(Object.keys(TABLES))('%s shows an owner their own row, the service role both', async (table) => {
      const owners = (role: RequestRole, sub: string): Promise<string[]> =>
        asRole(db, role, { sub }, async (tx) =>
          (await tx.query<{ user_id: string }>(`select user_id from public.${table}`)).map((row) => row.user_id),
        );
      expect(await owners('authenticated', ada)).toEqual([ada]);
      expect(await owners('authenticated', bob)).toEqual([bob]);
      expect(await owners('authenticated', crypto.randomUUID())).toEqual([]);
      expect((await owners('service_role', ada)).sort()).toEqual([ada, bob].sort());
    });

    it('lets exactly the named roles call exactly these functions', async () => {
      const rows = await db.query<{ signature: string; role: RequestRole | null }>(
        `select n.nspname || '.' || p.proname || '(' || pg_get_function_identity_arguments(p.oid) || ')' as signature, r.role
         from pg_proc p
         join pg_namespace n on n.oid = p.pronamespace
         left join unnest($1::text[]) as r (role)
           on has_function_privilege(r.role, p.oid, 'execute') and has_schema_privilege(r.role, n.oid, 'usage')
         where n.nspname in ('public', 'godoty')
         order by 1, 2`,
        [[...ROLES]],
      );
      const actual: Record<string, RequestRole[]> = {};
      for (const { signature, role } of rows) {
        (actual[signature] ??= []).push(...(role === null ? [] : [role]));
      }
      expect(actual).toEqual(FUNCTIONS);
    });

    it('keeps row level security on for every table', async () => {
      const off = await db.query(
        `select relname from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r' and not relrowsecurity`,
      );
      expect(off).toEqual([]);
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
