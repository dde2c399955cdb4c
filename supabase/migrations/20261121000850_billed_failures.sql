-- A call that failed may have used tokens all the same: LiteLLM logs an answer that broke off as a failure, with the tokens
-- and the cost of what was sent until then. Such a row is booked like an answered one. Before, what the client said of its
-- tokens stayed, and under an id that was used before it was left out.

-- As before, but for failures that used something.
create or replace function godoty.book_spend(
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
  -- A failed attempt that used nothing says nothing about tokens, and the answered one may still come.
  is_unused constant boolean := p_failed and p_cost = 0 and p_total_tokens = 0;
  known public.usage_records;
begin
  select * into known from public.usage_records where user_id = p_user_id and call_id = record_id for update;
  if found and known.settled_request is distinct from p_request_id
    and known.settled_request is not null and not known.settled_failed and not is_unused
  then
    -- Another call under the same id.
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
      p_cache_write_tokens, p_reasoning_tokens, 'unknown', p_cost, pg_catalog.now(), p_request_id, is_unused, false,
      case when p_failed then 'error' else 'done' end, p_started_at)
    on conflict (user_id, call_id) do nothing;
    -- A client's report that came in at this very moment is settled when the row is read again.
    return case when found then 'added' else 'known' end;
  end if;

  if known.settled_request is not null and (known.settled_request = p_request_id or is_unused) then
    return 'known';
  end if;
  -- The log is the truth of what was used and when.
  update public.usage_records
  set cost_settled = p_cost,
    settled_at = pg_catalog.now(),
    settled_request = p_request_id,
    settled_failed = is_unused,
    model = case when is_unused then model else p_model end,
    prompt_tokens = case when is_unused then prompt_tokens else p_prompt_tokens end,
    completion_tokens = case when is_unused then completion_tokens else p_completion_tokens end,
    total_tokens = case when is_unused then total_tokens else p_total_tokens end,
    cached_tokens = case when is_unused then cached_tokens else p_cached_tokens end,
    cache_write_tokens = case when is_unused then cache_write_tokens else p_cache_write_tokens end,
    reasoning_tokens = case when is_unused then reasoning_tokens else p_reasoning_tokens end,
    outcome = case when reported or is_unused then outcome when p_failed then 'error' else 'done' end,
    occurred_at = p_started_at
  where user_id = p_user_id and call_id = record_id;
  return 'settled';
end;
$$;

comment on column public.usage_records.settled_failed is
  'The row of the spend log was that of a failed attempt that used nothing; the answered one may still come.';

update public.usage_records set settled_failed = false where settled_failed and cost_settled > 0;
