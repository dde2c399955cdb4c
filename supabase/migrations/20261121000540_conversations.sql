-- Conversations that an account keeps. What people wrote is theirs alone: of the roles that requests run under, only
-- the owner reads it, not even service_role.

create table public.conversations (
  user_id uuid not null references public.user_profiles (user_id) on delete cascade,
  -- Of the client's making. It is unique within the account, so nobody can probe for another's.
  id uuid not null,
  title text not null check (title ~ '^[^[:cntrl:]]{1,200}$'),
  -- Counts the changes: a client that has not seen the last one must read it first.
  revision integer not null default 1 check (revision > 0),
  message_count integer not null default 0 check (message_count between 0 and 1000),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (user_id, id)
);

create index conversations_by_time on public.conversations (user_id, updated_at);

create table public.conversation_messages (
  user_id uuid not null,
  conversation_id uuid not null,
  position integer not null check (position between 0 and 999),
  role text not null check (role in ('system', 'user', 'assistant', 'tool')),
  content text not null,
  -- What the client wants back beside the text, such as model, call id and how the answer ended.
  details jsonb not null default '{}' check (jsonb_typeof(details) = 'object'),
  size integer generated always as (octet_length(content) + octet_length(details::text)) stored,
  primary key (user_id, conversation_id, position),
  foreign key (user_id, conversation_id) references public.conversations (user_id, id) on delete cascade
);

comment on table public.conversations is 'Kept conversations, by account and the client''s id.';
comment on table public.conversation_messages is 'Their messages, in order.';

alter table public.conversations enable row level security;
alter table public.conversation_messages enable row level security;
revoke all on table public.conversations, public.conversation_messages from public, anon, authenticated, service_role;
grant select on table public.conversations, public.conversation_messages to authenticated;

create policy conversations_owner_reads on public.conversations
  for select to authenticated
  using ((select auth.uid()) = user_id);
create policy conversation_messages_owner_reads on public.conversation_messages
  for select to authenticated
  using ((select auth.uid()) = user_id);

create function godoty.conversation_facts(conversation public.conversations)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select pg_catalog.jsonb_build_object(
    'id', conversation.id,
    'title', conversation.title,
    'revision', conversation.revision,
    'message_count', conversation.message_count,
    'created_at', godoty.rfc3339(conversation.created_at),
    'updated_at', godoty.rfc3339(conversation.updated_at));
$$;

-- Without their messages, the latest change first. Those of one and the same instant are never parted.
create function public.conversations_list(before timestamptz default null, "limit" integer default 50)
returns jsonb
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  account uuid := godoty.caller();
begin
  if "limit" is null or "limit" not between 1 and 200 then
    perform godoty.refuse(400, 'invalid_limit', 'The limit must be a whole number from 1 to 200.');
  end if;
  return coalesce(
    (select pg_catalog.jsonb_agg(godoty.conversation_facts(page) order by page.updated_at desc, page.id)
     from (
       select *
       from public.conversations
       where user_id = account and updated_at < coalesce(conversations_list.before, 'infinity')
       order by updated_at desc
       fetch first (conversations_list."limit") rows with ties
     ) as page),
    '[]');
end;
$$;

create function godoty.refuse_missing_conversation()
returns void
language sql
set search_path = ''
as $$
  select godoty.refuse(404, 'conversation_not_found',
    'This conversation is not kept in your account. It may have been deleted on another device.');
$$;

-- One conversation with its messages.
create function public.conversations_get(id uuid)
returns jsonb
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  account uuid := godoty.caller();
  kept public.conversations;
begin
  select * into kept from public.conversations as one where one.user_id = account and one.id = conversations_get.id;
  if not found then
    perform godoty.refuse_missing_conversation();
  end if;
  return godoty.conversation_facts(kept) || pg_catalog.jsonb_build_object('messages', coalesce(
    (select pg_catalog.jsonb_agg(
       pg_catalog.jsonb_build_object('role', role, 'content', content, 'details', details) order by position)
     from public.conversation_messages
     where user_id = account and conversation_id = kept.id),
    '[]'));
end;
$$;

-- The messages of a request as rows; refuses the first that is none.
create function godoty.messages_in(messages jsonb, first_position integer)
returns table (message_position integer, role text, content text, details jsonb)
language plpgsql
stable
set search_path = ''
as $$
declare
  item jsonb;
  item_position integer := 0;
