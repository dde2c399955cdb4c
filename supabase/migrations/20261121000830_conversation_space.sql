-- How much all kept conversations of an account may take: one has at most 4 MB, and there may be a thousand.

-- Bytes. An operator changes the number with UPDATE.
alter table godoty.settings
  add column conversation_bytes bigint not null default 104857600 check (conversation_bytes >= 0);

alter table public.conversations add column size bigint not null default 0;

update public.conversations as kept
set size = (
  select coalesce(sum(message.size), 0)
  from public.conversation_messages as message
  where message.user_id = kept.user_id and message.conversation_id = kept.id);

-- Saving ends with the count of messages, so what is said here is true of all of them. A conversation that does not grow is
-- always taken.
create function godoty.on_conversation_saved()
returns trigger
language plpgsql
set search_path = ''
as $$
declare
  others bigint;
begin
  -- The lock makes the sum hold while several devices save at once.
  perform 1 from public.user_profiles where user_id = new.user_id for no key update;
  select coalesce(pg_catalog.sum(size), 0) into new.size
  from public.conversation_messages
  where user_id = new.user_id and conversation_id = new.id;
  select coalesce(pg_catalog.sum(size), 0) into others
  from public.conversations
  where user_id = new.user_id and id <> new.id;
  if new.size > old.size and others + new.size > (select conversation_bytes from godoty.settings) then
    perform godoty.refuse(409, 'conversations_too_large',
      'Your account keeps as much text in conversations as it can. Delete some that you no longer need.');
  end if;
  return new;
end;
$$;

create trigger conversations_saved
  before update of message_count on public.conversations
  for each row execute function godoty.on_conversation_saved();

revoke all on function godoty.on_conversation_saved() from public, anon, authenticated, service_role;
