-- What the edge function `usage-sync` needs: LiteLLM's spend log is read into usage_records, accounts beyond a limit
-- are found, and what LiteLLM has to be told of an account is put together.

-- Which row of the spend log settled a record. A client chooses its call ids, so a second answered call under the
-- same id is not the same call: it gets a record of its own.
alter table public.usage_records
  add column settled_request text check (char_length(settled_request) between 1 and 300),
  -- The row was that of a failed attempt; the answered one may still come.
  add column settled_failed boolean not null default false,
  -- False for a call that only the spend log knows of. Its client's report completes it.
  add column reported boolean not null default true;

-- One run at a time. A run that dies loses its hold after a while; one that was too slow finds it lost.
create table godoty.usage_sync (
  id boolean primary key default true check (id),
  holder uuid,
  held_until timestamptz
);
insert into godoty.usage_sync default values;

-- The log is sorted by when calls began, but a call is written when it has ended. So it is read three times: at once,
-- after a quarter of an hour, and after six hours, which is longer than any call lasts. Booking a row again changes
-- nothing.
create table godoty.usage_sync_readers (
  name text primary key,
  lag interval not null check (lag >= '0'),
  -- How much of what was read is read again, for rows that come a moment late.
  overlap interval not null check (overlap >= '0'),
  read_until timestamptz not null
);
insert into godoty.usage_sync_readers (name, lag, overlap, read_until)
values
  ('fresh', '0', '2 minutes', date_trunc('month', now())),
  ('late', '15 minutes', '0', date_trunc('month', now())),
  ('last', '6 hours', '0', date_trunc('month', now()));

-- Accounts whose usage changed since their limits were last looked at.
create table godoty.usage_touched (
  user_id uuid primary key references public.user_profiles (user_id) on delete cascade
);

-- Accounts that LiteLLM is to answer nothing, since when and until when.
create table godoty.gateway_blocks (
  user_id uuid primary key references public.user_profiles (user_id) on delete cascade,
  limit_name text not null,
  since timestamptz not null default now(),
  until timestamptz not null
);

revoke all on table godoty.usage_sync, godoty.usage_sync_readers, godoty.usage_touched, godoty.gateway_blocks
from public, anon, authenticated, service_role;

-- Takes hold for a run. Answers what each reader has to read, or null when another run is under way.
create function public.usage_sync_begin(p_holder uuid)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
begin
  update godoty.usage_sync
  set holder = p_holder, held_until = pg_catalog.clock_timestamp() + interval '2 minutes'
  where held_until is null or held_until < pg_catalog.clock_timestamp();
  if not found then
    return null;
  end if;
  return (
    select pg_catalog.jsonb_agg(
      pg_catalog.jsonb_build_object(
        'name', name,
        'from', godoty.rfc3339(read_until),
        -- LiteLLM's clock may be a little ahead of this one.
        'to', godoty.rfc3339(pg_catalog.now() - lag + overlap))
      order by lag)
    from godoty.usage_sync_readers);
end;
$$;

-- Refuses a run that lost its hold, and prolongs the hold of one that has it.
create function godoty.keep_usage_sync(p_holder uuid)
returns void
language plpgsql
set search_path = ''
as $$
begin
  update godoty.usage_sync
  set held_until = pg_catalog.clock_timestamp() + interval '2 minutes'
  where holder = p_holder and held_until >= pg_catalog.clock_timestamp();
  if not found then
    perform godoty.refuse(409, 'usage_sync_superseded', 'Another run of usage-sync has taken over.');
  end if;
end;
$$;

-- Books one row of the spend log. Answers 'added', 'settled' or 'known'.
create function godoty.book_spend(
  p_user_id uuid, p_call_id uuid, p_request_id text, p_failed boolean, p_model text, p_cost numeric,
  p_prompt_tokens integer, p_completion_tokens integer, p_total_tokens integer, p_cached_tokens integer,
  p_cache_write_tokens integer, p_reasoning_tokens integer, p_started_at timestamptz)
returns text
language plpgsql
set search_path = ''
as $$
declare
  own_id uuid := pg_catalog.md5('godoty:' || p_request_id)::uuid;
  record_id uuid := coalesce(p_call_id, own_id);
  known public.usage_records;
