// @vitest-environment jsdom
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import type { PanelEvent, PanelState } from '../../../extension/src/chat/panelState.ts';
import type { PanelMessage } from '../../../extension/src/chat/protocol.ts';
import type { Answer, AnswerState } from '../../../extension/src/chat/transcript.ts';
import { App } from '../../../extension/webview/app.ts';
import { Host } from '../../../extension/webview/host.ts';
import { bill, ManualTimers, model } from '../chat/support.ts';
import { readerInTests } from './images.ts';
import { strings } from './strings.ts';

const ready: PanelState = { account: 'ready', model, notice: null, offline: false, transcript: [], attachments: [] };
const answer = (state: AnswerState, text = 'An **answer**'): Answer => ({
  role: 'assistant',
  id: 'a1',
  model: 'gpt-4o-mini',
  text,
  reasoning: '',
  earlierBills: [],
  state,
});
const withAnswer = (state: AnswerState, text?: string): PanelState => ({
  ...ready,
  transcript: [{ role: 'user', id: 'q1', text: 'Why?', images: [] }, answer(state, text)],
});

afterEach(() => {
  vi.useRealTimers();
});

beforeEach(() => {
  document.body.replaceChildren();
  document.documentElement.lang = 'en';
});

/** The panel on a page, with a host that is played by hand. */
function opened(kept?: unknown) {
  const timers = new ManualTimers();
  const sent: PanelMessage[] = [];
  let saved = kept;
  let seq = 0;
  const api = {
    postMessage: (message: unknown) => sent.push(message as PanelMessage),
    getState: () => saved,
    setState: (state: unknown) => {
      saved = state;
    },
  };
  const app = new App(
    document.body,
    new Host(api),
    strings,
    {
      now: () => 0,
      frame: (callback) => timers.schedule(callback, 16),
      after: timers.schedule,
    },
    readerInTests,
  );
  app.start();
  const state = (next: PanelState, draft = { text: '', revision: 0 }): void => {
    seq += 1;
    app.receive({ type: 'state', seq, state: next, draft });
    timers.advance(16);
  };
  const patch = (...events: PanelEvent[]): void => {
    seq += 1;
    app.receive({ type: 'patch', seq, events });
    timers.advance(16);
  };
  return { app, sent, timers, state, patch, saved: () => saved, skip: () => (seq += 1) };
}

function element(selector: string): HTMLElement {
  const found = document.querySelector<HTMLElement>(selector);
  if (found === null) {
    throw new Error(`nothing matches ${selector}`);
  }
  return found;
}
const byTestId = (id: string): HTMLElement => element(`[data-testid="${id}"]`);
const isShown = (selector: string): boolean => {
  const found = document.querySelector(selector);
  return found !== null && found.closest('[hidden]') === null;
};
/** The line below the answer as it is seen. */
function factsText(): string {
  const line = element('.facts-text').cloneNode(true) as HTMLElement;
  for (const hidden of line.querySelectorAll('.visually-hidden')) {
    hidden.remove();
  }
  return line.textContent;
}
const prompt = (): HTMLTextAreaElement => byTestId('prompt') as HTMLTextAreaElement;
function type(text: string): void {
  prompt().value = text;
  prompt().dispatchEvent(new Event('input', { bubbles: true }));
}
function key(target: HTMLElement, name: string, init: KeyboardEventInit = {}): void {
  target.dispatchEvent(new KeyboardEvent('keydown', { key: name, bubbles: true, cancelable: true, ...init }));
}

describe('the screens', () => {
  it.each([
    ['signedOut', '[data-testid="sign-in"]:enabled', false],
    ['restoring', '.screen[role="status"]', false],
    ['ready', '[data-testid="empty"]', true],
  ] as const)('show where the account stands: %s', (account, selector, hasPrompt) => {
    opened().state({ ...ready, account });
    expect(isShown(selector)).toBe(true);
    expect(isShown('[data-testid="prompt"]')).toBe(hasPrompt);
  });

  it('offer to sign in', () => {
    const { sent, state } = opened();
    state({ ...ready, account: 'signedOut' });
    byTestId('sign-in').click();
    expect(sent.at(-1)).toEqual({ type: 'action', id: 'signIn' });
  });

  it('hide the conversation of who is signed out', () => {
    const { state } = opened();
    state({ ...withAnswer({ status: 'done', bill }), account: 'signedOut' });
    expect(document.querySelector('article')).toBeNull();
  });

  it('suggest prompts that the user completes and sends', () => {
    const { sent, state } = opened();
    state(ready);
    element('.suggestion').click();
    expect(prompt().value).toBe(strings.suggestions[0]?.prompt);
    expect(document.activeElement).toBe(prompt());
    expect(sent.some(({ type }) => type === 'send')).toBe(false);
  });
});

