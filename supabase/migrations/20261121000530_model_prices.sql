-- What models cost and since when, and the server's own figure for each call.
--
-- A version of a model's prices is all rows of one `effective_from`: the base (above 0, up_to 0), tiers (above N: the
-- prices of prompts longer than N tokens, where they differ from those below), and ranges (above N, up to M: the
-- whole call costs that range's prices). A version holds until the next one; one without any price says that the
-- price is unknown from then on. `supabase/prices.mjs` writes them from LiteLLM's price map.

create table public.model_prices (
  model text not null check (char_length(model) between 1 and 200),
  effective_from timestamptz not null check (isfinite(effective_from)),
  -- Prompt tokens.
  above bigint not null default 0 check (above >= 0),
  up_to bigint not null default 0,
  -- LiteLLM's name of who bills, which changes the arithmetic of some.
  provider text not null default '' check (char_length(provider) <= 100),
  -- US dollars per token, exact to 10^-24. Null: as godoty.computed_cost() says.
  input numeric(30, 24) check (input >= 0),
  output numeric(30, 24) check (output >= 0),
  cache_read numeric(30, 24) check (cache_read >= 0),
  cache_write numeric(30, 24) check (cache_write >= 0),
  reasoning numeric(30, 24) check (reasoning >= 0),
  primary key (model, effective_from, above, up_to),
  constraint model_prices_range_has_tokens check (up_to = 0 or up_to > above)
);

comment on table public.model_prices is 'Prices per token by model and time. Written by set_model_prices only.';

alter table public.model_prices enable row level security;
revoke all on table public.model_prices from public, anon, authenticated, service_role;
grant select on table public.model_prices to service_role;

-- The operator's command: prices that are in force from a time on, as a list of rows. A model whose prices are the
-- same as before gets no new version; a model that is not in the list keeps what it has.
create function public.set_model_prices(p_prices jsonb, p_effective_from timestamptz default now())
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  changed text[];
begin
  if pg_catalog.jsonb_typeof(p_prices) is distinct from 'array' or p_effective_from is null then
    perform godoty.refuse(400, 'invalid_request', 'Send the prices as an array of rows, and since when they hold.');
  end if;
  if pg_catalog.jsonb_array_length(p_prices) > 50000 then
    perform godoty.refuse(400, 'invalid_request', 'Send at most 50000 rows at once.');
  end if;
  -- One load at a time, so that each sees what the other wrote.
  lock table public.model_prices in share row exclusive mode;

  with offered as (
    select model, pg_catalog.jsonb_agg(godoty.price_facts(price) order by above, up_to) as facts
    from godoty.prices_in(p_prices, p_effective_from) as price
    group by model
  ),
  in_force as (
    select model, pg_catalog.jsonb_agg(godoty.price_facts(price) order by above, up_to) as facts
    from public.model_prices as price
    where model in (select offered.model from offered) and effective_from = (
      select pg_catalog.max(version.effective_from)
      from public.model_prices as version
      where version.model = price.model and version.effective_from <= p_effective_from)
    group by model
  )
  select coalesce(pg_catalog.array_agg(offered.model), '{}') into changed
  from offered left join in_force using (model)
  where offered.facts is distinct from in_force.facts;

  delete from public.model_prices where effective_from = p_effective_from and model = any (changed);
  insert into public.model_prices
  select price.* from godoty.prices_in(p_prices, p_effective_from) as price
  -- A row without a model is not left out in silence: the table refuses it.
  where price.model = any (changed) or price.model is null;

  return pg_catalog.jsonb_build_object('changed', pg_catalog.cardinality(changed));
end;
$$;

create function godoty.prices_in(p_prices jsonb, p_effective_from timestamptz)
returns setof public.model_prices
language sql
stable
set search_path = ''
as $$
  select model, p_effective_from, coalesce(above, 0), coalesce(up_to, 0), coalesce(provider, ''),
    input, output, cache_read, cache_write, reasoning
  from pg_catalog.jsonb_to_recordset(p_prices) as offered (
    model text, above bigint, up_to bigint, provider text,
    input numeric(30, 24), output numeric(30, 24),
    cache_read numeric(30, 24), cache_write numeric(30, 24), reasoning numeric(30, 24));
$$;

-- A row without its time: what makes one version of prices differ from another.
create function godoty.price_facts(price public.model_prices)
returns jsonb
language sql
immutable
set search_path = ''
as $$
  select pg_catalog.to_jsonb(price) - 'effective_from';
$$;

-- The prices of a model at a time: by its name, else by its name without the provider in front of it.
create function godoty.prices_at(p_model text, p_at timestamptz)
returns public.model_prices[]
language sql
stable
set search_path = ''
as $$
  select pg_catalog.array_agg(price order by up_to > 0, above)
  from public.model_prices as price
  where (model, effective_from) = (
    select named.model, named.effective_from
    from public.model_prices as named
    where effective_from <= p_at
      and (
        named.model = p_model
        or named.model = pg_catalog.substr(p_model, pg_catalog.strpos(p_model, '/') + 1)
          and named.provider = pg_catalog.split_part(p_model, '/', 1))
    order by named.model = p_model desc, effective_from desc
    limit 1);
$$;

-- What a call cost by model_prices, in US dollars: summed exactly, rounded once to 10^-12. Null when no price is known.
--
-- It is the arithmetic of crate/core/src/cost.rs, line by line, which is LiteLLM's; the cases in
-- tests/fixtures/cost/estimates.tsv hold both to the last digit. Cached tokens and cache writes are part of the
-- prompt and cost the input price where they have none of their own; reasoning is part of the completion and costs the
-- output price where it has none. One of input and output may be missing: it is free then.
create function godoty.computed_cost(
  p_model text, p_at timestamptz, prompt bigint, completion bigint, total bigint, cached bigint, written bigint,
  reasoning bigint)
returns numeric
language plpgsql
stable
set search_path = ''
as $$
declare
  prices constant public.model_prices[] := godoty.prices_at(p_model, p_at);
  provider constant text := (prices[1]).provider;
  is_perplexity constant boolean := provider = 'perplexity';
  prompt_length constant bigint := case
    when provider in ('dashscope', 'qwencloud', 'qwen_ai_platform') then greatest(prompt, cached + written)
    else prompt
  end;
  price public.model_prices;
  base public.model_prices;
  rates public.model_prices;
  band public.model_prices;
  text_in bigint := greatest(prompt - (cached + written), 0);
  text_out bigint := greatest(completion - reasoning, 0);
begin
  if prices is null then
    return null;
  end if;
  if provider = 'lemonade' then
    return 0;
  end if;

  foreach price in array prices loop
    if price.up_to > 0 then
      -- The range that the prompt lies in, else the last one.
      if band is null or not (band.above < prompt_length and prompt_length <= band.up_to) then
        band := price;
      end if;
    elsif price.above = 0 then
      base := price;
      rates := price;
    elsif prompt_length > price.above or (provider = 'xai' and prompt_length = price.above) then
      rates.input := coalesce(price.input, rates.input);
      rates.output := coalesce(price.output, rates.output);
      rates.cache_read := coalesce(price.cache_read, rates.cache_read);
      rates.cache_write := coalesce(price.cache_write, rates.cache_write);
      rates.reasoning := coalesce(price.reasoning, rates.reasoning);
    end if;
  end loop;
  if base.input is null and base.output is null and band.model is null then
    return null;
  end if;

  if prompt_length > 0 and band.input is not null then
    rates := band;
    rates.cache_read := coalesce(band.cache_read, band.input);
    rates.cache_write := coalesce(band.cache_write, band.input);
    if band.output is null then
      rates.output := base.output;
      rates.reasoning := coalesce(band.reasoning, base.reasoning);
    end if;
  end if;
  rates.input := coalesce(rates.input, 0);
  rates.output := coalesce(rates.output, 0);
  if provider = 'fireworks_ai' then
    -- Half of the base price, whatever the length of the prompt.
    rates.cache_read := coalesce(rates.cache_read, pg_catalog.round(base.input * 0.5, 24));
  end if;

  if is_perplexity then
    text_in := prompt;
    cached := 0;
    written := 0;
    if rates.reasoning is null then
      text_out := completion;
      reasoning := 0;
    end if;
  elsif provider = 'xai' then
    text_out := completion + case when total = prompt + completion then 0 else reasoning end;
    reasoning := 0;
  end if;

  return pg_catalog.round(
    text_in * rates.input
      + cached * coalesce(rates.cache_read, rates.input)
      + written * coalesce(rates.cache_write, rates.input)
      + text_out * rates.output
      + reasoning * coalesce(rates.reasoning, rates.output),
    12);
end;
$$;

alter table public.usage_records
  -- US dollars. The server's own figure, by model_prices at the time of the call; null when it has no price.
  add column cost_computed numeric check (cost_computed >= 0);

comment on column public.usage_records.cost_estimated is 'What the client said that the call cost (US dollars).';

-- A call whose tokens nobody counted has no figure. It was stopped or failed before its usage arrived, and a cost of
-- nothing would be a claim.
create function godoty.on_usage_record()
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

-- Whoever writes a record, the figure is the server's. After prices that hold for the past,
-- `update public.usage_records set model = model where …` works them in.
create trigger usage_records_cost
  before insert or update of
    model, prompt_tokens, completion_tokens, total_tokens, cached_tokens, cache_write_tokens, reasoning_tokens,
    occurred_at, cost_computed
  on public.usage_records
  for each row execute function godoty.on_usage_record();

-- What counts is what LiteLLM billed; until that is known, the server's own figure; where it has no price, what the
-- client said. So nobody changes a cost by saying something else, and every cost that was ever known is shown.
drop view godoty.usage_costs;
create view godoty.usage_costs with (security_invoker) as
select
  usage_records.*,
  coalesce(cost_settled, cost_computed, cost_estimated) as cost,
  case
    when cost_settled is not null then 'settled'
    when cost_computed is not null then 'catalog'
    else cost_source
  end as counted_source,
  cost_settled is null and (cost_computed is not null or cost_source in ('proxy_price', 'catalog')) as is_estimate
from public.usage_records;

revoke all on table godoty.usage_costs from public, anon, authenticated, service_role;

revoke all on function
  godoty.prices_in(jsonb, timestamptz),
  godoty.price_facts(public.model_prices),
  godoty.prices_at(text, timestamptz),
  godoty.computed_cost(text, timestamptz, bigint, bigint, bigint, bigint, bigint, bigint),
  godoty.on_usage_record(),
  public.set_model_prices(jsonb, timestamptz)
from public, anon, authenticated, service_role;
grant execute on function public.set_model_prices(jsonb, timestamptz) to service_role;
