-- One profile per account. The row appears with the account; nobody inserts it by hand.

create table public.user_profiles (
  user_id uuid primary key references auth.users (id) on delete cascade,
  email text,
  display_name text not null check (char_length(display_name) between 1 and 100),
  -- Unique without regard to case, because only lower case is stored.
  username text not null unique
    check (username = lower(username) and char_length(username) between 1 and 64),
  avatar_url text check (char_length(avatar_url) <= 2048),
  -- Set by the operator alone. The limits behind each name come with the plans' own table.
  plan text not null default 'free' check (plan in ('free', 'pro', 'enterprise')),
  preferences jsonb not null
    default '{"defaultModel": "gpt-4o-mini", "theme": "auto", "autoConnect": true}'
    check (jsonb_typeof(preferences) = 'object' and octet_length(preferences::text) <= 16384),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

comment on table public.user_profiles is 'What an account shows of itself. Written by triggers and functions only.';

alter table public.user_profiles enable row level security;
revoke all on table public.user_profiles from public, anon, authenticated, service_role;
grant select on table public.user_profiles to authenticated, service_role;

create policy user_profiles_owner_reads on public.user_profiles
  for select to authenticated
  using ((select auth.uid()) = user_id);

-- The name to show: what the person gave at sign-up, else the e-mail's local part.
create function godoty.display_name_for(email text, metadata jsonb)
returns text
language sql
immutable
set search_path = ''
as $$
  select pg_catalog.left(name, 100)
  from (
    values
      (1, pg_catalog.btrim(pg_catalog.regexp_replace(metadata ->> 'display_name', '[[:cntrl:]]', '', 'g'))),
      (2, pg_catalog.btrim(pg_catalog.regexp_replace(metadata ->> 'full_name', '[[:cntrl:]]', '', 'g'))),
      (3, pg_catalog.btrim(pg_catalog.regexp_replace(metadata ->> 'name', '[[:cntrl:]]', '', 'g'))),
      (4, pg_catalog.split_part(email, '@', 1)),
      (5, 'Godoty user')
  ) as candidate (rank, name)
  where name <> ''
  order by rank
  limit 1;
$$;

-- The first form of a user name; a counter is added when it is taken.
create function godoty.username_base(email text)
returns text
language sql
immutable
set search_path = ''
as $$
  select coalesce(
    nullif(
      pg_catalog.left(
        pg_catalog.btrim(
          pg_catalog.regexp_replace(
            pg_catalog.lower(pg_catalog.split_part(email, '@', 1)), '[^a-z0-9_.-]+', '_', 'g'),
          '_.-'),
        32),
      ''),
    'user');
$$;

create function godoty.create_profile(new_user_id uuid, new_email text, metadata jsonb)
returns void
language plpgsql
set search_path = ''
as $$
declare
  shown text := godoty.display_name_for(new_email, metadata);
  base text := godoty.username_base(new_email);
  candidate text;
begin
  -- A popular local part ("info") must not make sign-up slow or fail, so the counting stops early and the
  -- account's own id, which nobody else has, ends the search.
  for attempt in 1..21 loop
    candidate := case
      when attempt = 1 then base
      when attempt <= 20 then base || attempt
      else 'user_' || pg_catalog.replace(new_user_id::text, '-', '')
    end;
    insert into public.user_profiles (user_id, email, display_name, username)
    values (new_user_id, new_email, shown, candidate)
    on conflict (username) do nothing;
    if found then
      return;
    end if;
  end loop;
end;
$$;

create function godoty.on_user_created()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  perform godoty.create_profile(new.id, new.email, new.raw_user_meta_data);
  return null;
end;
$$;

create function godoty.on_user_email_changed()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  update public.user_profiles
  set email = new.email, updated_at = pg_catalog.now()
  where user_id = new.id;
  return null;
end;
$$;

create trigger godoty_user_created
  after insert on auth.users
  for each row execute function godoty.on_user_created();

create trigger godoty_user_email_changed
  after update of email on auth.users
  for each row
  when (old.email is distinct from new.email)
  execute function godoty.on_user_email_changed();

-- Accounts that are older than this migration get their profile too.
select godoty.create_profile(id, email, raw_user_meta_data) from auth.users order by created_at, id;

-- The signed-in account's own profile, as one object. Row level security chooses the row.
create function public.profile()
returns jsonb
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  answer jsonb;
begin
  select pg_catalog.jsonb_build_object(
    'id', user_id,
    'email', email,
    'display_name', display_name,
    'username', username,
    'plan', plan,
    'preferences', preferences)
  into answer
  from public.user_profiles
  where user_id = auth.uid();

  if answer is null then
    -- godoty.refuse is out of a client's reach, and this function runs with the client's own rights.
    raise sqlstate 'PGRST' using
      message = '{"code":"account_not_found","message":"This account no longer exists. Sign in again or create an account.","details":null,"hint":null}',
      detail = '{"status":403,"headers":{}}';
  end if;
  return answer;
end;
$$;

revoke all on function
  godoty.display_name_for(text, jsonb),
  godoty.username_base(text),
  godoty.create_profile(uuid, text, jsonb),
  godoty.on_user_created(),
  godoty.on_user_email_changed(),
  public.profile()
from public, anon, authenticated, service_role;
grant execute on function public.profile() to authenticated;
