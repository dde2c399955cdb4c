-- What the edge function `keys` and the reconciler need: how often keys may be asked for, which keys an account has,
-- their revocation, and the deletions in LiteLLM that are still owed, also those of accounts that are gone.

-- How often something may happen: at most `burst` times within `per`, refilled evenly.
create table godoty.rate_rules (
  name text primary key,
  burst integer not null check (burst > 0),
  per interval not null check (per > interval '0')
);

comment on table godoty.rate_rules is 'An operator changes the numbers with UPDATE.';

insert into godoty.rate_rules (name, burst, per)
values
  -- Signing in, each window that opens without a key, and a key that LiteLLM lost: a handful a day.
  ('key_issue_by_user', 30, '10 minutes'),
  -- A school or an office may sit behind one address.
  ('key_issue_by_address', 300, '10 minutes');

-- One row per busy user or address; what has lapsed is deleted by the sync.
create table godoty.rate_limits (
  bucket text primary key check (char_length(bucket) between 1 and 120),
  -- Until when the bucket is not empty (the theoretical arrival time of GCRA): one timestamp is all its state.
  busy_until timestamptz not null
);

create index rate_limits_by_time on godoty.rate_limits (busy_until);

revoke all on table godoty.rate_rules, godoty.rate_limits from public, anon, authenticated, service_role;

-- Takes one from a bucket. Answers 0, or the seconds to wait when it is used up; nothing is taken then.
create function godoty.take(p_rule text, p_subject text)
returns integer
language plpgsql
set search_path = ''
as $$
declare
  rule godoty.rate_rules;
  bucket_name text := p_rule || ':' || p_subject;
  at_once timestamptz := pg_catalog.clock_timestamp();
  step interval;
  busy timestamptz;
begin
  select * into strict rule from godoty.rate_rules where name = p_rule;
  step := rule.per / rule.burst;
  insert into godoty.rate_limits as taken (bucket, busy_until)
  values (bucket_name, at_once + step)
  on conflict (bucket) do update
    set busy_until = greatest(taken.busy_until, at_once) + step
    where greatest(taken.busy_until, at_once) + step <= at_once + rule.per;
  if found then
    return 0;
  end if;
  select busy_until into busy from godoty.rate_limits where bucket = bucket_name;
  return greatest(1, pg_catalog.ceil(extract(epoch from busy + step - rule.per - at_once)))::integer;
end;
$$;

-- Whether an account may ask for a key now: 0, or the seconds to wait. The address is the caller's network address as
-- text, null when it is not known.
create function public.key_issue_wait(p_user_id uuid, p_address text default null)
returns integer
language plpgsql
security definer
set search_path = ''
as $$
declare
  address inet;
  waiting integer := godoty.take('key_issue_by_user', p_user_id::text);
begin
  begin
    address := p_address::inet;
  exception
    when invalid_text_representation then
      address := null;
  end;
  if waiting = 0 and address is not null then
    -- Whoever has one IPv6 address has the 2^64 beside it as well.
    waiting := godoty.take('key_issue_by_address',
      pg_catalog.host(pg_catalog.network(
        pg_catalog.set_masklen(address, case pg_catalog.family(address) when 6 then 64 else 32 end))));
  end if;
  return waiting;
end;
$$;

-- The account's keys that are in use: previews, never keys.
create function public.device_keys(p_user_id uuid)
returns jsonb
language sql
stable
security definer
set search_path = ''
as $$
  select coalesce(
    pg_catalog.jsonb_agg(
      pg_catalog.jsonb_build_object(
        'id', id,
        'device_id', device_id,
        'device_name', device_name,
        'preview', preview,
        'created_at', created_at,
        'last_used_at', last_used_at,
        'expires_at', expires_at)
      order by attempt desc),
    '[]'::jsonb)
  from public.user_api_keys
  where user_id = p_user_id and status = 'active';
$$;

-- Revokes one key of an account, or all of them when no id is given, attempts under way included. Answers how many
-- were in use, and the hashes that LiteLLM has yet to delete.
create function public.device_key_revoke(p_user_id uuid, p_key_id uuid default null)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  revoked public.user_api_keys;
  in_use integer := 0;
  owed text[] := '{}';
