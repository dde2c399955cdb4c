-- What a database of Supabase has before a project's migrations: its roles, its auth schema and the functions
-- that read the request's token. Run once, as a superuser.

do $$
declare
  role_name text;
begin
  -- Roles belong to the whole server, so on a real one they may be there from another database.
  foreach role_name in array array['anon', 'authenticated', 'service_role', 'authenticator', 'godoty_owner'] loop
    if not exists (select 1 from pg_roles where rolname = role_name) then
      execute format('create role %I nologin noinherit', role_name);
    end if;
  end loop;
  execute format('grant create on database %I to godoty_owner', current_database());
end;
$$;

alter role service_role bypassrls;
grant anon, authenticated, service_role to authenticator;

revoke create on schema public from public;
grant usage on schema public to anon, authenticated, service_role;
-- The migrations' owner: an ordinary role, as `postgres` is on Supabase.
grant usage, create on schema public to godoty_owner;

create schema auth;
grant usage on schema auth to anon, authenticated, service_role, godoty_owner;

create table auth.users (
  id uuid primary key default gen_random_uuid(),
  aud text not null default 'authenticated',
  role text not null default 'authenticated',
  email text unique check (email = lower(email)),
  encrypted_password text,
  email_confirmed_at timestamptz,
  confirmation_sent_at timestamptz,
  last_sign_in_at timestamptz,
  raw_app_meta_data jsonb not null default '{"provider": "email", "providers": ["email"]}',
  raw_user_meta_data jsonb not null default '{}',
  is_anonymous boolean not null default false,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
grant select, references, trigger on auth.users to godoty_owner;

create table auth.sessions (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references auth.users (id) on delete cascade,
  created_at timestamptz not null,
  -- Set when a stale refresh token was used: none of the session's tokens is good from then on.
  family_revoked_at timestamptz
);
create index sessions_by_user on auth.sessions (user_id);

create table auth.refresh_tokens (
  id bigint generated always as identity primary key,
  token text not null unique,
  session_id uuid not null references auth.sessions (id) on delete cascade,
  -- The token that this one was given for; null for the first of a session.
  parent text,
  revoked_at timestamptz,
  created_at timestamptz not null
);
create index refresh_tokens_by_session on auth.refresh_tokens (session_id);

create table auth.one_time_tokens (
  token_hash text primary key,
  user_id uuid not null unique references auth.users (id) on delete cascade,
  code text not null check (code ~ '^[0-9]{6}$'),
  expires_at timestamptz not null
);

create function auth.jwt() returns jsonb language sql stable as $$
  select nullif(current_setting('request.jwt.claims', true), '')::jsonb
$$;
create function auth.uid() returns uuid language sql stable as $$
  select (auth.jwt() ->> 'sub')::uuid
$$;
create function auth.role() returns text language sql stable as $$
  select auth.jwt() ->> 'role'
$$;

-- The local stack's own things, out of every request's reach.
create schema local_stack;

create table local_stack.settings (
  name text primary key,
  value jsonb not null
);

-- Mail that a real server would have sent; the page /_inbox shows it.
create table local_stack.mails (
  id bigint generated always as identity primary key,
  recipient text not null,
  subject text not null,
  link text not null,
  code text not null,
  sent_at timestamptz not null
);

-- The virtual keys of the model endpoint, by hash, with what each has spent (US dollars).
create table local_stack.model_keys (
  token text primary key check (token ~ '^[0-9a-f]{64}$'),
  key_name text not null,
  key_alias text unique,
  user_id text,
  models text[] not null,
  max_budget numeric,
  spend numeric not null default 0,
  blocked boolean not null default false,
  expires timestamptz,
  metadata jsonb not null,
  created_at timestamptz not null
);
