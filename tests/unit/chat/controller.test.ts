import { describe, expect, it } from 'vitest';

import { ChatController, SAVE_MS } from '../../../extension/src/chat/controller.ts';
import type { ChatAccount } from '../../../extension/src/chat/controller.ts';
import { ConversationStore } from '../../../extension/src/chat/conversationStore.ts';
import type { ChatEnd } from '../../../extension/src/chat/engine.ts';
import { MAX_IMAGES } from '../../../extension/src/chat/images.ts';
import { BATCH_MS } from '../../../extension/src/chat/panelLink.ts';
import type { PanelState } from '../../../extension/src/chat/panelState.ts';
import { MAX_SENTENCE_CHARS } from '../../../extension/src/chat/protocol.ts';
import type { HostMessage } from '../../../extension/src/chat/protocol.ts';
import { MAX_ANSWER_CHARS } from '../../../extension/src/chat/transcript.ts';
import type { Answer, AnswerState } from '../../../extension/src/chat/transcript.ts';
import { Replica } from '../../../extension/webview/replica.ts';
import { bill, cost, end, ManualTimers, memoryStore, PlayedEngine, settled, usage } from './support.ts';

const me: ChatAccount = { kind: 'ready', id: 'me' };
const texts = { toolCalls: 'asked for a tool', unexpected: 'a fault', showLog: 'Show Log' };

/** A controller with a panel that shows what it was sent. */
function started(memory = memoryStore(), account: ChatAccount | null = me) {
  const timers = new ManualTimers();
  const engine = new PlayedEngine();
  const reported: unknown[] = [];
  const replica = new Replica();
  let draft = '';
  let ids = 0;
  const controller = new ChatController(
    {
      engine,
      store: new ConversationStore(memory),
      schedule: timers.schedule,
      newId: () => `id${String((ids += 1))}`,
      texts,
      report: (error) => reported.push(error),
    },
    'gpt-4o-mini',
  );
  controller.attach((message: HostMessage) => {
    if (message.type === 'state' || message.type === 'patch') {
      replica.apply(message);
    }
    if (message.type === 'state') {
      draft = message.draft.text;
    }
  });
  controller.receive({ type: 'ready', draft: null });
  if (account !== null) {
    controller.setAccount(account);
  }
  const panel = (): PanelState => {
    timers.advance(BATCH_MS);
    const { state } = replica;
    if (state === null) {
      throw new Error('the panel was told nothing');
    }
    return state;
  };
  const answer = (): Answer => {
    const last = panel().transcript.at(-1);
    if (last?.role !== 'assistant') {
      throw new Error('there is no answer');
    }
    return last;
  };
  const send = (text: string): void => {
    controller.receive({ type: 'send', text });
  };
  return { controller, engine, timers, reported, memory, panel, answer, send, draft: () => draft };
}

describe('a question', () => {
  it('goes to the engine with all that was said, and its answer streams to the panel', async () => {
    const { engine, send, answer, panel } = started();
    send('first');
    engine.last.delta({ text: 'an', reasoning: 'hm' });
    engine.last.delta({ text: 'swer' });
    expect(answer()).toMatchObject({ text: 'answer', reasoning: 'hm', state: { status: 'streaming' } });
    await engine.last.end(end('done'));
    expect(answer().state).toEqual({ status: 'done', bill });
    send('second');
    expect(engine.last.request).toMatchObject({
      model: 'gpt-4o-mini',
      messages: [
        { role: 'user', content: 'first' },
        { role: 'assistant', content: 'answer' },
        { role: 'user', content: 'second' },
      ],
    });
    expect(engine.last.request.callId).toBe(answer().id);
    expect(panel().transcript).toHaveLength(4);
  });

  it('is not sent while another is being answered, when empty, or when nobody is signed in', async () => {
    const { engine, send, controller } = started();
    send('   \n');
    expect(engine.calls).toHaveLength(0);
    send('one');
    send('two');
    expect(engine.calls).toHaveLength(1);
    await engine.last.end(end('done'));
    for (const kind of ['signedOut', 'restoring'] as const) {
      controller.setAccount({ kind });
      send('three');
    }
    expect(engine.calls).toHaveLength(1);
  });
});

