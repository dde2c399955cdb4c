-- The keys of an account's devices. The key itself never comes here: only its SHA-256, which is also the
-- name under which LiteLLM knows it ("token"), and a preview for people.
--
-- A key's life: `pending` before LiteLLM hears of it, `active` once LiteLLM has it, `revoked` when a newer
-- key of the device took its place or issuing it failed. `removed_at` says that LiteLLM confirmed that the
-- key is gone, so a revoked row without it is a deletion still owed.

create table public.user_api_keys (
  id uuid primary key default gen_random_uuid(),
  -- Orders the attempts of one device: the latest attempt wins, whatever order their replies come in.
  attempt bigint generated always as identity,
  user_id uuid not null references public.user_profiles (user_id) on delete cascade,
  device_id uuid not null,
  device_name text not null check (char_length(device_name) between 1 and 100),
  key_hash text not null unique check (key_hash ~ '^[0-9a-f]{64}$'),
  preview text not null check (char_length(preview) between 1 and 16),
  status text not null default 'pending' check (status in ('pending', 'active', 'revoked')),
  created_at timestamptz not null default now(),
  activated_at timestamptz,
  last_used_at timestamptz,
  expires_at timestamptz,
  revoked_at timestamptz,
  removed_at timestamptz,
  constraint user_api_keys_active_since check (status <> 'active' or activated_at is not null),
  constraint user_api_keys_revoked_since check ((status = 'revoked') = (revoked_at is not null)),
  constraint user_api_keys_removed_only_when_revoked check (removed_at is null or status = 'revoked')
);

comment on table public.user_api_keys is 'Model keys by device: hash and preview, never the key.';

create unique index user_api_keys_one_active on public.user_api_keys (user_id, device_id)
  where status = 'active';
create index user_api_keys_by_device on public.user_api_keys (user_id, device_id, attempt);
create index user_api_keys_deletions_owed on public.user_api_keys (revoked_at)
  where status = 'revoked' and removed_at is null;

alter table public.user_api_keys enable row level security;
revoke all on table public.user_api_keys from public, anon, authenticated, service_role;
grant select on table public.user_api_keys to authenticated, service_role;

create policy user_api_keys_owner_reads on public.user_api_keys
  for select to authenticated
  using ((select auth.uid()) = user_id);

-- First step of issuing: the hash is known here before LiteLLM can know the key, so that a crash at any
-- later point leaves a row that names what has to be cleaned up. Answers what the client is told about
-- its account, which spares the edge function a second call.
create function public.device_key_begin(
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

  insert into public.user_api_keys (user_id, device_id, device_name, key_hash, preview)
  values (p_user_id, p_device_id, p_device_name, p_key_hash, p_preview);

  return pg_catalog.jsonb_build_object(
    'id', account.user_id,
    'email', account.email,
    'display_name', account.display_name,
    'plan', account.plan,
    'preferences', account.preferences);
end;
$$;

-- Last step: the key counts from here on. Answers the hashes of this device's former keys that LiteLLM has
-- yet to delete, those owed by earlier, interrupted attempts included.
create function public.device_key_activate(
  p_user_id uuid, p_key_hash text, p_expires_at timestamptz default null)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  issued public.user_api_keys;
begin
  perform 1 from public.user_profiles where user_id = p_user_id for no key update;

  select * into issued from public.user_api_keys
  where user_id = p_user_id and key_hash = p_key_hash and status = 'pending';
  if not found then
    perform godoty.refuse(409, 'device_key_superseded',
      'Another window of this device asked for a key at the same moment. Try again.');
  end if;

  update public.user_api_keys
  set status = 'revoked', revoked_at = pg_catalog.now()
  where user_id = p_user_id
    and device_id = issued.device_id
    and attempt < issued.attempt
    and status <> 'revoked';

  update public.user_api_keys
  set status = 'active', activated_at = pg_catalog.now(), expires_at = p_expires_at
  where id = issued.id;

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

-- Issuing failed somewhere after the first step: the key must not count, whether LiteLLM has it or not.
create function public.device_key_abandon(p_user_id uuid, p_key_hash text)
returns void
language sql
security definer
set search_path = ''
as $$
  update public.user_api_keys
  set status = 'revoked', revoked_at = pg_catalog.now()
  where user_id = p_user_id and key_hash = p_key_hash and status <> 'revoked';
$$;

-- LiteLLM said of these revoked keys that it deleted them, or that it has none such. The latter proves nothing
-- while the attempt that would create the key may still be under way, so it counts only after a while.
create function public.device_key_removed(p_user_id uuid, p_deleted text[], p_absent text[])
returns void
language sql
security definer
set search_path = ''
as $$
  update public.user_api_keys
  set removed_at = pg_catalog.now()
  where user_id = p_user_id
    and status = 'revoked'
    and removed_at is null
    and (
      key_hash = any (p_deleted)
      or (key_hash = any (p_absent) and created_at < pg_catalog.now() - interval '5 minutes'));
$$;

revoke all on function
  public.device_key_begin(uuid, uuid, text, text, text),
  public.device_key_activate(uuid, text, timestamptz),
  public.device_key_abandon(uuid, text),
  public.device_key_removed(uuid, text[], text[])
from public, anon, authenticated, service_role;
grant execute on function
  public.device_key_begin(uuid, uuid, text, text, text),
  public.device_key_activate(uuid, text, timestamptz),
  public.device_key_abandon(uuid, text),
  public.device_key_removed(uuid, text[], text[])
to service_role;