describe('an answer', () => {
  /** Where Retry and Continue are offered. */
  const ends: [AnswerState, string | null, boolean, boolean][] = [
    [{ status: 'done', bill }, null, true, false],
    [{ status: 'stopped', bill: null }, strings.statusStopped, true, false],
    [{ status: 'stopped', bill }, strings.statusStopped, true, true],
    [{ status: 'truncated', bill }, strings.statusTruncated, true, true],
    [{ status: 'length', bill }, strings.statusLength, true, true],
    [{ status: 'filtered', bill }, strings.statusFiltered, true, false],
    [{ status: 'interrupted' }, strings.statusInterrupted, true, true],
  ];
  it.each(ends)('keeps its text and says how it ended: $status', (state, status, retry, goOn) => {
    opened().state(withAnswer(state));
    const article = element('[data-message-role="assistant"]');
    expect(article.dataset['status']).toBe(state.status);
    expect(article.querySelector('strong')?.textContent).toBe('answer');
    expect(article.querySelector('.status')?.textContent ?? null).toBe(status);
    expect(isShown('[data-testid="retry"]')).toBe(retry);
    expect(isShown('[data-testid="continue"]')).toBe(goOn);
  });

  it('says what it cost, by which model and with how many tokens', () => {
    opened().state(withAnswer({ status: 'done', bill }));
    expect(factsText()).toBe('gpt-4o-mini · 30 tokens · $0.0012');
    expect(
      Array.from(document.querySelectorAll('.facts-text .visually-hidden'), (detail) => detail.textContent),
    ).toEqual([' (10 in, 20 out)', ' (Reported by the proxy)']);
    expect(byTestId('cost').textContent).toBe('$0.0012');
    expect(byTestId('cost').title).toBe('Reported by the proxy');
    expect(byTestId('tokens').title).toBe('10 in, 20 out');
  });

  it.each([[{ status: 'stopped', bill: null }], [{ status: 'interrupted' }]] as [AnswerState][])(
    'does not invent a cost that is not known: %j',
    (state) => {
      opened().state(withAnswer(state));
      expect(document.querySelector('[data-testid="cost"]')).toBeNull();
      expect(element('.facts-text').textContent).toContain(strings.costUnknown);
    },
  );

  it('that was continued shows what each part cost, and grows in its place', () => {
    const { sent, state, patch } = opened();
    state(withAnswer({ status: 'length', bill }, 'one'));
    const article = element('[data-message-role="assistant"]');
    byTestId('continue').click();
    expect(sent.at(-1)).toEqual({ type: 'continue', id: 'a1' });
    expect(document.activeElement).toBe(prompt());
    patch({ type: 'continued', id: 'a1' }, { type: 'grew', id: 'a1', text: ' two', reasoning: '' });
    expect(factsText()).toBe('gpt-4o-mini · 30 tokens · $0.0012');
    const second = {
      usage: { ...bill.usage, promptTokens: 20, totalTokens: 41 },
      cost: { text: '≈ $0.0003', detail: 'Estimated' },
    };
    patch({ type: 'ended', id: 'a1', state: { status: 'done', bill: second } });
    expect(article.isConnected).toBe(true);
    expect(article.querySelector('.markdown')?.textContent.trim()).toBe('one two');
    expect(factsText()).toBe('gpt-4o-mini · 30 + 41 tokens · $0.0012 + ≈ $0.0003');
    expect(Array.from(byTestId('cost').children, (figure) => figure.textContent)).toEqual(['$0.0012', '≈ $0.0003']);
    expect(byTestId('cost').title).toBe('Reported by the proxy; Estimated');
    expect(byTestId('tokens').title).toBe('10 in, 20 out; 20 in, 20 out');
  });

  it('says when one of its parts has no known cost', () => {
    const answered = { ...answer({ status: 'done', bill }), earlierBills: [null] };
    opened().state({ ...ready, transcript: [answered] });
    expect(factsText()).toContain(`$0.0012 · ${strings.costPartlyUnknown}`);
  });

  it('that failed shows the error, its next steps and Retry below the partial text', () => {
    const { sent, state } = opened();
    const error = {
      code: 'NETWORK_ERROR',
      message: 'The network is down.',
      actions: [{ id: 'openSettings', label: 'Settings' }],
    };
    state(withAnswer({ status: 'error', error, bill: null }));
    expect(element('.markdown').textContent).toContain('answer');
    expect(element('.error-card p').textContent).toBe('The network is down.');
    element('[data-action="openSettings"]').click();
    byTestId('retry').click();
    expect(sent.slice(-2)).toEqual([
      { type: 'action', id: 'openSettings' },
      { type: 'retry', id: 'a1' },
    ]);
  });

  it('grows with the patches, and its end takes the place of the waiting sign', () => {
    const { state, patch } = opened();
    state(withAnswer({ status: 'streaming' }, ''));
    expect(isShown('.waiting')).toBe(true);
    patch({ type: 'grew', id: 'a1', text: 'Hello **wor', reasoning: 'hm' });
    patch({ type: 'grew', id: 'a1', text: 'ld**', reasoning: '' });
    expect(element('.markdown strong').textContent).toBe('world');
    expect(element('.thoughts-text').textContent).toBe('hm');
    patch({ type: 'ended', id: 'a1', state: { status: 'done', bill } });
    expect(isShown('.waiting')).toBe(false);
    expect(byTestId('cost').textContent).toBe('$0.0012');
  });

  it('hands links and code to the host', () => {
    vi.useFakeTimers({ toFake: ['setTimeout'] });
    const { sent, state } = opened();
    state(withAnswer({ status: 'done', bill }, '[x](https://example.com/a)\n\n```\nlet a\n```'));
    const click = new MouseEvent('click', { bubbles: true, cancelable: true });
    element('.markdown a').dispatchEvent(click);
    expect(click.defaultPrevented).toBe(true);
    element('.copy-code').click();
    expect(element('.copy-code').textContent).toBe(strings.copied);
    expect(element('.copy-code').getAttribute('aria-label')).toBe(strings.copied);
    expect(element('.visually-hidden > [role="status"]').textContent).toBe(strings.copied);
    vi.runAllTimers();
    expect(element('.copy-code').getAttribute('aria-label')).toBe(strings.copy);
    element('.insert-code').click();
    element('.copy-answer').click();
    expect(sent.slice(-4)).toEqual([
      { type: 'openLink', href: 'https://example.com/a' },
      { type: 'copy', text: 'let a' },
      { type: 'insertCode', text: 'let a' },
      { type: 'copy', text: '[x](https://example.com/a)\n\n```\nlet a\n```' },
    ]);
  });

  it('whose code was inserted says so to people who listen', () => {
    const { app, state } = opened();
    state(withAnswer({ status: 'done', bill }));
    app.receive({ type: 'inserted' });
    expect(element('.visually-hidden > [role="status"]').textContent).toBe(strings.inserted);
  });

  it('is read out once, when it is whole', () => {
    const { state, patch } = opened();
    const log = element('[role="log"]');
    expect(log.getAttribute('aria-live')).toBe('polite');
    state(withAnswer({ status: 'streaming' }, ''));
    expect(log.textContent).toBe(strings.answering);
    patch({ type: 'grew', id: 'a1', text: 'Hello **world**', reasoning: '' });
    expect(log.textContent).toBe(strings.answering);
    patch({ type: 'ended', id: 'a1', state: { status: 'stopped', bill } });
    expect(log.textContent).toBe(`Hello world${strings.statusStopped}`);
  });

  it('of before is not read out', () => {
    opened().state(withAnswer({ status: 'done', bill }));
    expect(element('[role="log"]').textContent).toBe('');
  });
});