describe('an answer', () => {
  const error = { code: 'RATE_LIMITED', message: 'wait', actions: [{ id: 'showLog', label: 'Show Log' }] };
  const ends: [string, ChatEnd, AnswerState][] = [
    ['done', end('done'), { status: 'done', bill }],
    ['length', end('length'), { status: 'length', bill }],
    ['filtered', end('filtered'), { status: 'filtered', bill }],
    ['truncated', end('truncated'), { status: 'truncated', bill }],
    ['cancelled by the engine', end('cancelled'), { status: 'stopped', bill }],
    ['error', { outcome: 'error', error, usage, cost }, { status: 'error', error, bill }],
    [
      'tool calls',
      end('tool_calls'),
      { status: 'error', error: { code: 'TOOL_CALLS', message: texts.toolCalls, actions: [] }, bill },
    ],
    ['no usage', { outcome: 'done', cost }, { status: 'done', bill: { usage: null, cost } }],
    [
      'counts that are none',
      { outcome: 'done', usage: { ...usage, promptTokens: Number.NaN }, cost },
      { status: 'done', bill: { usage: null, cost } },
    ],
  ];
  it.each(ends)('keeps its text and says how it ended: %s', async (_name, chatEnd, state) => {
    const { engine, send, answer } = started();
    send('q');
    engine.last.delta({ text: 'partial' });
    await engine.last.end(chatEnd);
    expect(answer()).toMatchObject({ text: 'partial' });
    expect(answer().state).toEqual(state);
    expect(engine.calls).toHaveLength(1);
  });

  it('whose error is longer than the protocol allows still reaches the panel', async () => {
    const { engine, send, answer } = started();
    send('q');
    const message = 'x'.repeat(MAX_SENTENCE_CHARS * 2);
    await engine.last.end({ outcome: 'error', error: { ...error, message }, cost });
    const { state } = answer();
    expect(state.status === 'error' && state.error.message).toHaveLength(MAX_SENTENCE_CHARS);
  });

  it('of an engine that throws is an error with a way to the log, and the fault is reported', async () => {
    const { engine, send, answer, reported } = started();
    send('q');
    const fault = new Error('boom');
    await engine.last.fail(fault);
    expect(answer().state).toMatchObject({ status: 'error', error: { code: 'INTERNAL', message: texts.unexpected } });
    expect(reported).toEqual([fault]);
  });

  it('stops at once, takes no more text, and gets its cost when the engine knows it', async () => {
    const { engine, send, answer, controller } = started();
    send('q');
    engine.last.delta({ text: 'half' });
    controller.receive({ type: 'stop' });
    expect(engine.last.signal.aborted).toBe(true);
    engine.last.delta({ text: ' and more' });
    expect(answer()).toMatchObject({ text: 'half', state: { status: 'stopped', bill: null } });
    await engine.last.end(end('cancelled'));
    expect(answer()).toMatchObject({ text: 'half', state: { status: 'stopped', bill } });
  });

  it('that was stopped stays stopped even if the engine had finished it', async () => {
    const { engine, send, answer, controller } = started();
    send('q');
    controller.stop();
    await engine.last.end(end('done'));
    expect(answer().state).toEqual({ status: 'stopped', bill });
  });

  it('that is stopped does not hold up the next question', async () => {
    const { engine, send, panel, controller } = started();
    send('one');
    const [first] = engine.calls;
    controller.stop();
    send('two');
    engine.last.delta({ text: 'b' });
    await first?.end(end('cancelled'));
    expect(panel().transcript).toMatchObject([
      {},
      { text: '', state: { status: 'stopped', bill } },
      {},
      { text: 'b', state: { status: 'streaming' } },
    ]);
  });

  it('that never ends is cut off at a bound and says so', async () => {
    const { engine, send, answer } = started();
    send('q');
    engine.last.delta({ text: 'x'.repeat(MAX_ANSWER_CHARS) });
    engine.last.delta({ text: 'y' });
    expect(engine.last.signal.aborted).toBe(true);
    await engine.last.end(end('cancelled'));
    expect(answer().text).toHaveLength(MAX_ANSWER_CHARS);
    expect(answer().state).toEqual({ status: 'truncated', bill });
  });
});

