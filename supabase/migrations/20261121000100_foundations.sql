-- What every later migration stands on: a schema for helpers that no client can reach.
--
-- Rules that hold in all migrations:
--   * They run as an ordinary owner (never a superuser) on Postgres 15 to 18.
--   * No grant is taken for given. Supabase used to grant everything in `public` to its API roles by
--     default and stopped doing so in 2026, so each object first loses whatever it was given and then
--     receives exactly what it needs, by name.
--   * Clients write through SECURITY DEFINER functions alone; their search_path is empty, so every
--     name in them is qualified.

create schema godoty;
revoke all on schema godoty from public, anon, authenticated, service_role;

-- Refuses a request with a stable code. PostgREST turns SQLSTATE 'PGRST' into exactly this body and status
-- (https://docs.postgrest.org/en/stable/references/errors.html, "RAISE errors with HTTP status codes").
create function godoty.refuse(status integer, code text, message text, details text default null)
returns void
language plpgsql
set search_path = ''
as $$
begin
  raise sqlstate 'PGRST' using
    message = pg_catalog.json_build_object(
      'code', code, 'message', message, 'details', details, 'hint', null)::text,
    detail = pg_catalog.json_build_object(
      'status', status, 'headers', pg_catalog.json_build_object())::text;
end;
$$;

revoke all on function godoty.refuse(integer, text, text, text)
  from public, anon, authenticated, service_role;
