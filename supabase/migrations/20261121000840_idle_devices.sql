-- A device that is in use no longer makes room for one that is. Containers and browsers come and go, each with an id of its
-- own, and nobody there could take back the key of one that is gone.

-- Refuses a device when as many others as the plan allows have a key that works. Of those, the ones that nobody has used for
-- a week give way first, the longest unused before the others; one that comes back asks for a key by itself.
create or replace function godoty.refuse_device_beyond_limit(p_user_id uuid, p_device_id uuid)
returns void
language plpgsql
set search_path = ''
as $$
declare
  allowed integer := (godoty.plan_of(p_user_id)).max_devices;
  others integer;
  idle public.user_api_keys;
begin
  select pg_catalog.count(distinct device_id) into others
  from public.user_api_keys
  where user_id = p_user_id
    and device_id <> p_device_id
    and status = 'active'
    and (expires_at is null or expires_at > pg_catalog.now());
  for idle in
    select *
    from public.user_api_keys
    where user_id = p_user_id
      and device_id <> p_device_id
      and status = 'active'
      and (expires_at is null or expires_at > pg_catalog.now())
      and greatest(activated_at, last_used_at) < pg_catalog.now() - interval '7 days'
    order by greatest(activated_at, last_used_at)
    limit greatest(others - allowed + 1, 0)
  loop
    -- The sync deletes it at LiteLLM. A refusal takes this back.
    update public.user_api_keys set status = 'revoked', revoked_at = pg_catalog.now() where id = idle.id;
    perform godoty.audit(p_user_id, 'key_revoked', godoty.key_details(idle));
    others := others - 1;
  end loop;
  if others >= allowed then
    perform godoty.refuse(409, 'device_limit_reached',
      'This account is in use on ' || others || case when others = 1 then ' device' else ' devices' end
        || ', as many as its plan allows. Go on with one of these, leave one unused for a week,'
        || ' or ask your operator for a larger plan.');
  end if;
end;
$$;