describe('a retry', () => {
  it('asks the last question again, and only when the user wishes', async () => {
    const { engine, send, answer, controller } = started();
    send('q');
    engine.last.delta({ text: 'half' });
    await engine.last.end(end('truncated'));
    expect(engine.calls).toHaveLength(1);
    const { id } = answer();
    controller.receive({ type: 'retry', id });
    expect(engine.calls).toHaveLength(2);
    expect(engine.last.request.messages).toEqual([{ role: 'user', content: 'q' }]);
    expect(engine.last.request.callId).not.toBe(id);
    expect(answer()).toMatchObject({ text: '', state: { status: 'streaming' } });
  });

  it('goes to the model that is chosen now, also for a good answer', async () => {
    const { engine, send, answer, controller } = started();
    send('q');
    engine.last.delta({ text: 'good' });
    await engine.last.end(end('done'));
    controller.selectModel('other');
    controller.receive({ type: 'retry', id: answer().id });
    expect(engine.last.request).toMatchObject({ model: 'other', messages: [{ role: 'user', content: 'q' }] });
    expect(answer()).toMatchObject({ model: 'other', text: '' });
  });

  it('is refused for an unknown answer, one that others follow, and while streaming', async () => {
    const { engine, send, answer, controller } = started();
    send('q');
    const { id } = answer();
    controller.receive({ type: 'retry', id });
    await engine.last.end(end('done'));
    controller.receive({ type: 'retry', id: 'gone' });
    send('another');
    await engine.last.end(end('done'));
    controller.receive({ type: 'retry', id });
    expect(engine.calls).toHaveLength(2);
  });
});

describe('Continue', () => {
  it.each(['truncated', 'length'] as const)(
    'goes on with an answer that ended as %s, in its place',
    async (outcome) => {
      const { engine, send, answer, controller, panel } = started();
      send('q');
      engine.last.delta({ text: 'The first ha' });
      await engine.last.end(end(outcome));
      const { id } = answer();
      controller.selectModel('another');
      controller.receive({ type: 'continue', id });
      expect(engine.last.request.model).toBe('gpt-4o-mini');
      expect(engine.last.request.messages).toEqual([
        { role: 'user', content: 'q' },
        { role: 'assistant', content: 'The first ha' },
        { role: 'user', content: expect.stringContaining('cut off') as string },
      ]);
      expect(engine.calls.map(({ request }) => request.callId)).toEqual([id, expect.not.stringMatching(id)]);
      expect(answer()).toMatchObject({
        id,
        text: 'The first ha',
        earlierBills: [bill],
        state: { status: 'streaming' },
      });
      engine.last.delta({ text: 'lf, and the second.' });
      await engine.last.end({ ...end('done'), cost: { text: '$0.0003', detail: '' } });
      expect(answer()).toMatchObject({
        text: 'The first half, and the second.',
        earlierBills: [bill],
        state: { status: 'done', bill: { cost: { text: '$0.0003' } } },
      });
      expect(panel().transcript).toHaveLength(2);
      send('next');
      expect(engine.last.request.messages[1]?.content).toBe('The first half, and the second.');
    },
  );

  it('goes on with the answer of a killed host, whose cost stays unknown', async () => {
    const memory = memoryStore();
    const first = started(memory);
    first.send('q');
    first.engine.last.delta({ text: 'half' });
    first.timers.advance(SAVE_MS);
    const { controller, engine, answer } = started(memory);
    controller.receive({ type: 'continue', id: answer().id });
    engine.last.delta({ text: ' and half' });
    await engine.last.end(end('done'));
    expect(answer()).toMatchObject({ text: 'half and half', earlierBills: [null], state: { status: 'done', bill } });
  });

  it('that fails keeps the text and may be tried again', async () => {
    const { engine, send, answer, controller } = started();
    send('q');
    engine.last.delta({ text: 'half' });
    await engine.last.end(end('truncated'));
    controller.receive({ type: 'continue', id: answer().id });
    const error = { code: 'NETWORK_ERROR', message: 'offline', actions: [] };
    await engine.last.end({ outcome: 'error', error, cost });
    expect(answer()).toMatchObject({ text: 'half', state: { status: 'error' } });
    controller.receive({ type: 'continue', id: answer().id });
    expect(engine.calls).toHaveLength(3);
  });

  it('can be stopped', async () => {
    const { engine, send, answer, controller } = started();
    send('q');
    engine.last.delta({ text: 'half' });
    await engine.last.end(end('length'));
    controller.receive({ type: 'continue', id: answer().id });
    controller.stop();
    expect(engine.last.signal.aborted).toBe(true);
    // Its request is not over, so it can't go on yet.
    controller.receive({ type: 'continue', id: answer().id });
    expect(engine.calls).toHaveLength(2);
    await engine.last.end(end('cancelled'));
    expect(answer()).toMatchObject({ text: 'half', earlierBills: [bill], state: { status: 'stopped', bill } });
  });

  it('is refused for a good answer, one without text, one that streams, and an unknown one', async () => {
    const { engine, send, answer, controller } = started();
    const wish = (): void => {
      controller.receive({ type: 'continue', id: answer().id });
    };
    send('q');
    wish();
    await engine.last.end(end('truncated'));
    wish();
    controller.receive({ type: 'retry', id: answer().id });
    engine.last.delta({ text: 'good' });
    await engine.last.end(end('done'));
    wish();
    controller.receive({ type: 'continue', id: 'gone' });
    expect(engine.calls).toHaveLength(2);
  });

  it('does not lengthen an answer beyond the bound', async () => {
    const { engine, send, answer, controller } = started();
    send('q');
    engine.last.delta({ text: 'x'.repeat(MAX_ANSWER_CHARS - 2) });
    await engine.last.end(end('length'));
    controller.receive({ type: 'continue', id: answer().id });
    engine.last.delta({ text: 'too long' });
    expect(engine.last.signal.aborted).toBe(true);
  });
});

