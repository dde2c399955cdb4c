-- The longest answer that a plan allows was told once, with a device's key. Now `quota()` says it with the rest of what a plan
-- allows, so that clients hear of a change and keep to it.

-- As before, with the tokens that an answer may have at most.
create or replace function godoty.quota_of(p_user_id uuid)
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
    'blocked', month_used >= tokens_per_month or hour_used >= hour_allowed,
    'max_output_tokens', output_tokens_per_request)
  from hour;
$$;

create or replace function godoty.newest_migration()
returns text
language sql
immutable
set search_path = ''
as $$
  select '20261121000910';
$$;
