import { describe, expect, it } from 'vitest';

import {
  isOpenableLink,
  MAX_PROMPT_CHARS,
  parseHostMessage,
  parsePanelMessage,
} from '../../../extension/src/chat/protocol.ts';
import type { PanelMessage } from '../../../extension/src/chat/protocol.ts';

describe('messages of the panel', () => {
  const good: PanelMessage[] = [
    { type: 'ready', draft: null },
    { type: 'ready', draft: { text: 'kept', revision: 1 } },
    { type: 'sync' },
    { type: 'send', text: 'hi' },
    { type: 'stop' },
    { type: 'newChat' },
    { type: 'retry', id: 'a' },
    { type: 'continue', id: 'a' },
    { type: 'draft', draft: { text: '', revision: 0 } },
    { type: 'pickModel' },
    { type: 'action', id: 'signIn' },
    { type: 'openLink', href: 'https://example.com/' },
    { type: 'insertCode', text: 'a' },
    { type: 'pickImages' },
    { type: 'online' },
    { type: 'detach', id: 'a' },
    {
      type: 'attach',
      name: 'a',
      data: 'data:image/png;base64,iVBORw0KGgoAAAANSUhEUg==',
      thumbnail: 'data:image/webp;base64,AA==',
    },
    { type: 'copy', text: 'x' },
  ];
  it.each(good.map((message) => [message.type, message] as const))('are understood: %s', (_type, message) => {
    expect(parsePanelMessage(message)).toEqual(message);
  });

  const bad: [string, unknown][] = [
    ['null', null],
    ['a text', 'ready'],
    ['an unknown type', { type: 'eval', code: '1' }],
    ['a missing field', { type: 'send' }],
    ['a wrong type', { type: 'send', text: 1 }],
    ['too long a prompt', { type: 'send', text: 'x'.repeat(MAX_PROMPT_CHARS + 1) }],
    ['an empty id', { type: 'retry', id: '' }],
    [
      'an image that is none',
      {
        type: 'attach',
        name: 'a',
        data: 'data:image/png;base64,AAAAAAAAAAAAAAAA',
        thumbnail: 'data:image/webp;base64,AA==',
      },
    ],
    [
      'a thumbnail from elsewhere',
      {
        type: 'attach',
        name: 'a',
        data: 'data:image/png;base64,iVBORw0KGgoAAAANSUhEUg==',
        thumbnail: 'https://evil.example/a.png',
      },
    ],
    ['a link that acts', { type: 'openLink', href: 'command:workbench.action.quit' }],
  ];
  it.each(bad)('are refused: %s', (_name, message) => {
    expect(parsePanelMessage(message)).toBeNull();
  });

  it('lose fields that the protocol does not have', () => {
    expect(parsePanelMessage({ type: 'stop', extra: 1 })).toEqual({ type: 'stop' });
  });
});

describe('messages of the host', () => {
  it.each([[null], [{ type: 'patch', seq: -1, events: [] }], [{ type: 'patch', seq: 1, events: [{ type: '?' }] }]])(
    'are refused when they are not of the protocol: %j',
    (message) => {
      expect(parseHostMessage(message)).toBeNull();
    },
  );
});

describe('links', () => {
  it.each(['https://example.com/a?b#c', 'http://localhost:3000', 'HTTPS://EXAMPLE.COM', 'mailto:a@example.com'])(
    'to the web may be opened: %s',
    (href) => {
      expect(isOpenableLink(href)).toBe(true);
    },
  );

  it.each([
    'javascript:alert(1)',
    ' https://example.com',
    'java\nscript:alert(1)',
    'command:x',
    'vscode://a.b/c',
    'file:///etc/passwd',
    'data:text/html,x',
    '//example.com',
    '/relative',
    '#top',
    'https://',
    '',
    `https://example.com/${'x'.repeat(9_000)}`,
  ])('of other kinds may not: %j', (href) => {
    expect(isOpenableLink(href)).toBe(false);
  });
});