describe('a new chat', () => {
  it('ends the request under way, and nothing of it comes back', async () => {
    const { engine, send, panel, controller } = started();
    send('q');
    controller.newChat();
    expect(engine.last.signal.aborted).toBe(true);
    engine.last.delta({ text: 'late' });
    await engine.last.end(end('cancelled'));
    expect(panel().transcript).toEqual([]);
  });
});

describe('the account', () => {
  it('stops the answer when the user signs out, and keeps the conversation', async () => {
    const { engine, send, answer, panel, controller } = started();
    send('q');
    controller.setAccount({ kind: 'signedOut' });
    await engine.last.end(end('cancelled'));
    expect(panel().account).toBe('signedOut');
    expect(answer().state.status).toBe('stopped');
    controller.setAccount(me);
    expect(panel().transcript).toHaveLength(2);
  });

  it('that is another one does not see the conversation or the draft', () => {
    const { send, panel, controller, draft, memory } = started();
    send('secret');
    controller.receive({ type: 'draft', draft: { text: 'half typed', revision: 5 } });
    controller.setAccount({ kind: 'signedOut' });
    controller.setAccount({ kind: 'ready', id: 'stranger' });
    expect(panel().transcript).toEqual([]);
    expect(draft()).toBe('');
    expect(JSON.stringify([...memory.values])).not.toMatch(/secret|half typed/u);
  });

  it('that is another one after a reload does not see them either', () => {
    const memory = memoryStore();
    const before = started(memory);
    before.send('secret');
    before.controller.dispose();
    expect(started(memory, { kind: 'ready', id: 'stranger' }).panel().transcript).toEqual([]);
    expect(JSON.stringify([...memory.values])).not.toContain('secret');
  });
});

