-- Supabase ends a statement of a request after eight seconds. Looking at thousands of accounts, or at some that have very many
-- calls, took longer once they were many enough; nothing of it stayed then, and the next run began with the same ones.

-- As before, but for no more than some seconds: who is not reached stays on the list for the next run.
create or replace function public.gateway_changes_due(p_holder uuid, p_limit integer)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  began constant timestamptz := pg_catalog.clock_timestamp();
  touched uuid;
  due record;
  answer jsonb := '[]';
begin
  perform godoty.keep_usage_sync(p_holder);
  for touched in select user_id from godoty.usage_touched limit p_limit * 10 loop
    exit when pg_catalog.clock_timestamp() > began + interval '2 seconds';
    delete from godoty.usage_touched where user_id = touched;
    insert into godoty.gateway_changes (user_id)
    select touched
    where godoty.block_of(godoty.quota_of(touched)) ->> 'until' is distinct from (
      select godoty.rfc3339(block.until) from godoty.gateway_blocks as block where block.user_id = touched);
  end loop;

  for due in
    select user_id, pg_catalog.array_agg(id) as ids
    from godoty.gateway_changes
    where due_at <= pg_catalog.now()
    group by user_id
    order by pg_catalog.min(due_at)
    limit p_limit
  loop
    exit when pg_catalog.clock_timestamp() > began + interval '4 seconds';
    answer := answer || pg_catalog.jsonb_build_array(
      godoty.gateway_state(due.user_id)
        || pg_catalog.jsonb_build_object('user_id', due.user_id, 'changes', pg_catalog.to_jsonb(due.ids)));
  end loop;
  return answer;
end;
$$;