begin
  select * into known from public.usage_records where user_id = p_user_id and call_id = record_id for update;
  if found and known.settled_request is distinct from p_request_id
    and known.settled_request is not null and not known.settled_failed and not p_failed
  then
    -- Another answered call under the same id.
    record_id := own_id;
    select * into known from public.usage_records where user_id = p_user_id and call_id = record_id for update;
  end if;

  if not found then
    insert into public.usage_records (
      user_id, call_id, model, prompt_tokens, completion_tokens, total_tokens, cached_tokens, cache_write_tokens,
      reasoning_tokens, cost_source, cost_settled, settled_at, settled_request, settled_failed, reported, outcome,
      occurred_at)
    values (
      p_user_id, record_id, p_model, p_prompt_tokens, p_completion_tokens, p_total_tokens, p_cached_tokens,
      p_cache_write_tokens, p_reasoning_tokens, 'unknown', p_cost, pg_catalog.now(), p_request_id, p_failed, false,
      case when p_failed then 'error' else 'done' end, p_started_at)
    on conflict (user_id, call_id) do nothing;
    -- A client's report that came in at this very moment is settled when the row is read again.
    return case when found then 'added' else 'known' end;
  end if;

  if known.settled_request is not null and (known.settled_request = p_request_id or p_failed) then
    return 'known';
  end if;
  -- The log is the truth of what was used and when; only a failed attempt says nothing about tokens.
  update public.usage_records
  set cost_settled = p_cost,
    settled_at = pg_catalog.now(),
    settled_request = p_request_id,
    settled_failed = p_failed,
    model = case when p_failed then model else p_model end,
    prompt_tokens = case when p_failed then prompt_tokens else p_prompt_tokens end,
    completion_tokens = case when p_failed then completion_tokens else p_completion_tokens end,
    total_tokens = case when p_failed then total_tokens else p_total_tokens end,
    cached_tokens = case when p_failed then cached_tokens else p_cached_tokens end,
    cache_write_tokens = case when p_failed then cache_write_tokens else p_cache_write_tokens end,
    reasoning_tokens = case when p_failed then reasoning_tokens else p_reasoning_tokens end,
    outcome = case when not reported and not p_failed then 'done' else outcome end,
    occurred_at = p_started_at
  where user_id = p_user_id and call_id = record_id;
  return 'settled';
end;
$$;