describe('images', () => {
  const choices = ['seeing', 'blind'].map((id) => ({ id, label: id, detail: '', vision: id === 'seeing' }));
  const data = `data:image/png;base64,${Buffer.from('\x89PNG\r\n\x1a\nrest', 'latin1').toString('base64')}`;
  const image = { type: 'attach', name: 'a.png', data, thumbnail: 'data:image/webp;base64,AA==' } as const;
  function withImage(memory = memoryStore()) {
    const all = started(memory);
    all.controller.setModels(choices, 'seeing');
    all.controller.receive(image);
    return all;
  }

  it('go out with the question, whose bytes neither the panel nor the store gets', async () => {
    const { engine, send, panel, memory } = withImage();
    expect(panel().attachments).toEqual([{ id: 'id1', name: 'a.png', thumbnail: image.thumbnail }]);
    send('what is this?');
    expect(engine.last.request.messages).toEqual([{ role: 'user', content: 'what is this?', images: [data] }]);
    expect(panel().attachments).toEqual([]);
    expect(panel().transcript[0]).toMatchObject({ images: [{ id: 'id1', available: true }] });
    await engine.last.end(end('done'));
    send('and now?');
    expect(engine.last.request.messages[0]?.images).toEqual([data]);
    expect(JSON.stringify([...memory.values]) + JSON.stringify(panel())).not.toContain(data);
  });

  it('can be sent without words, and removed again', () => {
    const { engine, send, panel, controller } = withImage();
    controller.receive({ type: 'detach', id: 'id1' });
    expect(panel().attachments).toEqual([]);
    send('');
    expect(engine.calls).toHaveLength(0);
    controller.receive(image);
    send('');
    expect(engine.last.request.messages).toEqual([{ role: 'user', content: '', images: [data] }]);
  });

  it('are not sent to a model that does not see, which is told of those before', async () => {
    const { engine, send, controller } = withImage();
    controller.selectModel('blind');
    send('look');
    expect(engine.calls).toHaveLength(0);
    controller.selectModel('seeing');
    send('look');
    await engine.last.end(end('truncated'));
    controller.selectModel('blind');
    send('next');
    expect(engine.last.request.messages[0]).toEqual({
      role: 'user',
      content: expect.stringContaining("can't be shown") as string,
      images: [],
    });
  });

  it('of before a reload are shown as gone, and the model is told', () => {
    const memory = memoryStore();
    const first = withImage(memory);
    first.send('look');
    first.controller.dispose();
    const second = started(memory);
    second.controller.setModels(choices, 'seeing');
    expect(second.panel().transcript[0]).toMatchObject({ images: [{ thumbnail: image.thumbnail, available: false }] });
    second.send('next');
    expect(second.engine.last.request.messages[0]?.images).toEqual([]);
  });

  it('are bounded in number, and another account does not see them', () => {
    const { panel, controller } = withImage();
    for (let more = 0; more < MAX_IMAGES + 2; more += 1) {
      controller.receive(image);
    }
    expect(panel().attachments).toHaveLength(MAX_IMAGES);
    controller.setAccount({ kind: 'ready', id: 'stranger' });
    expect(panel().attachments).toEqual([]);
  });
});

describe('a machine without a connection', () => {
  const error = { code: 'NETWORK_ERROR', message: 'no way', actions: [], offline: true };

  it('is told of by the request that failed, until one gets through or the page knows better', async () => {
    const { engine, send, panel, controller, answer } = started();
    send('q');
    await engine.last.end({ outcome: 'error', error, cost });
    expect(panel().offline).toBe(true);
    controller.receive({ type: 'retry', id: answer().id });
    expect(panel().offline).toBe(true);
    engine.last.delta({ text: 'a' });
    expect(panel().offline).toBe(false);
    await engine.last.end({ outcome: 'error', error, cost });
    expect(panel().offline).toBe(true);
    controller.receive({ type: 'online' });
    expect(panel().offline).toBe(false);
  });

  it('is not to blame for other errors', async () => {
    const { engine, send, panel } = started();
    send('q');
    await engine.last.end({ outcome: 'error', error: { ...error, offline: false }, cost });
    expect(panel().offline).toBe(false);
  });
});

describe('a draft', () => {
  it('is kept over a reload, and gone once it was sent', () => {
    const memory = memoryStore();
    const first = started(memory);
    first.controller.receive({ type: 'draft', draft: { text: 'typed', revision: 5 } });
    first.controller.dispose();
    const second = started(memory);
    expect(second.draft()).toBe('typed');
    second.send('typed');
    second.controller.dispose();
    expect(started(memory).draft()).toBe('');
  });

  it.each([
    ['newer', 6, 'of the page'],
    ['as old', 5, 'of the host'],
    ['older', 4, 'of the host'],
  ])('that the page brings is taken when it is the newer one: %s', (_name, revision, expected) => {
    const { controller, draft } = started();
    controller.receive({ type: 'draft', draft: { text: 'of the host', revision: 5 } });
    controller.receive({ type: 'ready', draft: { text: 'of the page', revision } });
    expect(draft()).toBe(expected);
  });

  it('that was sent does not come back from a page that had not noticed', () => {
    const { controller, draft, send } = started();
    const typed = { text: 'typed', revision: 5 };
    controller.receive({ type: 'draft', draft: typed });
    send('typed');
    controller.receive({ type: 'ready', draft: typed });
    expect(draft()).toBe('');
  });

  it('stays when a question is refused', () => {
    const { controller, draft, send } = started(memoryStore(), null);
    controller.receive({ type: 'draft', draft: { text: 'typed', revision: 5 } });
    send('typed');
    controller.receive({ type: 'sync' });
    expect(draft()).toBe('typed');
  });
});

