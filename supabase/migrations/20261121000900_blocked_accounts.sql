-- Who is over a quota is allowed no request a minute, because LiteLLM looks at no budget where a model's price is 0. Accounts
-- that were blocked before that was so were told a budget of nothing only, so LiteLLM is told of all that are blocked now.
insert into godoty.gateway_changes (user_id)
select user_id from godoty.gateway_blocks;

create or replace function godoty.newest_migration()
returns text
language sql
immutable
set search_path = ''
as $$
  select '20261121000900';
$$;