-- Books a page of the spend log, and notes how far the reader has come. Rows of nobody that is known are left
-- out. A call that LiteLLM itself refused, for a budget or a rate, asked no model: it settles what a client reported of it,
-- and else is no request of the account, so that trying again uses up no quota.
create function public.usage_sync_book(p_holder uuid, p_reader text, p_until timestamptz, p_rows jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  entry record;
  outcome text;
  added integer := 0;
  settled integer := 0;
  known integer := 0;
begin
  perform godoty.keep_usage_sync(p_holder);
  -- By their ids, as record_usage does it, so that the two wait for each other instead of deadlocking.
  for entry in
    select item.*
    from pg_catalog.jsonb_to_recordset(p_rows) as item (
      request_id text, call_id uuid, user_id uuid, api_key text, failed boolean, refused boolean, model text, cost_usd numeric,
      prompt_tokens integer, completion_tokens integer, total_tokens integer, cached_tokens integer,
      cache_write_tokens integer, reasoning_tokens integer, started_at timestamptz)
    join public.user_profiles as account on account.user_id = item.user_id
    where item.refused is not true
      or exists (
        select 1 from public.usage_records as reported
        where reported.user_id = item.user_id and reported.call_id = item.call_id)
    order by item.user_id, item.call_id, item.started_at, item.request_id
  loop
    outcome := godoty.book_spend(
      entry.user_id, entry.call_id, entry.request_id, entry.failed, entry.model, pg_catalog.round(entry.cost_usd, 12),
      entry.prompt_tokens, entry.completion_tokens, entry.total_tokens, entry.cached_tokens,
      entry.cache_write_tokens, entry.reasoning_tokens, entry.started_at);
    added := added + (outcome = 'added')::integer;
    settled := settled + (outcome = 'settled')::integer;
    known := known + (outcome = 'known')::integer;
    if outcome <> 'known' then
      insert into godoty.usage_touched (user_id) values (entry.user_id) on conflict do nothing;
    end if;
  end loop;

  update public.user_api_keys as used
  set last_used_at = latest.started_at
  from (
    select item.api_key, pg_catalog.max(item.started_at) as started_at
    from pg_catalog.jsonb_to_recordset(p_rows) as item (api_key text, started_at timestamptz)
    group by item.api_key
  ) as latest
  where used.key_hash = latest.api_key
    and (used.last_used_at is null or used.last_used_at < latest.started_at);

  update godoty.usage_sync_readers
  set read_until = greatest(read_until, least(p_until, pg_catalog.now() - lag - overlap))
  where name = p_reader;
  return pg_catalog.jsonb_build_object('added', added, 'settled', settled, 'known', known);
end;
$$;

-- Which limit of an account is used up, and until when; null for none.
create function godoty.block_of(p_quota jsonb)
returns jsonb
language sql
immutable
set search_path = ''
as $$
  select case
    when (p_quota #>> '{month,used}')::numeric >= (p_quota #>> '{month,limit}')::numeric then
      pg_catalog.jsonb_build_object('limit', 'tokens_per_month', 'until', p_quota #>> '{month,resets_at}')
    when (p_quota #>> '{hour,used}')::numeric >= (p_quota #>> '{hour,limit}')::numeric then
      pg_catalog.jsonb_build_object('limit', 'requests_per_hour', 'until', p_quota #>> '{hour,resets_at}')
  end;
$$;

-- All that LiteLLM is to know of an account now. Notes whether it is blocked; a block that begins is audited, and its
-- end is put on the list of changes.
create function godoty.gateway_state(p_user_id uuid)
returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  quota jsonb := godoty.quota_of(p_user_id);
  block jsonb := godoty.block_of(quota);
begin
  if block is null then
    delete from godoty.gateway_blocks where user_id = p_user_id;
  else
    insert into godoty.gateway_blocks as known (user_id, limit_name, until)
    values (p_user_id, block ->> 'limit', (block ->> 'until')::timestamptz)
    on conflict (user_id) do update
      set limit_name = excluded.limit_name, until = excluded.until, since = pg_catalog.now()
      where (known.limit_name, known.until) is distinct from (excluded.limit_name, excluded.until);
    if found then
      insert into godoty.gateway_changes (user_id, due_at) values (p_user_id, (block ->> 'until')::timestamptz);
      perform godoty.audit(p_user_id, 'limit_hit', block);
    end if;
  end if;
  return godoty.limits_of(p_user_id) || pg_catalog.jsonb_build_object(
    'plan', quota ->> 'plan', 'blocked', block, 'quota', quota);
end;
$$;

-- The state of one account, for whoever issues its key. LiteLLM is told once more by the next run, in case that a
-- run's word and the issuer's cross.
create function public.gateway_account(p_user_id uuid)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
begin
  if not exists (select 1 from public.user_profiles where user_id = p_user_id) then
    perform godoty.refuse(403, 'account_not_found',
      'This account no longer exists. Sign in again or create an account.');
  end if;
  insert into godoty.gateway_changes (user_id) values (p_user_id);
  return godoty.gateway_state(p_user_id);
end;
$$;

-- What LiteLLM has to be told now: accounts whose plan changed, whose block begins or ends, or who got a key. Each
-- comes with the ids of the changes that telling it settles.
create function public.gateway_changes_due(p_holder uuid, p_limit integer)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
begin
  perform godoty.keep_usage_sync(p_holder);
  with looked_at as (
    delete from godoty.usage_touched
    where user_id in (select user_id from godoty.usage_touched limit p_limit * 10)
    returning user_id
  )
  insert into godoty.gateway_changes (user_id)
  select looked_at.user_id
  from looked_at
  left join godoty.gateway_blocks as block on block.user_id = looked_at.user_id
  where godoty.block_of(godoty.quota_of(looked_at.user_id)) ->> 'until'
    is distinct from godoty.rfc3339(block.until);

  return coalesce(
    (select pg_catalog.jsonb_agg(
       godoty.gateway_state(due.user_id)
         || pg_catalog.jsonb_build_object('user_id', due.user_id, 'changes', pg_catalog.to_jsonb(due.ids)))
     from (
       select user_id, pg_catalog.array_agg(id) as ids
       from godoty.gateway_changes
       where due_at <= pg_catalog.now()
       group by user_id
       order by pg_catalog.min(due_at)
       limit p_limit
     ) as due),
    '[]'::jsonb);
end;
$$;

create function public.gateway_changes_told(p_ids bigint[])
returns void
language sql
security definer
set search_path = ''
as $$
  delete from godoty.gateway_changes where id = any (p_ids);
$$;

-- Ends a run, and sweeps out what has lapsed.
create function public.usage_sync_end(p_holder uuid)
returns void
language plpgsql
security definer
set search_path = ''
as $$
begin
  update godoty.usage_sync set holder = null, held_until = null where holder = p_holder;
  delete from godoty.rate_limits where busy_until < pg_catalog.now();
end;
$$;

-- Keys that are older than this migration have no user in LiteLLM, and so no limits, until it is told.
insert into godoty.gateway_changes (user_id)
select distinct user_id from public.user_api_keys where status = 'active';

-- As before; a report completes what the spend log alone knew of the call, and of a call that comes several times in one
-- batch the first is kept for certain, as it is of one that comes in several batches.
create or replace function public.record_usage(records jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  owner uuid := godoty.caller();
  offered integer;
  recorded integer;
begin
  if pg_catalog.jsonb_typeof(records) is distinct from 'array' then
    perform godoty.refuse(400, 'invalid_request', 'Send the records as an array.');
  end if;
  offered := pg_catalog.jsonb_array_length(records);
  if offered > 100 then
    perform godoty.refuse(400, 'too_many_records', 'Send at most 100 records at once.');
  end if;

  -- In the order of their ids, so that two batches which share calls wait for each other instead of
  -- deadlocking; and each id once, since a statement may not change a row twice.
  insert into public.usage_records as known (
    user_id, call_id, response_id, model, prompt_tokens, completion_tokens, total_tokens, cached_tokens,
    cache_write_tokens, reasoning_tokens, cost_estimated, cost_source, outcome, occurred_at)
  select distinct on (entry.call_id)
    user_id, call_id, response_id, model, prompt_tokens, completion_tokens, total_tokens, cached_tokens,
    cache_write_tokens, reasoning_tokens, cost_estimated, cost_source, outcome, occurred_at
  from pg_catalog.jsonb_array_elements(records) with ordinality as element (item, item_position),
    lateral godoty.usage_record(element.item, element.item_position::integer, owner) as entry
  order by entry.call_id, element.item_position
  on conflict (user_id, call_id) do update
    set response_id = excluded.response_id,
      cost_estimated = excluded.cost_estimated,
      cost_source = excluded.cost_source,
      outcome = excluded.outcome,
      reported = true
    where not known.reported;
  get diagnostics recorded = row_count;

  return pg_catalog.jsonb_build_object('recorded', recorded, 'known', offered - recorded);
end;
$$;

revoke all on function
  godoty.keep_usage_sync(uuid),
  godoty.book_spend(uuid, uuid, text, boolean, text, numeric, integer, integer, integer, integer, integer, integer,
    timestamptz),
  godoty.block_of(jsonb),
  godoty.gateway_state(uuid),
  public.usage_sync_begin(uuid),
  public.usage_sync_book(uuid, text, timestamptz, jsonb),
  public.gateway_account(uuid),
  public.gateway_changes_due(uuid, integer),
  public.gateway_changes_told(bigint[]),
  public.usage_sync_end(uuid)
from public, anon, authenticated, service_role;
grant execute on function
  public.usage_sync_begin(uuid),
  public.usage_sync_book(uuid, text, timestamptz, jsonb),
  public.gateway_account(uuid),
  public.gateway_changes_due(uuid, integer),
  public.gateway_changes_told(bigint[]),
  public.usage_sync_end(uuid)
to service_role;