describe('the prompt', () => {
  it.each([
    ['Enter', {}, true],
    ['Enter', { shiftKey: true }, false],
    ['Enter', { isComposing: true }, false],
    ['a', {}, false],
  ] as const)('sends on Enter alone: %s %j', (name, init, sends) => {
    const { sent, state } = opened();
    state(ready);
    type('Why?');
    key(prompt(), name, init);
    expect(sent.some(({ type }) => type === 'send')).toBe(sends);
  });

  it('is emptied when the question is in the conversation, not before, and keeps what was typed since', () => {
    const { state, patch } = opened();
    state(ready);
    type('Why?');
    byTestId('send').click();
    expect(prompt().value).toBe('Why?');
    type('Why? And');
    patch({ type: 'asked', user: { id: 'q1', text: 'Why?', images: [] }, answer: { id: 'a1', model: 'm' } });
    expect(prompt().value).toBe(' And');
  });

  it('cannot be sent empty', () => {
    opened().state(ready);
    type('  \n ');
    expect(byTestId('send').matches(':disabled')).toBe(true);
  });

  it('is kept by the page at once and by the host soon', () => {
    const { sent, state, timers, saved } = opened();
    state(ready);
    type('ty');
    type('typed');
    expect(saved()).toEqual({ draft: { text: 'typed', revision: 2 } });
    timers.advance(1_000);
    expect(sent.filter(({ type }) => type === 'draft')).toEqual([
      { type: 'draft', draft: { text: 'typed', revision: 2 } },
    ]);
  });

  it('is told to the host when the page is left', () => {
    const { app, sent, state } = opened();
    state(ready);
    type('typed');
    app.leaving();
    expect(sent.at(-1)).toEqual({ type: 'draft', draft: { text: 'typed', revision: 1 } });
  });

  it('comes back from the page, else from the host', () => {
    const kept = { text: 'kept', revision: 4 };
    const { sent } = opened({ draft: kept });
    expect(prompt().value).toBe('kept');
    expect(sent).toEqual([{ type: 'ready', draft: kept }]);
    document.body.replaceChildren();
    const second = opened({ draft: 7 });
    expect(second.sent).toEqual([{ type: 'ready', draft: null }]);
    second.state(ready, { text: 'of the host', revision: 4 });
    expect(prompt().value).toBe('of the host');
  });

  it.each([
    ['the host does not know it yet', 4, 'newer'],
    ['the host has a newer one', 6, 'of the host'],
  ])('is replaced by a replay only with newer text: %s', (_name, revision, expected) => {
    const { state } = opened();
    state(ready, { text: '', revision: 4 });
    type('newer');
    state(ready, { text: 'of the host', revision });
    expect(prompt().value).toBe(expected);
  });

  it('gets the cursor when the host says so', () => {
    const { app, state } = opened();
    state(ready);
    app.receive({ type: 'focus' });
    expect(document.activeElement).toBe(prompt());
  });

  it('gets the cursor as soon as it is shown, when the host said so before', () => {
    const { app, state } = opened();
    const focus = vi.spyOn(prompt(), 'focus').mockImplementation(() => undefined);
    state({ ...ready, account: 'restoring' });
    app.receive({ type: 'focus' });
    // A browser gives no focus to what is hidden; the page of the test would.
    expect(isShown('[data-testid="prompt"]')).toBe(false);
    focus.mockRestore();
    state(ready);
    expect(document.activeElement).toBe(prompt());
  });

  it('does not take the cursor later, when it is not shown for want of somebody who is signed in', () => {
    const { app, state } = opened();
    state({ ...ready, account: 'signedOut' });
    const focus = vi.spyOn(prompt(), 'focus');
    app.receive({ type: 'focus' });
    focus.mockClear();
    state({ ...ready, account: 'signedOut' });
    state(ready);
    expect(focus).not.toHaveBeenCalled();
  });
});

