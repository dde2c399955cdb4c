-- What an account may ask about itself: what it used, what is left, and its preferences.

-- Which account asks; refuses a token whose account is gone.
create function godoty.caller()
returns uuid
language plpgsql
stable
set search_path = ''
as $$
declare
  account uuid := auth.uid();
begin
  if account is null or not exists (select 1 from public.user_profiles where user_id = account) then
    perform godoty.refuse(403, 'account_not_found',
      'This account no longer exists. Sign in again or create an account.');
  end if;
  return account;
end;
$$;

-- Each call with the cost that counts, and what that rests on. The one place that decides between costs.
create view godoty.usage_costs with (security_invoker) as
select
  usage_records.*,
  coalesce(cost_settled, cost_estimated) as cost,
  case when cost_settled is null then cost_source else 'settled' end as counted_source,
  cost_settled is null and cost_source in ('proxy_price', 'catalog') as is_estimate
from public.usage_records;

revoke all on table godoty.usage_costs from public, anon, authenticated, service_role;

-- An instant as RFC 3339 in UTC, to the microsecond.
create function godoty.rfc3339(instant timestamptz)
returns text
language sql
stable
set search_path = ''
as $$
  select pg_catalog.to_char(
    pg_catalog.timezone('UTC', instant),
    case when pg_catalog.date_trunc('second', instant, 'UTC') = instant
      then 'YYYY-MM-DD"T"HH24:MI:SS"Z"' else 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"' end);
$$;

-- Money as decimal text without trailing zeros: it must not pass through a binary fraction.
create function godoty.usd(amount numeric)
returns text
language sql
immutable
set search_path = ''
as $$
  select pg_catalog.trim_scale(amount)::text;
$$;

create function godoty.is_time_zone(name text)
returns boolean
language plpgsql
stable
set search_path = ''
as $$
begin
  if name = 'UTC' then
    return true;
  end if;
  -- Postgres takes abbreviations and POSIX rules for zones too ("CEST", "X+3"). Only what cannot be one of those is
  -- spared the list, which is slow to make.
  if name is null or name !~ '^[A-Za-z_-]{1,30}(/[A-Za-z_-]{1,30}){1,2}$' then
    return exists (select 1 from pg_catalog.pg_timezone_names as zone where zone.name = is_time_zone.name);
  end if;
  perform pg_catalog.timezone(name, timestamptz 'epoch');
  return true;
exception
  when invalid_parameter_value then
    return false;
end;
$$;

-- Usage and cost from a time up to another, which is not in it any more: in all, by period of a time zone, by model.
create function public.usage_summary("from" timestamptz, "to" timestamptz, bucket text, timezone text)
returns jsonb
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  account uuid := godoty.caller();
  longest interval;
  answer jsonb;
begin
  longest := case bucket
    when 'hour' then interval '62 days'
    when 'day' then interval '5 years'
    when 'month' then interval '50 years'
  end;
  if longest is null then
    perform godoty.refuse(400, 'invalid_bucket', 'The bucket must be one of hour, day, month.');
  end if;
  if godoty.is_time_zone(timezone) is not true then
    perform godoty.refuse(400, 'invalid_timezone',
      'The time zone must be a name of the IANA list, such as Europe/Berlin or UTC.');
  end if;
  if pg_catalog.isfinite("from") is not true or pg_catalog.isfinite("to") is not true or "from" >= "to"
    or "to" > "from" + longest
  then
    perform godoty.refuse(400, 'invalid_range',
      'The range must end after it begins, and be no longer than 62 days by hour, 5 years by day, 50 years by month.');
  end if;

  with call as (
    select *, pg_catalog.date_trunc(usage_summary.bucket, occurred_at, usage_summary.timezone) as start
    from godoty.usage_costs
    where user_id = account and occurred_at >= usage_summary."from" and occurred_at < usage_summary."to"
  ),
  summed as (
    select
      start,
      model,
      grouping(start) = 0 as is_bucket,
      grouping(model) = 0 as is_model,
      coalesce(pg_catalog.sum(cost), 0) as cost,
      pg_catalog.jsonb_build_object(
        'requests', pg_catalog.count(*),
        'prompt_tokens', coalesce(pg_catalog.sum(prompt_tokens), 0),
        'completion_tokens', coalesce(pg_catalog.sum(completion_tokens), 0),
        'total_tokens', coalesce(pg_catalog.sum(total_tokens), 0),
        'cached_tokens', coalesce(pg_catalog.sum(cached_tokens), 0),
        'cache_write_tokens', coalesce(pg_catalog.sum(cache_write_tokens), 0),
        'reasoning_tokens', coalesce(pg_catalog.sum(reasoning_tokens), 0),
        'cost_usd', godoty.usd(coalesce(pg_catalog.sum(cost), 0)),
        'estimated', coalesce(pg_catalog.bool_or(is_estimate), false),
        'unknown_costs', pg_catalog.count(*) - pg_catalog.count(cost)) as sums
    from call
    group by grouping sets ((), (start), (model))
  )
  select pg_catalog.jsonb_build_object(
    'totals', (select sums from summed where not is_bucket and not is_model),
    'buckets', coalesce(
      (select pg_catalog.jsonb_agg(
         pg_catalog.jsonb_build_object('start', godoty.rfc3339(start)) || sums order by start)
       from summed where is_bucket),
      '[]'),
    'models', coalesce(
      (select pg_catalog.jsonb_agg(
         pg_catalog.jsonb_build_object('model', model) || sums order by cost desc, model collate "C")
       from summed where is_model),
      '[]'))
  into answer;
  return answer;
end;
$$;

-- Single calls, newest first. The next page is asked for with the last one's time; calls of one and the same instant
-- are never parted, so a page may be a little longer than was asked for.
create function public.usage_requests(before timestamptz default null, "limit" integer default 50)
returns jsonb
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  account uuid := godoty.caller();
  answer jsonb;
begin
  if "limit" is null or "limit" not between 1 and 200 then
    perform godoty.refuse(400, 'invalid_limit', 'The limit must be a whole number from 1 to 200.');
  end if;

  select coalesce(
    pg_catalog.jsonb_agg(
      pg_catalog.jsonb_build_object(
        'call_id', call_id,
        'response_id', response_id,
        'model', model,
        'prompt_tokens', prompt_tokens,
        'completion_tokens', completion_tokens,
        'total_tokens', total_tokens,
        'cached_tokens', cached_tokens,
        'cache_write_tokens', cache_write_tokens,
        'reasoning_tokens', reasoning_tokens,
        'cost_usd', godoty.usd(cost),
        'cost_source', counted_source,
        'outcome', outcome,
        'occurred_at', godoty.rfc3339(occurred_at))
      order by occurred_at desc, call_id),
    '[]')
  into answer
  from (
    select *
    from godoty.usage_costs
    where user_id = account and occurred_at < coalesce(usage_requests.before, 'infinity')
    order by occurred_at desc
    fetch first (usage_requests."limit") rows with ties
  ) as page;
  return answer;
end;
$$;

-- What an account has used of its plan's limits in this month and this hour, both by UTC. An hour has two limits: all
-- requests, and those that a model answered; a request that failed before a model used a token counts as the former
-- alone. The hour shows the limit that is nearer.
create function godoty.quota_of(p_user_id uuid)
returns jsonb
language sql
stable
set search_path = ''
as $$
  with period as (
    select
      current_plan.*,
      pg_catalog.date_trunc('month', pg_catalog.now(), 'UTC') as month,
      pg_catalog.date_trunc('hour', pg_catalog.now(), 'UTC') as hour
    from godoty.plan_of(p_user_id) as current_plan
  ),
  month as (
    select period.*, tokens.used as month_used
    from period, lateral (
      select coalesce(pg_catalog.sum(total_tokens), 0)::bigint as used
      from public.usage_records
      where user_id = p_user_id and occurred_at >= period.month
    ) as tokens
  ),
  hour as (
    select month.*, nearer.used as hour_used, nearer.allowed as hour_allowed
    from month, lateral (
      select counted.used, counted.allowed
      from (
        select pg_catalog.count(*) as requests, pg_catalog.count(*) filter (where total_tokens > 0) as answered
        from public.usage_records
        where user_id = p_user_id and occurred_at >= month.hour
      ) as calls, lateral (
        values (calls.answered, month.model_requests_per_hour), (calls.requests, month.requests_per_hour)
      ) as counted (used, allowed)
      order by counted.allowed - counted.used
      limit 1
    ) as nearer
  )
  select pg_catalog.jsonb_build_object(
    'plan', name,
    'month', pg_catalog.jsonb_build_object(
      'used', month_used,
      'limit', tokens_per_month,
      'remaining', greatest(tokens_per_month - month_used, 0),
      -- Only in UTC does a month begin at the same instant for everybody.
      'resets_at', godoty.rfc3339(
        pg_catalog.timezone('UTC', pg_catalog.timezone('UTC', month) + interval '1 month'))),
    'hour', pg_catalog.jsonb_build_object(
      'used', hour_used,
      'limit', hour_allowed,
      'remaining', greatest(hour_allowed - hour_used, 0),
      'resets_at', godoty.rfc3339(hour + interval '1 hour')),
    'blocked', month_used >= tokens_per_month or hour_used >= hour_allowed)
  from hour;
$$;

create function public.quota()
returns jsonb
language sql
stable
security definer
set search_path = ''
as $$
  select godoty.quota_of(godoty.caller());
$$;

-- Preferences with a patch laid over them: null takes a key away, and a known one back to its default.
create function godoty.patched_preferences(preferences jsonb, patch jsonb)
returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  defaults constant jsonb := '{"defaultModel": "gpt-4o-mini", "theme": "auto", "autoConnect": true}';
  patched jsonb := defaults || coalesce(
    (select pg_catalog.jsonb_object_agg(key, value)
     from pg_catalog.jsonb_each(preferences || patch)
     where value <> 'null'),
    '{}');
  field text;
  expected text;
begin
  select wrong.field, wrong.expected into field, expected
  from (
    values
      ('defaultModel', 'text of 1 to 200 characters',
        pg_catalog.jsonb_typeof(patched -> 'defaultModel') = 'string'
          and patched ->> 'defaultModel' ~ '^[^[:cntrl:]]{1,200}$'),
      ('theme', 'one of auto, light, dark', patched -> 'theme' in ('"auto"', '"light"', '"dark"')),
      ('autoConnect', 'true or false', pg_catalog.jsonb_typeof(patched -> 'autoConnect') = 'boolean'),
      ('godotPath', 'text of 1 to 4096 characters',
        not patched ? 'godotPath'
          or pg_catalog.jsonb_typeof(patched -> 'godotPath') = 'string'
          -- Not as a quantifier: Postgres stops counting at 255.
          and patched ->> 'godotPath' ~ '^[^[:cntrl:]]+$'
          and pg_catalog.char_length(patched ->> 'godotPath') <= 4096)
  ) as wrong (field, expected, holds)
  where holds is not true
  limit 1;
  if field is not null then
    perform godoty.refuse(400, 'invalid_preferences', field || ' must be ' || expected || '.', field);
  end if;
  if pg_catalog.octet_length(patched::text) > 16384 then
    perform godoty.refuse(400, 'preferences_too_large', 'All preferences together must stay below 16 KB.');
  end if;
  return patched;
end;
$$;

-- Changes the given preferences and keeps the others, those that nobody here knows included.
create function public.update_preferences(patch jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  account uuid := godoty.caller();
  answer jsonb;
begin
  if pg_catalog.jsonb_typeof(patch) is distinct from 'object' then
    perform godoty.refuse(400, 'invalid_request', 'Send the changed preferences as an object.');
  end if;
  update public.user_profiles
  set preferences = godoty.patched_preferences(preferences, patch), updated_at = pg_catalog.now()
  where user_id = account
  returning preferences into answer;
  return answer;
end;
$$;

-- Whoever writes preferences, the known ones have their types.
alter table public.user_profiles add constraint user_profiles_known_preferences check (
  coalesce(jsonb_typeof(preferences -> 'defaultModel') = 'string', false)
  and coalesce(preferences ->> 'theme' in ('auto', 'light', 'dark'), false)
  and coalesce(jsonb_typeof(preferences -> 'autoConnect') = 'boolean', false)
  and coalesce(jsonb_typeof(preferences -> 'godotPath') = 'string', true));

revoke all on function
  godoty.caller(),
  godoty.rfc3339(timestamptz),
  godoty.usd(numeric),
  godoty.is_time_zone(text),
  godoty.quota_of(uuid),
  godoty.patched_preferences(jsonb, jsonb),
  public.usage_summary(timestamptz, timestamptz, text, text),
  public.usage_requests(timestamptz, integer),
  public.quota(),
  public.update_preferences(jsonb)
from public, anon, authenticated, service_role;
grant execute on function
  public.usage_summary(timestamptz, timestamptz, text, text),
  public.usage_requests(timestamptz, integer),
  public.quota(),
  public.update_preferences(jsonb)
to authenticated;
