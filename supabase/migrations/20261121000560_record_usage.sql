-- As before; of a call that comes several times in one batch, the first is kept for certain, as it is of one that
-- comes in several batches.
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

  -- In the order of their ids, so that two batches which share calls wait for each other instead of deadlocking.
  insert into public.usage_records (
    user_id, call_id, response_id, model, prompt_tokens, completion_tokens, total_tokens, cached_tokens,
    cache_write_tokens, reasoning_tokens, cost_estimated, cost_source, outcome, occurred_at)
  select
    user_id, call_id, response_id, model, prompt_tokens, completion_tokens, total_tokens, cached_tokens,
    cache_write_tokens, reasoning_tokens, cost_estimated, cost_source, outcome, occurred_at
  from pg_catalog.jsonb_array_elements(records) with ordinality as element (item, item_position),
    lateral godoty.usage_record(element.item, element.item_position::integer, owner) as entry
  order by entry.call_id, element.item_position
  on conflict (user_id, call_id) do nothing;
  get diagnostics recorded = row_count;

  return pg_catalog.jsonb_build_object('recorded', recorded, 'known', offered - recorded);
end;
$$;