describe('images', () => {
  const image = { id: 'i1', name: 'a.png', thumbnail: 'data:image/webp;base64,AA==' };
  const png = new File([Uint8Array.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])], 'image.png');
  function give(
    target: HTMLElement,
    event: 'paste' | 'drop',
    files: readonly File[],
    texts: Readonly<Record<string, string>> = {},
  ): Event {
    const given = new Event(event, { bubbles: true, cancelable: true });
    const data = { files, types: ['Files', ...Object.keys(texts)], getData: (type: string) => texts[type] ?? '' };
    target.dispatchEvent(Object.assign(given, { clipboardData: data, dataTransfer: data }));
    return given;
  }

  it.each(['paste', 'drop'] as const)('of a %s go to the host', async (event) => {
    const { sent, state } = opened();
    state(ready);
    expect(give(prompt(), event, [png]).defaultPrevented).toBe(true);
    await vi.waitFor(() => {
      expect(sent.at(-1)).toMatchObject({ type: 'attach', name: strings.pastedImage });
    });
  });

  it('that were picked go the same way', async () => {
    const { app, sent, state } = opened();
    state(ready);
    byTestId('attach').click();
    expect(sent.at(-1)).toEqual({ type: 'pickImages' });
    app.receive({ type: 'picked', name: 'b.png', bytes: new Uint8Array(await new Response('x').arrayBuffer()) });
    app.receive({ type: 'picked', name: 'large.png', bytes: null });
    await vi.waitFor(() => {
      expect(element('.composer-words').textContent).toContain('large.png');
    });
  });

  it('leave a paste of text alone', () => {
    opened().state(ready);
    expect(give(prompt(), 'paste', []).defaultPrevented).toBe(false);
  });

  it.each([
    ['cells of a spreadsheet', { 'text/plain': 'a\tb', 'text/html': '<table></table>' }, false],
    ['an image of a web page', { 'text/html': '<img>' }, true],
    ['a file, whose name is there, too', { 'text/plain': 'a.png' }, true],
  ])('are what a paste means or not: %s', (_name, texts, isImage) => {
    opened().state(ready);
    expect(give(prompt(), 'paste', [png], texts).defaultPrevented).toBe(isImage);
  });

  it('are shown by the prompt, can be removed, and are enough for a question', () => {
    const { sent, state } = opened();
    state({ ...ready, attachments: [image] });
    expect(element('.composer img').getAttribute('alt')).toBe('a.png');
    expect(byTestId('send').matches(':enabled')).toBe(true);
    byTestId('send').click();
    expect(sent.at(-1)).toEqual({ type: 'send', text: '' });
    element('.remove-image').click();
    expect(sent.at(-1)).toEqual({ type: 'detach', id: 'i1' });
    expect(element('.remove-image').getAttribute('aria-label')).toBe('Remove a.png');
  });

  it('are not for a model that does not see: words say so, and offer another', () => {
    const { sent, state } = opened();
    state({ ...ready, model: { ...model, vision: false }, attachments: [image] });
    type('look');
    expect(byTestId('send').matches(':disabled')).toBe(true);
    expect(element('.composer-words').textContent).toContain('can’t see images');
    element('.composer-words button').click();
    expect(sent.at(-1)).toEqual({ type: 'pickModel' });
  });

  it('of a question stay in the conversation, and it says when one is gone', () => {
    const { state, patch } = opened();
    const images = [{ ...image, available: true }];
    state({ ...ready, transcript: [{ role: 'user', id: 'q1', text: '', images }] });
    expect(element('.question img').getAttribute('alt')).toBe('a.png');
    patch({ type: 'imagesGone', ids: ['i1'] });
    expect(element('.question .image-gone').textContent).toContain('no longer here');
  });
});

