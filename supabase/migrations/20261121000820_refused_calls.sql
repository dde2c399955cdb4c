-- As before. A call that LiteLLM itself refused, for a budget or a rate, asked no model: it settles what a client
-- reported of it, and else is no request of the account, so that trying again uses up no quota.
create or replace function public.usage_sync_book(p_holder uuid, p_reader text, p_until timestamptz, p_rows jsonb)
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
