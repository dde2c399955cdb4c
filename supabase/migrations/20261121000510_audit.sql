-- What happened to an account that somebody may ask about later. Rows are added and never changed, by nobody: there
-- is no foreign key either, because the log outlives the account.

create table public.audit_log (
  id bigint generated always as identity primary key,
  occurred_at timestamptz not null default now(),
  user_id uuid not null,
  event text not null check (
    event in ('sign_in', 'key_issued', 'key_rotated', 'key_revoked', 'plan_changed', 'limit_hit')),
  -- Names and numbers, never a secret and never what somebody wrote to a model.
  details jsonb not null default '{}'
    check (jsonb_typeof(details) = 'object' and octet_length(details::text) <= 4096)
);

comment on table public.audit_log is 'Append-only. godoty.audit() is the one way into it.';

create index audit_log_by_user on public.audit_log (user_id, occurred_at);

alter table public.audit_log enable row level security;
revoke all on table public.audit_log from public, anon, authenticated, service_role;
grant select on table public.audit_log to authenticated, service_role;

-- Old default grants reach the sequences behind identity columns too.
revoke all on all sequences in schema public from public, anon, authenticated, service_role;

create policy audit_log_owner_reads on public.audit_log
  for select to authenticated
  using ((select auth.uid()) = user_id);

-- Grants stop the roles of requests; this stops the owner's own functions and a slip in the SQL editor.
create trigger audit_log_append_only
  before update or delete or truncate on public.audit_log
  for each statement execute function godoty.refuse_change('The audit log is append-only.');

create function godoty.audit(p_user uuid, p_event text, p_details jsonb default '{}')
returns void
language sql
set search_path = ''
as $$
  insert into public.audit_log (user_id, event, details) values (p_user, p_event, p_details);
$$;

-- Supabase Auth stamps each sign-in on the account, in every way of signing in; renewing a token stamps nothing.
create function godoty.on_user_signed_in()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  perform godoty.audit(new.id, 'sign_in');
  return null;
end;
$$;

create trigger godoty_user_signed_in
  after update of last_sign_in_at on auth.users
  for each row
  when (new.last_sign_in_at is not null and old.last_sign_in_at is distinct from new.last_sign_in_at)
  execute function godoty.on_user_signed_in();

create trigger godoty_user_created_signed_in
  after insert on auth.users
  for each row
  when (new.last_sign_in_at is not null)
  execute function godoty.on_user_signed_in();

-- The account that an operator means by an id or an e-mail address; locked until the transaction's end.
create function godoty.locked_account(p_account text)
returns public.user_profiles
language plpgsql
set search_path = ''
as $$
declare
  named text := pg_catalog.lower(pg_catalog.btrim(p_account));
  found_ids uuid[];
  account public.user_profiles;
begin
  select pg_catalog.array_agg(user_id) into found_ids
  from public.user_profiles
  where pg_catalog.lower(email) = named
    or user_id = case when named ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then named::uuid end;
  if found_ids is null then
    perform godoty.refuse(404, 'account_not_found',
      'No account has this e-mail address or id. Check the spelling.');
  elsif pg_catalog.cardinality(found_ids) > 1 then
    perform godoty.refuse(409, 'account_ambiguous',
      'Several accounts have this e-mail address. Name the one you mean by its id.');
  end if;
  select * into account from public.user_profiles where user_id = found_ids[1] for no key update;
  return account;
end;
$$;

create index user_profiles_by_email on public.user_profiles (lower(email));

-- The operator's command: puts an account (its id or e-mail address) on a plan, until a time or for good. Doing it
-- again changes nothing.
create function public.set_plan(p_account text, p_plan text, p_until timestamptz default null)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  account public.user_profiles := godoty.locked_account(p_account);
  former text := (godoty.plan_of(account.user_id)).name;
  -- Not now(): the lock may have been waited for, and a later change must not begin before an earlier one.
  at_once timestamptz := pg_catalog.clock_timestamp();
begin
  if not exists (select 1 from public.plans where name = p_plan) then
    perform godoty.refuse(400, 'plan_not_found', 'There is no such plan. The plans are: ' ||
      (select pg_catalog.string_agg(name, ', ' order by tokens_per_month, name) from public.plans) || '.');
  end if;
  if p_until <= at_once then
    perform godoty.refuse(400, 'invalid_request', 'The end of the plan must lie in the future.');
  end if;

  if not exists (
    select 1 from public.subscriptions
    where user_id = account.user_id and plan = p_plan and until is not distinct from p_until
  ) then
    update public.subscriptions
    set until = greatest(at_once, since)
    where user_id = account.user_id and (until is null or until > at_once);
    insert into public.subscriptions (user_id, plan, since, until)
    values (account.user_id, p_plan, at_once, p_until);
    -- The end of a plan is a change too, and known already.
    insert into godoty.gateway_changes (user_id, due_at)
    select account.user_id, due_at
    from pg_catalog.unnest(array[at_once, p_until]) as due_at
    where due_at is not null;
    perform godoty.audit(account.user_id, 'plan_changed',
      pg_catalog.jsonb_build_object('from', former, 'to', p_plan, 'until', p_until));
  end if;

  return pg_catalog.jsonb_build_object(
    'id', account.user_id,
    'email', account.email,
    'plan', p_plan,
    'former_plan', former,
    'until', p_until);
