-- The quota of a month sums tokens over all calls of an account in it: with the tokens in the index it reads nothing
-- else of what has been vacuumed.
drop index public.usage_records_by_time;
create index usage_records_by_time on public.usage_records (user_id, occurred_at) include (total_tokens);