begin
  for item in select * from pg_catalog.jsonb_array_elements(messages) loop
    if pg_catalog.jsonb_typeof(item) is distinct from 'object'
      or item - array['role', 'content', 'details'] <> '{}'
      or (item ->> 'role' in ('system', 'user', 'assistant', 'tool')) is not true
      or pg_catalog.jsonb_typeof(item -> 'content') is distinct from 'string'
      or pg_catalog.char_length(item ->> 'content') > 2000000
      or pg_catalog.jsonb_typeof(coalesce(item -> 'details', '{}')) <> 'object'
      or pg_catalog.octet_length(item ->> 'details') > 65536
    then
      perform godoty.refuse(400, 'invalid_message',
        'Message ' || (item_position + 1) || ' must have a role (system, user, assistant, tool), a content of at most'
          || ' 2000000 characters, and may have details, an object of at most 64 KB.',
        'messages[' || item_position || ']');
    end if;
    return query select
      first_position + item_position, item ->> 'role', item ->> 'content', coalesce(item -> 'details', '{}');
    item_position := item_position + 1;
  end loop;
end;
$$;

-- Keeps a conversation: a new one with revision 0, else with the revision that the client has seen last. The messages
-- from `start` on give way to these; those before stay, so that a longer conversation need not be sent whole.
create function public.conversations_save(
  id uuid, revision integer, title text, messages jsonb, start integer default 0)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  account uuid := godoty.caller();
  kept public.conversations;
begin
  if id is null or revision is null or revision < 0 or start is null or start not between 0 and 1000
    or pg_catalog.jsonb_typeof(messages) is distinct from 'array'
  then
    perform godoty.refuse(400, 'invalid_request',
      'Send id (a UUID), revision (0 for a new conversation), title, messages (an array) and, if need be, start.');
  end if;
  if title is null or title !~ '^[^[:cntrl:]]{1,200}$' then
    perform godoty.refuse(400, 'invalid_title', 'A title has 1 to 200 characters, on one line.');
  end if;
  if start + pg_catalog.jsonb_array_length(messages) > 1000 then
    perform godoty.refuse(400, 'conversation_too_long', 'A conversation has at most 1000 messages. Start a new one.');
  end if;

  if revision = 0 then
    -- The lock makes the count hold while several devices save at once.
    perform 1 from public.user_profiles where user_id = account for no key update;
    if (select pg_catalog.count(*) from public.conversations where user_id = account) >= 1000 then
      perform godoty.refuse(409, 'too_many_conversations',
        'Your account keeps 1000 conversations, as many as it can. Delete some that you no longer need.');
    end if;
    insert into public.conversations (user_id, id, title)
    values (account, conversations_save.id, conversations_save.title)
    on conflict do nothing
    returning * into kept;
  else
    update public.conversations as one
    set revision = one.revision + 1, title = conversations_save.title, updated_at = pg_catalog.clock_timestamp()
    where one.user_id = account and one.id = conversations_save.id and one.revision = conversations_save.revision
    returning * into kept;
  end if;
  if kept.id is null then
    if revision > 0 and not exists (
      select 1 from public.conversations as one where one.user_id = account and one.id = conversations_save.id
    ) then
      perform godoty.refuse_missing_conversation();
    end if;
    perform godoty.refuse(409, 'conversation_changed',
      'This conversation has been changed on another device. Read it again before you save it.');
  end if;
  if start > kept.message_count then
    perform godoty.refuse(400, 'invalid_request', 'The messages must follow those that are kept.');
  end if;

  delete from public.conversation_messages
  where user_id = account and conversation_id = kept.id and position >= start;
  insert into public.conversation_messages (user_id, conversation_id, position, role, content, details)
  select account, kept.id, message.message_position, message.role, message.content, message.details
  from godoty.messages_in(messages, start) as message;
  if (
    select pg_catalog.sum(size) from public.conversation_messages where user_id = account and conversation_id = kept.id
  ) > 4194304 then
    perform godoty.refuse(400, 'conversation_too_long', 'A conversation has at most 4 MB of text. Start a new one.');
  end if;

  update public.conversations as one
  set message_count = start + pg_catalog.jsonb_array_length(messages)
  where one.user_id = account and one.id = kept.id
  returning * into kept;
  return godoty.conversation_facts(kept);
end;
$$;

-- Says whether there was one.
create function public.conversations_delete(id uuid)
returns boolean
language plpgsql
security definer
set search_path = ''
as $$
declare
  account uuid := godoty.caller();
begin
  delete from public.conversations as one where one.user_id = account and one.id = conversations_delete.id;
  return found;
end;
$$;

revoke all on function
  godoty.conversation_facts(public.conversations),
  godoty.refuse_missing_conversation(),
  godoty.messages_in(jsonb, integer),
  public.conversations_list(timestamptz, integer),
  public.conversations_get(uuid),
  public.conversations_save(uuid, integer, text, jsonb, integer),
  public.conversations_delete(uuid)
from public, anon, authenticated, service_role;
grant execute on function
  public.conversations_list(timestamptz, integer),
  public.conversations_get(uuid),
  public.conversations_save(uuid, integer, text, jsonb, integer),
  public.conversations_delete(uuid)
to authenticated;