describe('the reader’s place', () => {
  const long = withAnswer({ status: 'done', bill });
  /** An area of 100 pixels with 1,000 in it. */
  function scrollable(): HTMLElement {
    const area = element('.area');
    let top = 0;
    Object.defineProperties(area, {
      clientHeight: { get: () => 100 },
      scrollHeight: { get: () => 1_000 },
      scrollTop: {
        get: () => top,
        set: (value: number) => {
          top = Math.min(value, 900);
        },
      },
    });
    return area;
  }
  function read(area: HTMLElement, top: number): void {
    area.scrollTop = top;
    area.dispatchEvent(new Event('scroll'));
  }

  it('is kept when the panel is hidden and shown again, beside the draft', () => {
    const { state, saved, timers } = opened();
    const area = scrollable();
    state(long);
    expect(area.scrollTop).toBe(900);
    read(area, 300);
    timers.advance(1_000);
    type('typed');
    expect(saved()).toEqual({ draft: { text: 'typed', revision: 1 }, place: { question: 'q1', top: 300 } });
    document.body.replaceChildren();
    const again = opened(saved());
    const newArea = scrollable();
    again.state(long);
    expect(newArea.scrollTop).toBe(300);
    expect(isShown('.to-end')).toBe(true);
    read(newArea, 900);
    again.app.leaving();
    expect(again.saved()).toEqual({ draft: { text: 'typed', revision: 1 } });
  });

  it('is the end again by its button, which leaves the focus in the conversation', () => {
    const { app, state } = opened();
    const area = scrollable();
    state(long);
    read(area, 300);
    element('.to-end').focus();
    element('.to-end').click();
    expect(area.scrollTop).toBe(900);
    expect(isShown('.to-end')).toBe(false);
    expect(document.activeElement).toBe(app.area);
  });

  it('is not that of another conversation', () => {
    const { state } = opened({ place: { question: 'q0', top: 300 } });
    const area = scrollable();
    state(long);
    expect(area.scrollTop).toBe(900);
  });

  it.each(['signedOut', 'ready'] as const)(
    'is the beginning of what stands there without a conversation: %s',
    (account) => {
      const { app, state } = opened();
      const area = scrollable();
      state(long);
      state({ ...ready, account });
      expect(area.scrollTop).toBe(0);
      read(area, 500);
      read(area, 300);
      app.resized();
      expect(area.scrollTop).toBe(300);
      expect(isShown('.to-end')).toBe(false);
      state(long);
      expect(area.scrollTop).toBe(900);
    },
  );
});

