import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import {
  MAX_IMAGES_BYTES,
  MAX_IMAGE_BYTES,
  UnsendableImage,
  toConversation,
} from '../../../extension/src/lm/messages.ts';
import type { RequestMessage, RequestPart } from '../../../extension/src/lm/parts.ts';

const text = (value: string): RequestPart & { kind: 'text' } => ({ kind: 'text', text: value });
const image = (bytes: Uint8Array, mimeType = 'image/png'): RequestPart & { kind: 'image' } => ({
  kind: 'image',
  mimeType,
  bytes,
});
const user = (...parts: readonly RequestPart[]): RequestMessage => ({ role: 'user', parts });
const assistant = (...parts: readonly RequestPart[]): RequestMessage => ({ role: 'assistant', parts });
const system = (...parts: readonly RequestPart[]): RequestMessage => ({ role: 'system', parts });
const call = (id: string): RequestPart => ({ kind: 'toolCall', id, name: 'read', input: { path: id } });
const result = (
  callId: string,
  ...content: readonly (RequestPart & { kind: 'text' | 'image' | 'file' })[]
): RequestPart => ({
  kind: 'toolResult',
  callId,
  content,
});

const dot = Uint8Array.of(1, 2, 3);
const dotUrl = 'data:image/png;base64,AQID';
const fileText = { kind: 'file', mimeType: 'application/pdf' } as const;
const note: RequestPart = { kind: 'other', what: 'cache_control' };