end;
$$;

-- Refuses a device when as many others as the plan allows have a key that works.
create function godoty.refuse_device_beyond_limit(p_user_id uuid, p_device_id uuid)
returns void
language plpgsql
set search_path = ''
as $$
declare
  allowed integer := (godoty.plan_of(p_user_id)).max_devices;
  others integer;
begin
  select pg_catalog.count(distinct device_id) into others
  from public.user_api_keys
  where user_id = p_user_id
    and device_id <> p_device_id
    and status = 'active'
    and (expires_at is null or expires_at > pg_catalog.now());
  if others >= allowed then
    perform godoty.refuse(409, 'device_limit_reached',
      'This account is in use on ' || others || case when others = 1 then ' device' else ' devices' end
        || ', as many as its plan allows. Revoke the key of a device that you no longer use,'
        || ' or ask your operator for a larger plan.');
  end if;
end;
$$;

-- As before, with the device cap, and with the limits that LiteLLM is to be given along with the key.
create or replace function public.device_key_begin(
  p_user_id uuid, p_device_id uuid, p_device_name text, p_key_hash text, p_preview text)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  account public.user_profiles;
begin
  -- The lock puts the attempts of one account into an order.
  select * into account from public.user_profiles where user_id = p_user_id for no key update;
  if not found then
    perform godoty.refuse(403, 'account_not_found',
      'This account no longer exists. Sign in again or create an account.');
  end if;
  perform godoty.refuse_device_beyond_limit(p_user_id, p_device_id);

  insert into public.user_api_keys (user_id, device_id, device_name, key_hash, preview)
  values (p_user_id, p_device_id, p_device_name, p_key_hash, p_preview);

  return pg_catalog.jsonb_build_object(
    'id', account.user_id,
    'email', account.email,
    'display_name', account.display_name,
    'plan', (godoty.plan_of(p_user_id)).name,
    'preferences', account.preferences,
    'limits', godoty.limits_of(p_user_id));
end;
$$;

-- As before, with the device cap once more (two devices may have begun at the same moment), and with the audit.
create or replace function public.device_key_activate(
  p_user_id uuid, p_key_hash text, p_expires_at timestamptz default null)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  issued public.user_api_keys;
  replaced boolean;
begin
  perform 1 from public.user_profiles where user_id = p_user_id for no key update;

  select * into issued from public.user_api_keys
  where user_id = p_user_id and key_hash = p_key_hash and status = 'pending';
  if not found then
    perform godoty.refuse(409, 'device_key_superseded',
      'Another window of this device asked for a key at the same moment. Try again.');
  end if;
  perform godoty.refuse_device_beyond_limit(p_user_id, issued.device_id);

  select exists (
    select 1 from public.user_api_keys
    where user_id = p_user_id and device_id = issued.device_id and status = 'active')
  into replaced;

  update public.user_api_keys
  set status = 'revoked', revoked_at = pg_catalog.now()
  where user_id = p_user_id
    and device_id = issued.device_id
    and attempt < issued.attempt
    and status <> 'revoked';

  update public.user_api_keys
  set status = 'active', activated_at = pg_catalog.now(), expires_at = p_expires_at
  where id = issued.id;

  perform godoty.audit(p_user_id, case when replaced then 'key_rotated' else 'key_issued' end,
    godoty.key_details(issued));

  return coalesce(
    (select pg_catalog.jsonb_agg(key_hash order by attempt)
     from public.user_api_keys
     where user_id = p_user_id
       and device_id = issued.device_id
       and status = 'revoked'
       and removed_at is null),
    '[]'::jsonb);
end;
$$;

-- What the audit says of a key.
create function godoty.key_details(p_key public.user_api_keys)
returns jsonb
language sql
immutable
set search_path = ''
as $$
  select pg_catalog.jsonb_build_object(
    'device_id', p_key.device_id, 'device_name', p_key.device_name, 'preview', p_key.preview);
$$;

-- As before; a key that counted is audited.
create or replace function public.device_key_abandon(p_user_id uuid, p_key_hash text)
returns void
language plpgsql
security definer
set search_path = ''
as $$
declare
  abandoned public.user_api_keys;
begin
  select * into abandoned from public.user_api_keys
  where user_id = p_user_id and key_hash = p_key_hash and status <> 'revoked'
  for update;
  if not found then
    return;
  end if;
  update public.user_api_keys
  set status = 'revoked', revoked_at = pg_catalog.now()
  where id = abandoned.id;
  if abandoned.status = 'active' then
    perform godoty.audit(p_user_id, 'key_revoked', godoty.key_details(abandoned));
  end if;
end;
$$;

revoke all on function
  godoty.audit(uuid, text, jsonb),
  godoty.on_user_signed_in(),
  godoty.locked_account(text),
  godoty.refuse_device_beyond_limit(uuid, uuid),
  godoty.key_details(public.user_api_keys),
  public.set_plan(text, text, timestamptz)
from public, anon, authenticated, service_role;
grant execute on function public.set_plan(text, text, timestamptz) to service_role;