describe('a reload', () => {
  it('finds the partial answer of a killed host, marked as interrupted', () => {
    const memory = memoryStore();
    const { engine, send, timers } = started(memory);
    send('q');
    engine.last.delta({ text: 'half' });
    timers.advance(SAVE_MS);
    engine.last.delta({ text: ' lost' });
    expect(started(memory).answer()).toMatchObject({ text: 'half', state: { status: 'interrupted' } });
  });

  it('finds everything of a host that ended in order, and the request is cancelled', async () => {
    const memory = memoryStore();
    const { engine, send, controller } = started(memory);
    send('q');
    engine.last.delta({ text: 'half' });
    controller.dispose();
    expect(engine.last.signal.aborted).toBe(true);
    await engine.last.end(end('cancelled'));
    expect(started(memory).answer()).toMatchObject({ text: 'half', state: { status: 'interrupted' } });
  });

  it('reports a store that fails and goes on', async () => {
    const memory = { ...memoryStore(), update: () => Promise.reject(new Error('disk full')) };
    const { send, engine, reported } = started(memory);
    send('q');
    await settled();
    expect(engine.calls).toHaveLength(1);
    expect(reported).toContainEqual(new Error('disk full'));
  });
});

describe('the model', () => {
  const choices = ['gpt-4o-mini', 'big'].map((id) => ({
    id,
    label: id.toUpperCase(),
    detail: '',
    vision: id === 'big',
  }));

  it('is the default until the user picks one, which is kept', () => {
    const memory = memoryStore();
    const first = started(memory);
    first.controller.setModels(choices, 'gpt-4o-mini');
    expect(first.panel().model.label).toBe('GPT-4O-MINI');
    first.controller.selectModel('big');
    first.send('q');
    expect(first.engine.last.request.model).toBe('big');
    const second = started(memory);
    expect(second.controller.model).toBe('big');
    second.controller.setModels(choices, 'gpt-4o-mini');
    expect(second.panel().model.label).toBe('BIG');
  });

  it('follows the setting at once, unless the user picked one', () => {
    const { controller, panel } = started();
    controller.setModels(choices, 'gpt-4o-mini');
    controller.setDefaultModel('big');
    expect(panel().model.label).toBe('BIG');
    controller.selectModel('gpt-4o-mini');
    controller.setDefaultModel('unheard-of');
    expect(panel().model.label).toBe('GPT-4O-MINI');
  });

  it('falls back to the default when the picked one is no longer offered', () => {
    const { controller } = started();
    controller.setModels(choices, 'gpt-4o-mini');
    controller.selectModel('big');
    controller.setModels(choices.slice(0, 1), 'gpt-4o-mini');
    expect(controller.model).toBe('gpt-4o-mini');
  });

  it('is not chosen from those of another account, or of the server before', () => {
    const { controller } = started();
    controller.setAccount({ kind: 'ready', id: 'me' });
    for (const account of [{ kind: 'restoring' }, { kind: 'signedOut' }, { kind: 'ready', id: 'other' }] as const) {
      controller.setModels(choices, 'gpt-4o-mini');
      controller.setAccount(account);
      expect(controller.models, account.kind).toEqual([]);
    }
    controller.setModels(choices, 'gpt-4o-mini');
    controller.setAccount({ kind: 'ready', id: 'other' });
    expect(controller.models).toHaveLength(2);
  });

  it('is named as it is when the host does not know it', () => {
    const { controller, panel } = started();
    controller.setModels([], 'unheard-of');
    expect(panel().model).toEqual({ id: 'unheard-of', label: 'unheard-of', detail: '', vision: false });
  });
});

describe('a notice', () => {
  it('is shown and taken away', () => {
    const { controller, panel } = started();
    const notice = { kind: 'warning', text: 'offline', actions: [] } as const;
    controller.setNotice(notice);
    expect(panel().notice).toEqual(notice);
    controller.setNotice(null);
    expect(panel().notice).toBeNull();
  });
});