describe('a conversation', () => {
  it.each<[string, readonly RequestMessage[], unknown]>([
    [
      'keeps roles and order',
      [system(text('s')), user(text('u')), assistant(text('a')), user(text('v'))],
      [
        { role: 'system', text: 's' },
        { role: 'user', parts: [{ type: 'text', text: 'u' }] },
        { role: 'assistant', text: 'a' },
        { role: 'user', parts: [{ type: 'text', text: 'v' }] },
      ],
    ],
    [
      'makes one text of texts beside each other, and keeps images in their place',
      [user(text('a'), text('b'), image(dot), text('c'), text(''), text('d'))],
      [
        {
          role: 'user',
          parts: [
            { type: 'text', text: 'ab' },
            { type: 'image_url', imageUrl: { url: dotUrl } },
            { type: 'text', text: 'cd' },
          ],
        },
      ],
    ],
    [
      'keeps messages of the user apart',
      [user(text('a')), user(text('b'))],
      [
        { role: 'user', parts: [{ type: 'text', text: 'a' }] },
        { role: 'user', parts: [{ type: 'text', text: 'b' }] },
      ],
    ],
    ['leaves out what is empty', [system(), user(text('')), assistant(), assistant(text('')), user(note)], []],
    [
      'gives an image that some call jpg the name that servers know',
      [user(image(dot, 'image/jpg'))],
      [{ role: 'user', parts: [{ type: 'image_url', imageUrl: { url: 'data:image/jpeg;base64,AQID' } }] }],
    ],
    [
      'has the calls of tools as JSON text, and their results',
      [assistant(text('I look.'), call('c1')), user(result('c1', text('x'), text('y')))],
      [
        {
          role: 'assistant',
          text: 'I look.',
          toolCalls: [{ id: 'c1', name: 'read', arguments: '{"path":"c1"}' }],
        },
        { role: 'tool', toolCallId: 'c1', text: 'xy' },
      ],
    ],
    [
      'puts the results of tools directly behind their calls, whatever the user says between them',
      [
        assistant(call('c1'), call('c2')),
        user(text('hurry'), result('c1', text('1'))),
        user(result('c2', text('2')), text('!')),
        assistant(text('done')),
      ],
      [
        {
          role: 'assistant',
          text: '',
          toolCalls: [
            { id: 'c1', name: 'read', arguments: '{"path":"c1"}' },
            { id: 'c2', name: 'read', arguments: '{"path":"c2"}' },
          ],
        },
        { role: 'tool', toolCallId: 'c1', text: '1' },
        { role: 'tool', toolCallId: 'c2', text: '2' },
        { role: 'user', parts: [{ type: 'text', text: 'hurry' }] },
        { role: 'user', parts: [{ type: 'text', text: '!' }] },
        { role: 'assistant', text: 'done' },
      ],
    ],
    [
      'shows the images of tools after their results',
      [assistant(call('c1'), call('c2')), user(result('c1', text('a '), image(dot))), user(result('c2', text('2')))],
      [
        expect.objectContaining({ role: 'assistant' }),
        { role: 'tool', toolCallId: 'c1', text: 'a [image: see the next message]' },
        { role: 'tool', toolCallId: 'c2', text: '2' },
        {
          role: 'user',
          parts: [
            { type: 'text', text: '[image of the tool call c1]' },
            { type: 'image_url', imageUrl: { url: dotUrl } },
          ],
        },
      ],
    ],
    [
      'says what a tool gave that can’t be sent',
      [user(result('c1', image(dot, 'image/bmp'), fileText, image(new Uint8Array(MAX_IMAGE_BYTES + 1))))],
      [
        {
          role: 'tool',
          toolCallId: 'c1',
          text:
            '[image/bmp left out: not supported][application/pdf left out: not supported]' +
            '[image/png left out: too large]',
        },
      ],
    ],
    [
      'has a result even when a tool says nothing',
      [user(result('c1'))],
      [{ role: 'tool', toolCallId: 'c1', text: '' }],
    ],
    [
      'says where a file of the user would have been',
      [user(text('see '), fileText)],
      [{ role: 'user', parts: [{ type: 'text', text: 'see [application/pdf left out: not supported]' }] }],
    ],
    [
      'says where an image of the assistant would have been',
      [assistant(image(dot))],
      [{ role: 'assistant', text: '[image/png left out: not supported]' }],
    ],
  ])('%s', (_, messages, expected) => {
    expect(toConversation(messages).messages).toEqual(expected);
  });

  it('names what it left out', () => {
    const { leftOut } = toConversation([user(text('a'), note, call('c1')), assistant(result('c2')), system(note)]);
    expect(leftOut).toEqual(['cache_control', 'toolCall', 'toolResult', 'cache_control']);
  });

  it.each([
    ['of a type that no server takes', [image(dot, 'image/svg+xml')], { kind: 'type', mimeType: 'image/svg+xml' }],
    ['that is too large', [image(new Uint8Array(MAX_IMAGE_BYTES + 1))], { kind: 'tooLarge' }],
    [
      'that is one too many',
      [
        ...Array.from({ length: MAX_IMAGES_BYTES / MAX_IMAGE_BYTES }, () => image(new Uint8Array(MAX_IMAGE_BYTES))),
        image(dot),
      ],
      { kind: 'tooMany' },
    ],
  ])('is refused with an image of the user %s', (_, parts, fault) => {
    const attempt = (): unknown => toConversation([user(...parts)]);
    expect(attempt).toThrow(UnsendableImage);
    expect(attempt).toThrow(expect.objectContaining({ fault }));
  });

  it('holds images byte for byte', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60_000 }), (bytes) => {
        const [message] = toConversation([user(image(bytes))]).messages;
        const part = message?.role === 'user' ? message.parts[0] : undefined;
        const url = part?.type === 'image_url' ? part.imageUrl.url : '';
        expect(Buffer.from(url.slice('data:image/png;base64,'.length), 'base64').equals(bytes)).toBe(true);
      }),
      { numRuns: 25 },
    );
  });

  it('never parts a call of tools from its results, however the host mixes them', () => {
    const parts = fc.constantFrom(text('t'), image(dot), result('c1', text('1')), result('c2', image(dot)), note);
    const messages = fc.array(
      fc.array(parts, { maxLength: 4 }).map((list) => user(...list)),
      { maxLength: 5 },
    );
    fc.assert(
      fc.property(messages, (list) => {
        const [, ...rest] = toConversation([assistant(call('c1'), call('c2')), ...list]).messages;
        const roles = rest.map(({ role }) => role);
        expect(roles.lastIndexOf('tool')).toBe(roles.filter((role) => role === 'tool').length - 1);
      }),
    );
  });
});