begin
  -- The same lock as of issuing, so that an attempt either counts before this or finds itself revoked.
  perform 1 from public.user_profiles where user_id = p_user_id for no key update;
  if p_key_id is not null and not exists (
    select 1 from public.user_api_keys where id = p_key_id and user_id = p_user_id and status = 'active'
  ) then
    perform godoty.refuse(404, 'key_not_found', 'This account has no such key in use. It may be revoked already.');
  end if;
  for revoked in
    select * from public.user_api_keys
    where user_id = p_user_id and status <> 'revoked' and (p_key_id is null or id = p_key_id)
    order by attempt
  loop
    update public.user_api_keys set status = 'revoked', revoked_at = pg_catalog.now() where id = revoked.id;
    owed := owed || revoked.key_hash;
    if revoked.status = 'active' then
      in_use := in_use + 1;
      perform godoty.audit(p_user_id, 'key_revoked', godoty.key_details(revoked));
    end if;
  end loop;
  return pg_catalog.jsonb_build_object('revoked', in_use, 'owed', pg_catalog.to_jsonb(owed));
end;
$$;

-- Keys and users that LiteLLM may still have although their account is gone. No foreign keys: that is the point.
create table godoty.key_tombstones (
  key_hash text primary key,
  key_created_at timestamptz not null,
  deleted_at timestamptz not null default now()
);
create table godoty.user_tombstones (
  user_id uuid primary key,
  deleted_at timestamptz not null default now()
);
revoke all on table godoty.key_tombstones, godoty.user_tombstones from public, anon, authenticated, service_role;

create function godoty.on_key_deleted()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  insert into godoty.key_tombstones (key_hash, key_created_at) values (old.key_hash, old.created_at)
  on conflict do nothing;
  return null;
end;
$$;

create function godoty.on_account_deleted()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  insert into godoty.user_tombstones (user_id) values (old.user_id) on conflict do nothing;
  return null;
end;
$$;

create trigger user_api_keys_deleted
  after delete on public.user_api_keys
  for each row when (old.removed_at is null) execute function godoty.on_key_deleted();

create trigger user_profiles_deleted
  after delete on public.user_profiles
  for each row execute function godoty.on_account_deleted();

create index user_api_keys_pending on public.user_api_keys (created_at) where status = 'pending';

-- What LiteLLM has yet to delete: hashes of keys, and ids of users. An attempt that has not ended after five minutes
-- never will: it is revoked here, so that it cannot begin to count while its key is being deleted.
create function public.gateway_deletions_owed(p_limit integer)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
begin
  update public.user_api_keys
  set status = 'revoked', revoked_at = pg_catalog.now()
  where status = 'pending' and created_at < pg_catalog.now() - interval '5 minutes';
  return pg_catalog.jsonb_build_object(
    'keys', coalesce((
      select pg_catalog.jsonb_agg(key_hash)
      from (
        (select key_hash from public.user_api_keys
         where status = 'revoked' and removed_at is null
         order by revoked_at
         limit p_limit)
        union all
        (select key_hash from godoty.key_tombstones order by deleted_at limit p_limit)
      ) as owed), '[]'::jsonb),
    'users', coalesce((
      select pg_catalog.jsonb_agg(user_id)
      from (select user_id from godoty.user_tombstones order by deleted_at limit p_limit) as owed), '[]'::jsonb));
end;
$$;

-- LiteLLM said of these that it deleted them, or that it has none such. As in device_key_removed, the latter proves
-- nothing of a key while the attempt that would create it may still be under way.
create function public.gateway_deletions_done(p_deleted text[], p_absent text[], p_users uuid[])
returns void
language sql
security definer
set search_path = ''
as $$
  update public.user_api_keys
  set removed_at = pg_catalog.now()
  where status = 'revoked'
    and removed_at is null
    and (
      key_hash = any (p_deleted)
      or (key_hash = any (p_absent) and created_at < pg_catalog.now() - interval '5 minutes'));
  delete from godoty.key_tombstones
  where key_hash = any (p_deleted)
    or (key_hash = any (p_absent) and key_created_at < pg_catalog.now() - interval '5 minutes');
  delete from godoty.user_tombstones where user_id = any (p_users);
$$;

-- Whether the database answers; for `ready`.
create function public.backend_ready()
returns boolean
language sql
stable
security invoker
set search_path = ''
as $$
  select true;
$$;

revoke all on function
  godoty.take(text, text),
  godoty.on_key_deleted(),
  godoty.on_account_deleted(),
  public.key_issue_wait(uuid, text),
  public.device_keys(uuid),
  public.device_key_revoke(uuid, uuid),
  public.gateway_deletions_owed(integer),
  public.gateway_deletions_done(text[], text[], uuid[]),
  public.backend_ready()
from public, anon, authenticated, service_role;
grant execute on function
  public.key_issue_wait(uuid, text),
  public.device_keys(uuid),
  public.device_key_revoke(uuid, uuid),
  public.gateway_deletions_owed(integer),
  public.gateway_deletions_done(text[], text[], uuid[]),
  public.backend_ready()
to service_role;
