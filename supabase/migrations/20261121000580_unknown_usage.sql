-- As before; a call whose tokens nobody counted has no figure. It was stopped or failed before its usage arrived, and
-- a cost of nothing would be a claim.
create or replace function godoty.on_usage_record()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  new.cost_computed := case
    when new.prompt_tokens > 0 or new.completion_tokens > 0 then
      godoty.computed_cost(
        new.model, new.occurred_at, new.prompt_tokens, new.completion_tokens, new.total_tokens, new.cached_tokens,
        new.cache_write_tokens, new.reasoning_tokens)
  end;
  return new;
end;
$$;

update public.usage_records
set cost_computed = null
where prompt_tokens = 0 and completion_tokens = 0 and cost_computed is not null;
