-- Which migration is the newest, so that `npm run backend:check` also finds one missing that changed what is inside functions.
-- Every later migration replaces this function with its own number; a test holds it to the file's name.
create function godoty.newest_migration()
returns text
language sql
immutable
set search_path = ''
as $$
  select '20261121000890';
$$;

-- What `ready` tells of the database.
create function public.backend_state()
returns jsonb
language sql
stable
security definer
set search_path = ''
as $$
  select pg_catalog.jsonb_build_object(
    'row_security', public.backend_ready(),
    'migration', godoty.newest_migration());
$$;

revoke all on function godoty.newest_migration(), public.backend_state() from public, anon, authenticated, service_role;
grant execute on function public.backend_state() to service_role;
