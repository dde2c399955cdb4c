import { beforeEach, describe, expect, it } from 'vitest';

import type { Database } from '../../local/server/db/database.ts';
import { engines, useDatabase } from './databases.ts';
import { codeOf, newUser, refusalOf, value } from './sql.ts';

interface Message {
  role: string;
  content: string;
  details?: object;
}

interface Facts {
  id: string;
  title: string;
  revision: number;
  message_count: number;
  created_at: string;
  updated_at: string;
}

describe.each(engines)('kept conversations on $name', (engine) => {
  let db: Database;
  let user: string;
  let id: string;

  useDatabase(engine, (opened) => (db = opened));
  beforeEach(async () => {
    user = await newUser(db);
    id = crypto.randomUUID();
  });

  const ask = <T>(expression: string, params: readonly unknown[] = []): Promise<T> =>
    value(db, 'authenticated', { sub: user }, expression, params);
  const save = (
    revision: number | null,
    messages: unknown,
    start = 0,
    title: string | null = 'Title',
  ): Promise<Facts> =>
    ask('public.conversations_save($1, $2, $3, ($4::text)::jsonb, $5)', [
      id,
      revision,
      title,
      JSON.stringify(messages),
      start,
    ]);
  const get = (): Promise<Facts & { messages: Message[] }> => ask('public.conversations_get($1)', [id]);
  const list = (before: string | null = null, limit = 50): Promise<Facts[]> =>
    ask('public.conversations_list($1, $2)', [before, limit]);
  const remove = (): Promise<boolean> => ask('public.conversations_delete($1)', [id]);
  const said = (content: string): Message => ({ role: 'user', content });

  it('come back as they were saved', async () => {
    const messages = [
      { role: 'system', content: 'Be brief.', details: {} },
      { role: 'user', content: 'Grüße 👋\n\tzwei', details: {} },
      { role: 'assistant', content: '', details: { model: 'gpt-4o', state: { status: 'done' } } },
      { role: 'tool', content: '{}', details: {} },
    ];
    const facts = await save(0, messages);
    expect(facts).toMatchObject({ id, title: 'Title', revision: 1, message_count: 4 });
    expect(await get()).toEqual({ ...facts, messages });
    expect(await list()).toEqual([facts]);
  });

  it('grow from a message on, and what stood there gives way', async () => {
    await save(0, [said('a'), said('b'), said('c')]);
    expect(await save(1, [said('B'), said('C'), said('D')], 1, 'Other')).toMatchObject({
      revision: 2,
      message_count: 4,
      title: 'Other',
    });
    expect((await get()).messages.map(({ content }) => content)).toEqual(['a', 'B', 'C', 'D']);
    expect(await save(2, [], 1)).toMatchObject({ revision: 3, message_count: 1 });
    expect((await get()).messages.map(({ content }) => content)).toEqual(['a']);
    expect(await codeOf(save(3, [said('z')], 2))).toBe('invalid_request');
    expect((await get()).revision).toBe(3);
  });

  it('lose nothing when two devices change them: the later one is told', async () => {
    await save(0, [said('a')]);
    await save(1, [said('phone')], 1);
    expect(await codeOf(save(1, [said('desk')], 1))).toBe('conversation_changed');
    expect(await codeOf(save(0, []))).toBe('conversation_changed');
    expect((await get()).messages.map(({ content }) => content)).toEqual(['a', 'phone']);
    const outcomes = await Promise.allSettled(Array.from({ length: 8 }, (_, index) => save(2, [said(`${index}`)], 2)));
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(await get()).toMatchObject({ revision: 3, message_count: 3 });
  });

  it('are one, when eight devices make it at once', async () => {
    const outcomes = await Promise.allSettled(Array.from({ length: 8 }, () => save(0, [said('a')])));
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(await list()).toHaveLength(1);
  });

  it('are listed page by page, the latest change first, each once', async () => {
    for (const second of [0, 1, 1, 2, 3]) {
      id = crypto.randomUUID();
      await save(0, [], 0, `at ${second}`);
      await db.query('update public.conversations set updated_at = $2 where id = $1', [
        id,
        `2025-11-20T10:00:0${second}.000001Z`,
      ]);
    }
    const titles: string[] = [];
    for (let before: string | null = null; ;) {
      const page: Facts[] = await list(before, 1);
      const last = page.at(-1);
      if (last === undefined) {
        break;
      }
      titles.push(...page.map(({ title }) => title));
      before = last.updated_at;
    }
    expect(titles).toEqual(['at 3', 'at 2', 'at 1', 'at 1', 'at 0']);
  });

  it('go when they are deleted, and say whether they were there', async () => {
    await save(0, [said('a')]);
    expect([await remove(), await remove()]).toEqual([true, false]);
    expect(await refusalOf(get())).toMatchObject({ code: 'conversation_not_found' });
    expect(await codeOf(save(1, []))).toBe('conversation_not_found');
    expect(await db.query('select 1 from public.conversation_messages where user_id = $1', [user])).toEqual([]);
  });

  it('are out of every other account’s reach, under the same id too', async () => {
    await save(0, [said('mine')]);
    const owner = user;
    user = await newUser(db);
    expect(await codeOf(get())).toBe('conversation_not_found');
    expect(await codeOf(save(1, [said('theirs')]))).toBe('conversation_not_found');
    expect([await remove(), await list()]).toEqual([false, []]);
    expect(await save(0, [said('theirs')])).toMatchObject({ revision: 1 });
    user = owner;
    expect((await get()).messages.map(({ content }) => content)).toEqual(['mine']);
  });

  it('take a bounded room together, in which what is there can still be shortened and deleted', async () => {
    const bound = (bytes: number): Promise<unknown> =>
      db.query('update godoty.settings set conversation_bytes = $1', [bytes]);
    await bound(25);
    try {
      await save(0, [said('ten bytes.')]);
      const first = id;
      id = crypto.randomUUID();
      expect(await codeOf(save(0, [said('ten bytes,'), said('more')]))).toBe('conversations_too_large');
      expect(await list()).toHaveLength(1);
      await save(0, [said('8 bytes.')]);
      expect(await codeOf(save(1, [said('more')], 1))).toBe('conversations_too_large');
      await bound(0);
      expect(await save(1, [said('8.')])).toMatchObject({ revision: 2 });
      id = first;
      expect(await remove()).toBe(true);
    } finally {
      await bound(104_857_600);
    }
  });

  it('go with the account', async () => {
    await save(0, [said('a')]);
    await db.query('delete from auth.users where id = $1', [user]);
    expect(await db.query('select 1 from public.conversation_messages where user_id = $1', [user])).toEqual([]);
  });

  it.each<[string, unknown]>([
    ['a role nobody has', { role: 'root', content: 'a' }],
    ['no role', { content: 'a' }],
    ['a content that is no text', { role: 'user', content: ['a'] }],
    ['no content', { role: 'user' }],
    ['a field nobody knows', { role: 'user', content: 'a', user_id: 'x' }],
    ['details that are no object', { role: 'user', content: 'a', details: [] }],
    ['large details', { role: 'user', content: 'a', details: { x: 'x'.repeat(65_536) } }],
    ['a content without an end', { role: 'user', content: 'x'.repeat(2_000_001) }],
    ['no object', 'hello'],
  ])('refuse a message with %s, and the others with it', async (_case, message) => {
    expect(await refusalOf(save(0, [said('a'), message]))).toMatchObject({
      code: 'invalid_message',
      details: 'messages[1]',
    });
    expect(await list()).toEqual([]);
  });

  it.each<[string, () => Promise<unknown>, string]>([
    ['an empty title', () => save(0, [], 0, ''), 'invalid_title'],
    ['no title', () => save(0, [], 0, null), 'invalid_title'],
    ['a title of two lines', () => save(0, [], 0, 'a\nb'), 'invalid_title'],
    ['a long title', () => save(0, [], 0, 'x'.repeat(201)), 'invalid_title'],
    ['messages that are no list', () => save(0, {}), 'invalid_request'],
    ['no revision', () => save(null, []), 'invalid_request'],
    ['a negative revision', () => save(-1, []), 'invalid_request'],
    ['a negative start', () => save(0, [], -1), 'invalid_request'],
    ['a revision of a conversation that is not there', () => save(4, []), 'conversation_not_found'],
    [
      'too many messages',
      () =>
        save(
          0,
          Array.from({ length: 1_001 }, () => said('a')),
        ),
      'conversation_too_long',
    ],
    [
      'too much text',
      () =>
        save(
          0,
          Array.from({ length: 3 }, () => said('x'.repeat(1_500_000))),
        ),
      'conversation_too_long',
    ],
    ['a list without an end', () => list(null, 201), 'invalid_limit'],
  ])('refuse %s', async (_case, call, code) => {
    expect(await codeOf(call())).toBe(code);
    expect(await list()).toEqual([]);
  });

  it('are a thousand at most', async () => {
    await db.query(
      `insert into public.conversations (user_id, id, title) select $1, gen_random_uuid(), 'x' from generate_series(1, 1000)`,
      [user],
    );
    expect(await refusalOf(save(0, []))).toMatchObject({ code: 'too_many_conversations' });
  });
});