describe('while an answer streams', () => {
  it('Stop takes the place of Send, and Escape stops too', () => {
    const { sent, state } = opened();
    state(withAnswer({ status: 'streaming' }));
    expect(isShown('[data-testid="send"]')).toBe(false);
    byTestId('stop').click();
    key(document.body, 'Escape');
    expect(sent.slice(-2)).toEqual([{ type: 'stop' }, { type: 'stop' }]);
  });

  it('Enter sends nothing and the prompt stays', () => {
    const { sent, state } = opened();
    state(withAnswer({ status: 'streaming' }));
    type('next');
    key(prompt(), 'Enter');
    expect(sent.some(({ type }) => type === 'send')).toBe(false);
    expect(prompt().value).toBe('next');
  });

  it('the focus is not lost when Stop goes away', () => {
    const { state, patch } = opened();
    state(withAnswer({ status: 'streaming' }));
    byTestId('stop').focus();
    patch({ type: 'ended', id: 'a1', state: { status: 'done', bill } });
    expect(document.activeElement).toBe(prompt());
  });

  it('Escape does nothing otherwise', () => {
    const { sent, state } = opened();
    state(withAnswer({ status: 'done', bill }));
    key(document.body, 'Escape');
    expect(sent.some(({ type }) => type === 'stop')).toBe(false);
  });
});

describe('the wire', () => {
  it('asks once for a replay when a patch is missing, and then goes on', () => {
    const { sent, state, patch, skip } = opened();
    state(withAnswer({ status: 'streaming' }, 'one'));
    skip();
    patch({ type: 'grew', id: 'a1', text: ' three', reasoning: '' });
    patch({ type: 'grew', id: 'a1', text: ' four', reasoning: '' });
    expect(sent.filter(({ type }) => type === 'sync')).toHaveLength(1);
    expect(element('.markdown').textContent.trim()).toBe('one');
    state(withAnswer({ status: 'streaming' }, 'one two three four'));
    expect(element('.markdown').textContent.trim()).toBe('one two three four');
  });

  it('takes no message that is not of the protocol', () => {
    const { app, state } = opened();
    state(ready);
    for (const message of [null, 1, 'x', {}, { type: 'state', seq: 9, state: {}, draft: '' }]) {
      app.receive(message);
    }
    expect(isShown('[data-testid="empty"]')).toBe(true);
  });
});

describe('without a connection', () => {
  it('the panel says so and keeps what is typed, and the host hears when it is back', () => {
    const { app, sent, state, timers } = opened();
    state(ready);
    type('typed');
    app.connectionChanged(false);
    timers.advance(16);
    expect(element('.notice').textContent).toBe(strings.offline);
    expect(prompt().value).toBe('typed');
    expect(byTestId('send').matches(':enabled')).toBe(true);
    app.connectionChanged(true);
    timers.advance(16);
    expect(isShown('.notice')).toBe(false);
    expect(sent.filter((message) => message.type === 'online')).toHaveLength(1);
  });

  it('the answer that failed can be tried again from the notice', () => {
    const { sent, state, patch } = opened();
    const error = { code: 'NETWORK_ERROR', message: 'no way', actions: [] };
    state({ ...withAnswer({ status: 'error', error, bill: null }), offline: true });
    element('.notice [data-action="retry"]').click();
    expect(sent.at(-1)).toEqual({ type: 'retry', id: 'a1' });
    patch({ type: 'connectionChanged', offline: false });
    expect(isShown('.notice')).toBe(false);
  });
});

describe('the notice and the model', () => {
  it('are shown at the prompt, with what can be done', () => {
    const { sent, state, patch } = opened();
    state({ ...ready, notice: { kind: 'warning', text: 'Offline.', actions: [{ id: 'check', label: 'Check' }] } });
    expect(element('.notice span').textContent).toBe('Offline.');
    element('[data-action="check"]').click();
    patch(
      { type: 'noticeChanged', notice: null },
      { type: 'modelChanged', model: { id: 'b', label: 'Big', detail: '', vision: false } },
    );
    expect(isShown('.notice')).toBe(false);
    expect(byTestId('pick-model').getAttribute('aria-label')).toBe('Model: Big. Choose another');
    byTestId('pick-model').click();
    expect(sent.slice(-2)).toEqual([{ type: 'action', id: 'check' }, { type: 'pickModel' }]);
  });
});
