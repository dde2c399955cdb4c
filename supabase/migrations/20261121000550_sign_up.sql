-- What a sign-up must hold to, a profile's picture, and usage by day for whoever may read it.

-- Supabase Auth asks this before it makes an account (its "before user created" hook; supabase/config.toml names it)
-- and shows the message to the person. An exception in a trigger would reach them as "Database error" instead. The
-- length of passwords is Supabase Auth's own setting.
create function public.before_user_created(event jsonb)
returns jsonb
language plpgsql
stable
set search_path = ''
as $$
declare
  email text := event -> 'user' ->> 'email';
  metadata jsonb := coalesce(event -> 'user' -> 'user_metadata', event -> 'user' -> 'raw_user_meta_data', '{}');
  name jsonb := metadata -> 'display_name';
  problem text;
begin
  -- Accounts without an address (by phone, anonymous) are for the operator's settings to allow.
  if email <> '' and (pg_catalog.char_length(email) > 254 or email !~ '^[^[:space:][:cntrl:]@]{1,64}@[^[:space:][:cntrl:]@]+$')
  then
    problem := 'Enter an e-mail address, such as name@example.com.';
  -- Names that a provider hands over are cut to size instead: nobody could mend those here.
  elsif name <> 'null' and (
    pg_catalog.jsonb_typeof(name) <> 'string'
    or pg_catalog.btrim(name #>> '{}') !~ '^[^[:cntrl:]]{1,100}$')
  then
    problem := 'Enter a name of 1 to 100 characters, on one line.';
  elsif pg_catalog.octet_length(metadata::text) > 16384 then
    problem := 'Too much was sent along with the sign-up. Leave out what is not needed.';
  end if;
  return case
    when problem is null then '{}'::jsonb
    else pg_catalog.jsonb_build_object(
      'error', pg_catalog.jsonb_build_object('http_code', 400, 'message', problem))
  end;
end;
$$;

revoke all on function public.before_user_created(jsonb) from public, anon, authenticated, service_role;
do $$
begin
  if exists (select 1 from pg_catalog.pg_roles where rolname = 'supabase_auth_admin') then
    grant execute on function public.before_user_created(jsonb) to supabase_auth_admin;
  end if;
end;
$$;

-- The picture that a provider handed over, if a page may show it.
create function godoty.avatar_for(metadata jsonb)
returns text
language sql
immutable
set search_path = ''
as $$
  select url
  from (values (1, metadata ->> 'avatar_url'), (2, metadata ->> 'picture')) as candidate (rank, url)
  where url ~ '^https://[^[:space:][:cntrl:]]+$' and pg_catalog.char_length(url) <= 2048
  order by rank
  limit 1;
$$;

-- As before, with the picture.
create or replace function godoty.on_user_created()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  perform godoty.create_profile(new.id, new.email, new.raw_user_meta_data);
  update public.user_profiles
  set avatar_url = godoty.avatar_for(new.raw_user_meta_data)
  where user_id = new.id;
  return null;
end;
$$;

update public.user_profiles as profile
set avatar_url = godoty.avatar_for(account.raw_user_meta_data)
from auth.users as account
where account.id = profile.user_id and profile.avatar_url is null;

revoke all on function godoty.avatar_for(jsonb) from public, anon, authenticated, service_role;

-- Usage by account, UTC day and model. It runs with the reader's own rights: an owner sees their own rows, service_role
-- all. What it stands on is out of every role's reach by name.
grant select on table godoty.usage_costs to authenticated, service_role;

create view public.user_usage_summary with (security_invoker) as
select
  user_id,
  (occurred_at at time zone 'UTC')::date as day,
  model,
  count(*) as requests,
  sum(prompt_tokens) as prompt_tokens,
  sum(completion_tokens) as completion_tokens,
  sum(total_tokens) as total_tokens,
  sum(cached_tokens) as cached_tokens,
  sum(cache_write_tokens) as cache_write_tokens,
  sum(reasoning_tokens) as reasoning_tokens,
  coalesce(sum(cost), 0) as cost_usd,
  bool_or(is_estimate) as estimated,
  count(*) - count(cost) as unknown_costs
from godoty.usage_costs
group by user_id, day, model;

revoke all on table public.user_usage_summary from public, anon, authenticated, service_role;
grant select on table public.user_usage_summary to authenticated, service_role;
