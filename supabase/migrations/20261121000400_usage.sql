-- What each model call used and cost. A call is named by the id that the client made for it before its first
-- byte (`x-litellm-call-id`), so recording the same call again changes nothing.

create table public.usage_records (
  user_id uuid not null references public.user_profiles (user_id) on delete cascade,
  call_id uuid not null,
  -- The provider's id: unknown when a stream stops early, and not unique on cached answers.
  response_id text check (char_length(response_id) between 1 and 200),
  model text not null check (char_length(model) between 1 and 200),
  prompt_tokens integer not null check (prompt_tokens >= 0),
  completion_tokens integer not null check (completion_tokens >= 0),
  total_tokens integer not null check (total_tokens >= 0),
  cached_tokens integer not null check (cached_tokens >= 0),
  cache_write_tokens integer not null check (cache_write_tokens >= 0),
  reasoning_tokens integer not null check (reasoning_tokens >= 0),
  -- US dollars. What the client was told or worked out; null when it had no price.
  cost_estimated numeric check (cost_estimated >= 0),
  cost_source text not null
    check (cost_source in ('reported', 'header', 'proxy_price', 'catalog', 'unknown')),
  -- US dollars. What LiteLLM's spend log says; null until that log was read.
  cost_settled numeric check (cost_settled >= 0),
  outcome text not null
    check (outcome in ('done', 'length', 'filtered', 'tool_calls', 'error', 'cancelled', 'truncated')),
  occurred_at timestamptz not null,
  recorded_at timestamptz not null default now(),
  settled_at timestamptz,
  primary key (user_id, call_id),
  constraint usage_records_settled_at_once check ((cost_settled is null) = (settled_at is null)),
  constraint usage_records_cost_has_source check ((cost_estimated is null) = (cost_source = 'unknown'))
);

comment on table public.usage_records is 'One row per model call of an account, by the client''s call id.';

create index usage_records_by_time on public.usage_records (user_id, occurred_at);

alter table public.usage_records enable row level security;
revoke all on table public.usage_records from public, anon, authenticated, service_role;
grant select on table public.usage_records to authenticated, service_role;

create policy usage_records_owner_reads on public.usage_records
  for select to authenticated
  using ((select auth.uid()) = user_id);

create function godoty.refuse_usage(item_position integer, field text, expected text)
returns void
language sql
set search_path = ''
as $$
  select godoty.refuse(400, 'invalid_usage_record',
    'Nothing was recorded: ' || field || ' of record ' || item_position || ' must be ' || expected || '.',
    'records[' || (item_position - 1) || '].' || field);
$$;

-- A whole, non-negative number of tokens. The bound is twice the largest context window in use (10 million):
-- what lies above it is a mistake or an attack, not usage.
create function godoty.usage_tokens(item jsonb, field text, item_position integer)
returns integer
language plpgsql
set search_path = ''
as $$
declare
  written text := item ->> field;
  tokens integer;
begin
  if pg_catalog.jsonb_typeof(item -> field) = 'number' and written ~ '^[0-9]{1,8}$' then
    tokens := written::integer;
  end if;
  if tokens is null or tokens > 20000000 then
    perform godoty.refuse_usage(item_position, field, 'a whole number from 0 to 20000000');
  end if;
  return tokens;
end;
$$;

-- Text of bounded length from a closed alphabet given by a pattern; null is for the caller to judge.
create function godoty.usage_text(
  item jsonb, field text, pattern text, expected text, item_position integer)
returns text
language plpgsql
set search_path = ''
as $$
begin
  if pg_catalog.jsonb_typeof(item -> field) is distinct from 'string' or (item ->> field) !~ pattern then
    perform godoty.refuse_usage(item_position, field, expected);
  end if;
  return item ->> field;
end;
$$;

-- Reads one record of a batch, or refuses the whole batch and names the field.
create function godoty.usage_record(item jsonb, item_position integer, owner uuid)
returns public.usage_records
language plpgsql
set search_path = ''
as $$
declare
  row public.usage_records;
  stranger text;
