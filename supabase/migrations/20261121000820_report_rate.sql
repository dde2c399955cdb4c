-- How many calls an account may report: each is a row that stays, and only the spend log says which of them were made.

insert into godoty.rate_rules (name, burst, per)
values
  -- A client's whole queue at once, and more than a plan's rate per minute lets an account make.
  ('usage_report_by_user', 5000, '1 hour');

-- Takes a number from a bucket. Answers 0, or the seconds to wait when there are not so many in it; nothing is taken then.
create function godoty.take(p_rule text, p_subject text, p_count integer)
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
  step := rule.per / rule.burst * p_count;
  insert into godoty.rate_limits as taken (bucket, busy_until)
  select bucket_name, at_once + step
  where step <= rule.per
  on conflict (bucket) do update
    set busy_until = greatest(taken.busy_until, at_once) + step
    where greatest(taken.busy_until, at_once) + step <= at_once + rule.per;
  if found then
    return 0;
  end if;
  select busy_until into busy from godoty.rate_limits where bucket = bucket_name;
  return greatest(1, pg_catalog.ceil(extract(epoch from coalesce(busy, at_once) + step - rule.per - at_once)))::integer;
end;
$$;

create or replace function godoty.take(p_rule text, p_subject text)
returns integer
language sql
set search_path = ''
as $$
  select godoty.take(p_rule, p_subject, 1);
$$;

-- As before, with the rate.
create or replace function public.record_usage(records jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  owner uuid := godoty.caller();
  offered integer;
  waiting integer;
  recorded integer;
begin
  if pg_catalog.jsonb_typeof(records) is distinct from 'array' then
    perform godoty.refuse(400, 'invalid_request', 'Send the records as an array.');
  end if;
  offered := pg_catalog.jsonb_array_length(records);
  if offered > 100 then
    perform godoty.refuse(400, 'too_many_records', 'Send at most 100 records at once.');
  end if;
  waiting := godoty.take('usage_report_by_user', owner::text, offered);
  if waiting > 0 then
    perform godoty.refuse(429, 'rate_limited',
      'Nothing was recorded: too many calls were reported. Try again in ' || waiting || ' seconds.');
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

revoke all on function godoty.take(text, text, integer) from public, anon, authenticated, service_role;
