import { describe, expect, it } from 'vitest';

import {
  ConversationStore,
  EMPTY_CONVERSATION,
  MAX_STORED_CHARS,
} from '../../../extension/src/chat/conversationStore.ts';
import type { Conversation } from '../../../extension/src/chat/conversationStore.ts';
import type { Answer, Transcript } from '../../../extension/src/chat/transcript.ts';
import { bill, cost, memoryStore, usage } from './support.ts';

const KEY = 'godoty.chat.conversation';
const answer = (id: string, text: string): Answer => ({
  role: 'assistant',
  id,
  model: 'm',
  text,
  reasoning: '',
  earlierBills: [],
  state: { status: 'done', bill },
});
const conversation = (transcript: Transcript): Conversation => ({
  owner: 'me',
  pickedModel: null,
  draft: { text: 'typed', revision: 3 },
  transcript,
});

describe('the stored conversation', () => {
  it('comes back as it was', async () => {
    const memory = memoryStore();
    const kept = conversation([{ role: 'user', id: 'q', text: 'hi', images: [] }, answer('a', 'hello')]);
    await new ConversationStore(memory).save(kept);
    expect(new ConversationStore(memory).load()).toEqual(kept);
  });

  it('marks an answer that was streaming as interrupted', async () => {
    const memory = memoryStore();
    await new ConversationStore(memory).save(
      conversation([{ ...answer('a', 'half'), state: { status: 'streaming' } }]),
    );
    expect(new ConversationStore(memory).load().transcript).toMatchObject([
      { text: 'half', state: { status: 'interrupted' } },
    ]);
  });

  it('comes back without the tokens where it was kept before the core told their total', () => {
    const parts = Object.entries(usage).filter(([name]) => name !== 'totalTokens');
    const kept = {
      ...answer('a', 'hello'),
      state: { status: 'done', bill: { usage: Object.fromEntries(parts), cost } },
    };
    const memory = memoryStore({ [KEY]: { ...conversation([]), version: 1, transcript: [kept] } });
    expect(new ConversationStore(memory).load().transcript).toEqual([
      { ...answer('a', 'hello'), state: { status: 'done', bill: { usage: null, cost } } },
    ]);
  });

  const foreign: [string, unknown][] = [
    ['nothing', undefined],
    ['null', null],
    ['a text', 'x'],
    ['another version', { ...conversation([]), version: 2 }],
    ['a broken message', { ...conversation([]), version: 1, transcript: [{ role: 'user', id: '', text: 1 }] }],
    [
      'an unknown state',
      { ...conversation([]), version: 1, transcript: [{ ...answer('a', ''), state: { status: '?' } }] },
    ],
  ];
  it.each(foreign)('counts as empty when the store holds %s', (_name, value) => {
    expect(new ConversationStore(memoryStore({ [KEY]: value })).load()).toEqual(EMPTY_CONVERSATION);
  });

  it('keeps only the newest messages that fit', async () => {
    const memory = memoryStore();
    const third = 'x'.repeat(MAX_STORED_CHARS / 3);
    const transcript = ['1', '2', '3', '4', '5'].map((id) => answer(id, third));
    await new ConversationStore(memory).save(conversation(transcript));
    expect(new ConversationStore(memory).load().transcript.map(({ id }) => id)).toEqual(['3', '4', '5']);
  });

  it('keeps the last exchange whatever its size', async () => {
    const memory = memoryStore();
    const huge = 'x'.repeat(MAX_STORED_CHARS + 1);
    await new ConversationStore(memory).save(conversation([answer('1', huge), answer('2', huge), answer('3', huge)]));
    expect(new ConversationStore(memory).load().transcript.map(({ id }) => id)).toEqual(['2', '3']);
  });
});
