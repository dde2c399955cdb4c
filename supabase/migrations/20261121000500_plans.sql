-- Plans and their limits, who is on which plan, and what LiteLLM has yet to hear about it.

create table public.plans (
  name text primary key check (name ~ '^[a-z][a-z0-9_-]{0,31}$'),
  tokens_per_month bigint not null check (tokens_per_month >= 0),
  -- Calls of the backend, and calls of models.
  requests_per_hour integer not null check (requests_per_hour >= 0),
  model_requests_per_hour integer not null check (model_requests_per_hour >= 0),
  output_tokens_per_request integer not null check (output_tokens_per_request > 0),
  -- LiteLLM's own limits, for all devices of an account together. US dollars; null: no budget.
  max_budget_usd numeric check (max_budget_usd >= 0),
  -- When the budget starts anew, as LiteLLM writes it: `30d`, `1mo`. Null: never.
  budget_duration text check (budget_duration ~ '^[1-9][0-9]{0,3}(s|m|h|d|w|mo)$'),
  rpm_limit integer check (rpm_limit > 0),
  tpm_limit integer check (tpm_limit > 0),
  -- The names of LiteLLM's models; null: all.
  models text[] check (array_position(models, null) is null and cardinality(models) between 1 and 1000),
  max_devices integer not null check (max_devices > 0),
  constraint plans_budget_of_a_duration check (max_budget_usd is not null or budget_duration is null)
);

comment on table public.plans is 'What an account may use. An operator changes the numbers with UPDATE.';

alter table public.plans enable row level security;
revoke all on table public.plans from public, anon, authenticated, service_role;
grant select on table public.plans to service_role;

insert into public.plans (
  name, tokens_per_month, requests_per_hour, model_requests_per_hour, output_tokens_per_request,
  max_budget_usd, budget_duration, rpm_limit, tpm_limit, models, max_devices)
values
  ('free', 10000, 100, 50, 1000, 10, '1mo', 60, 100000, null, 5),
  ('pro', 100000, 1000, 500, 4000, 100, '1mo', 60, 100000, null, 10),
  ('enterprise', 1000000, 10000, 5000, 8000, 1000, '1mo', 60, 100000, null, 50);

-- For triggers: refuses what they stand before, with the sentence that they were given.
create function godoty.refuse_change()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  raise exception '%', tg_argv[0] using errcode = 'insufficient_privilege';
end;
$$;

-- The operator's choices for the whole deployment: one row, always.
create table godoty.settings (
  id boolean primary key default true check (id),
  -- The plan of every account that has no subscription.
  default_plan text not null references public.plans (name) on update cascade
);

revoke all on table godoty.settings from public, anon, authenticated, service_role;

insert into godoty.settings (default_plan) values ('free');

create trigger settings_stay
  before delete or truncate on godoty.settings
  for each statement execute function godoty.refuse_change('Without settings no account would have a plan.');

-- Who is on which plan since when. The history stays; the plan of now is the latest row that has begun and has not
-- ended, and without one it is the default plan.
create table public.subscriptions (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.user_profiles (user_id) on delete cascade,
  plan text not null references public.plans (name) on update cascade,
  since timestamptz not null default now(),
  until timestamptz,
  constraint subscriptions_end_after_their_begin check (until >= since)
);

comment on table public.subscriptions is 'Plans by account and time. Written by set_plan only.';

create index subscriptions_by_user on public.subscriptions (user_id, since desc);
create unique index subscriptions_one_without_end on public.subscriptions (user_id) where until is null;

alter table public.subscriptions enable row level security;
revoke all on table public.subscriptions from public, anon, authenticated, service_role;
grant select on table public.subscriptions to authenticated, service_role;

create policy subscriptions_owner_reads on public.subscriptions
  for select to authenticated
  using ((select auth.uid()) = user_id);

-- What an account was given by hand so far is a subscription from now on, and the only truth.
insert into public.subscriptions (user_id, plan, since)
select user_id, plan, created_at from public.user_profiles where plan <> 'free';

alter table public.user_profiles drop column plan;

-- A row says that LiteLLM has yet to hear of an account's limits, from `due_at` on. Who told it deletes the rows that
-- it has read, by id, so that a change which came in between stays.
create table godoty.gateway_changes (
  id bigint generated always as identity primary key,
  user_id uuid not null references public.user_profiles (user_id) on delete cascade,
  due_at timestamptz not null default now()
);

create index gateway_changes_by_time on godoty.gateway_changes (due_at);
create index gateway_changes_by_user on godoty.gateway_changes (user_id);

revoke all on table godoty.gateway_changes from public, anon, authenticated, service_role;

create function godoty.plan_of(p_user_id uuid)
returns public.plans
language sql
stable
set search_path = ''
as $$
  select plans
  from public.plans
  where name = coalesce(
    (select plan
     from public.subscriptions
     where user_id = p_user_id
       and since <= pg_catalog.now()
       and (until is null or until > pg_catalog.now())
     order by since desc, id
     limit 1),
    (select default_plan from godoty.settings));
$$;

-- What LiteLLM is to enforce for an account, and how many devices may have a key. Money is text.
create function godoty.limits_of(p_user_id uuid)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select pg_catalog.jsonb_build_object(
    'max_budget_usd', max_budget_usd::text,
    'budget_duration', budget_duration,
    'rpm_limit', rpm_limit,
    'tpm_limit', tpm_limit,
    'models', pg_catalog.to_jsonb(models),
    'max_devices', max_devices,
    'output_tokens_per_request', output_tokens_per_request)
  from godoty.plan_of(p_user_id);
$$;

-- An operator who changes a plan's numbers, or which plan is the default, changes the limits of everybody on it.
create function godoty.announce_plans(p_names text[])
returns void
language sql
set search_path = ''
as $$
  insert into godoty.gateway_changes (user_id)
  select holder.user_id
  from (select distinct user_id from public.user_api_keys) as holder,
    lateral godoty.plan_of(holder.user_id) as current_plan
  where current_plan.name = any (p_names);
$$;

create function godoty.on_plans_changed()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  perform godoty.announce_plans(array(
    select changed.name from changed join former using (name) where changed is distinct from former));
  return null;
end;
$$;

create function godoty.on_default_plan_changed()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  perform godoty.announce_plans(array[new.default_plan]);
  return null;
end;
$$;

create trigger plans_changed
  after update on public.plans
  referencing old table as former new table as changed
  for each statement execute function godoty.on_plans_changed();

create trigger default_plan_changed
  after update of default_plan on godoty.settings
  for each row execute function godoty.on_default_plan_changed();

-- The signed-in account's own profile, as one object.
create or replace function public.profile()
returns jsonb
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  answer jsonb;
begin
  select pg_catalog.jsonb_build_object(
    'id', account.user_id,
    'email', account.email,
    'display_name', account.display_name,
    'username', account.username,
    'plan', current_plan.name,
    'preferences', account.preferences)
  into answer
  from public.user_profiles as account, lateral godoty.plan_of(account.user_id) as current_plan
  where account.user_id = auth.uid();

  if answer is null then
    perform godoty.refuse(403, 'account_not_found',
      'This account no longer exists. Sign in again or create an account.');
  end if;
  return answer;
end;
$$;

revoke all on function
  godoty.refuse_change(),
  godoty.plan_of(uuid),
  godoty.limits_of(uuid),
  godoty.announce_plans(text[]),
  godoty.on_plans_changed(),
  godoty.on_default_plan_changed()
from public, anon, authenticated, service_role;