begin
  if pg_catalog.jsonb_typeof(item) is distinct from 'object' then
    perform godoty.refuse(400, 'invalid_usage_record',
      'Nothing was recorded: record ' || item_position || ' must be an object.',
      'records[' || (item_position - 1) || ']');
  end if;

  -- A field that nobody defined, such as somebody else's user_id, is never ignored in silence.
  select field into stranger
  from pg_catalog.jsonb_object_keys(item) as field
  where field not in (
    'call_id', 'response_id', 'model', 'prompt_tokens', 'completion_tokens', 'total_tokens',
    'cached_tokens', 'cache_write_tokens', 'reasoning_tokens', 'cost_usd', 'cost_source',
    'outcome', 'occurred_at')
  order by field
  limit 1;
  if stranger is not null then
    perform godoty.refuse_usage(item_position, pg_catalog.left(stranger, 60), 'left out: it is not a field of a record');
  end if;

  row.user_id := owner;
  row.call_id := godoty.usage_text(item, 'call_id',
    '^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$', 'a UUID', item_position)::uuid;
  if pg_catalog.jsonb_typeof(item -> 'response_id') is distinct from 'null' then
    row.response_id := godoty.usage_text(item, 'response_id',
      '^[^[:cntrl:]]{1,200}$', 'null or text of 1 to 200 characters', item_position);
  end if;
  row.model := godoty.usage_text(item, 'model',
    '^[^[:cntrl:]]{1,200}$', 'text of 1 to 200 characters', item_position);
  row.prompt_tokens := godoty.usage_tokens(item, 'prompt_tokens', item_position);
  row.completion_tokens := godoty.usage_tokens(item, 'completion_tokens', item_position);
  row.total_tokens := godoty.usage_tokens(item, 'total_tokens', item_position);
  row.cached_tokens := godoty.usage_tokens(item, 'cached_tokens', item_position);
  row.cache_write_tokens := godoty.usage_tokens(item, 'cache_write_tokens', item_position);
  row.reasoning_tokens := godoty.usage_tokens(item, 'reasoning_tokens', item_position);
  row.cost_source := godoty.usage_text(item, 'cost_source',
    '^(reported|header|proxy_price|catalog|unknown)$',
    'one of reported, header, proxy_price, catalog, unknown', item_position);
  if row.cost_source = 'unknown' then
    if pg_catalog.jsonb_typeof(item -> 'cost_usd') is distinct from 'null' then
      perform godoty.refuse_usage(item_position, 'cost_usd', 'null when cost_source is unknown');
    end if;
  else
    -- Decimal text, never a JSON number: a price must not pass through a binary fraction. Twelve decimals are
    -- the unit of all money in Godoty, 10^-12 US dollars.
    row.cost_estimated := godoty.usage_text(item, 'cost_usd', '^[0-9]{1,5}([.][0-9]{1,12})?$',
      'decimal text in US dollars, below 100000 and with at most 12 decimals', item_position)::numeric;
  end if;
  row.outcome := godoty.usage_text(item, 'outcome',
    '^(done|length|filtered|tool_calls|error|cancelled|truncated)$',
    'one of done, length, filtered, tool_calls, error, cancelled, truncated', item_position);
  begin
    row.occurred_at := godoty.usage_text(item, 'occurred_at',
      '^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]{1,9})?([Zz]|[+-][0-9]{2}:[0-9]{2})$',
      'a time by RFC 3339', item_position)::timestamptz;
  exception
    when datetime_field_overflow or invalid_datetime_format or invalid_time_zone_displacement_value then
      perform godoty.refuse_usage(item_position, 'occurred_at', 'a time by RFC 3339');
  end;
  -- A clock may run a little fast, and a queue may have waited long; a date outside of this is a broken clock.
  if row.occurred_at < timestamptz '2024-01-01 00:00:00+00'
    or row.occurred_at > pg_catalog.now() + interval '1 day'
  then
    perform godoty.refuse_usage(item_position, 'occurred_at', 'between 2024 and tomorrow');
  end if;
  return row;
end;
$$;

-- Records a batch of at most 100 calls of the signed-in account, all or nothing, and says how many of them
-- were new and how many were known already.
create function public.record_usage(records jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  owner uuid := auth.uid();
  offered integer;
  recorded integer;
begin
  if owner is null or not exists (select 1 from public.user_profiles where user_id = owner) then
    perform godoty.refuse(403, 'account_not_found',
      'This account no longer exists. Sign in again or create an account.');
  end if;
  if pg_catalog.jsonb_typeof(records) is distinct from 'array' then
    perform godoty.refuse(400, 'invalid_request', 'Send the records as an array.');
  end if;
  offered := pg_catalog.jsonb_array_length(records);
  if offered > 100 then
    perform godoty.refuse(400, 'too_many_records', 'Send at most 100 records at once.');
  end if;

  -- In the order of their ids, so that two batches which share calls wait for each other instead of
  -- deadlocking.
  insert into public.usage_records (
    user_id, call_id, response_id, model, prompt_tokens, completion_tokens, total_tokens, cached_tokens,
    cache_write_tokens, reasoning_tokens, cost_estimated, cost_source, outcome, occurred_at)
  select
    user_id, call_id, response_id, model, prompt_tokens, completion_tokens, total_tokens, cached_tokens,
    cache_write_tokens, reasoning_tokens, cost_estimated, cost_source, outcome, occurred_at
  from pg_catalog.jsonb_array_elements(records) with ordinality as element (item, item_position),
    lateral godoty.usage_record(element.item, element.item_position::integer, owner) as entry
  order by entry.call_id
  on conflict (user_id, call_id) do nothing;
  get diagnostics recorded = row_count;

  return pg_catalog.jsonb_build_object('recorded', recorded, 'known', offered - recorded);
end;
$$;

revoke all on function
  godoty.refuse_usage(integer, text, text),
  godoty.usage_tokens(jsonb, text, integer),
  godoty.usage_text(jsonb, text, text, text, integer),
  godoty.usage_record(jsonb, integer, uuid),
  public.record_usage(jsonb)
from public, anon, authenticated, service_role;
grant execute on function public.record_usage(jsonb) to authenticated;
