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
  recovery_sent_at timestamptz,
  -- The address that the account is to move to, and how many of the two mails about it were followed.
  email_change text check (email_change = lower(email_change)),
  email_change_sent_at timestamptz,
  email_change_confirmations integer not null default 0,
  last_sign_in_at timestamptz,
  raw_app_meta_data jsonb not null default '{"provider": "email", "providers": ["email"]}',
  raw_user_meta_data jsonb not null default '{}',
  is_anonymous boolean not null default false,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
grant select, references, trigger on auth.users to godoty_owner;

-- The ways in which a user may prove who they are: a password, or an account at a provider.
create table auth.identities (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references auth.users (id) on delete cascade,
  provider text not null,
  -- The user's id at the provider; for the provider "email", their id here.
  provider_id text not null,
  identity_data jsonb not null,
  last_sign_in_at timestamptz not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  unique (provider, provider_id)
);
create index identities_by_user on auth.identities (user_id);

create table auth.sessions (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references auth.users (id) on delete cascade,
  -- How it was begun, as the token's claim `amr` says it.
  method text not null,
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

-- A sign-in that has begun and whose end comes by another way: from a provider, or from a mail.
create table auth.flow_states (
  id uuid primary key default gen_random_uuid(),
  provider text,
  method text not null,
  -- Both null: the tokens go straight into the redirect ("implicit").
  code_challenge text,
  code_challenge_method text check (code_challenge_method in ('s256', 'plain')),
  redirect_to text,
  auth_code uuid not null unique default gen_random_uuid(),
  auth_code_issued_at timestamptz,
  user_id uuid references auth.users (id) on delete cascade,
  provider_token text,
  created_at timestamptz not null
);

-- What a mail proves: its link's token (by hash) or its code. The newest of each purpose counts.
create table auth.one_time_tokens (
  token_hash text primary key,
  user_id uuid not null references auth.users (id) on delete cascade,
  purpose text not null
    check (purpose in ('confirmation', 'recovery', 'email_change_current', 'email_change_new')),
  -- The address that the mail went to.
  email text not null,
  code text not null check (code ~ '^[0-9]{6}$'),
  flow_id uuid references auth.flow_states (id) on delete set null,
  expires_at timestamptz not null,
  unique (user_id, purpose)
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
  -- What the link's text says.
  action text not null,
  link text not null,
  code text not null,
  sent_at timestamptz not null
);

-- The virtual keys of the model endpoint, by hash, with what each has spent (US dollars).
create table local_stack.model_keys (
  token text primary key check (token ~ '^[0-9a-f]{64}$'),
  key_name text not null,
  -- 'llm_api': for models only. Null: the key may ask about itself, too.
  key_type text,
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

-- Its users, on whom the limits of all their keys sit.
create table local_stack.model_users (
  user_id text primary key,
  max_budget numeric,
  models text[] not null,
  metadata jsonb not null,
  spend numeric not null default 0
);

-- What each of its calls used, as LiteLLM's spend log has it.
create table local_stack.spend_log (
  request_id text primary key,
  call_id text not null,
  token text not null,
  user_id text,
  model text not null,
  status text not null check (status in ('success', 'failure')),
  prompt_tokens integer not null,
  completion_tokens integer not null,
  cached_tokens integer not null,
  spend numeric not null,
  started_at timestamptz not null
);
create index spend_log_by_time on local_stack.spend_log (started_at, request_id);
