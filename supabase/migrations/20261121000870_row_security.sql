-- Row level security on the tables of the schema godoty as well. No request reaches them, whatever it is granted: their owner
-- is who the functions run as, and nobody else may see a row.
alter table godoty.gateway_blocks enable row level security;
alter table godoty.gateway_changes enable row level security;
alter table godoty.key_tombstones enable row level security;
alter table godoty.rate_limits enable row level security;
alter table godoty.rate_rules enable row level security;
alter table godoty.settings enable row level security;
alter table godoty.usage_sync enable row level security;
alter table godoty.usage_sync_readers enable row level security;
alter table godoty.usage_touched enable row level security;
alter table godoty.user_tombstones enable row level security;

-- Whether the database answers, and row level security is on wherever policies count on it; for `ready`.
create or replace function public.backend_ready()
returns boolean
language sql
stable
security invoker
set search_path = ''
as $$
  select not exists (
    select 1
    from pg_catalog.pg_policy as policy
    join pg_catalog.pg_class as relation on relation.oid = policy.polrelid
    join pg_catalog.pg_namespace as namespace on namespace.oid = relation.relnamespace
    where namespace.nspname = 'public' and not relation.relrowsecurity);
$$;
