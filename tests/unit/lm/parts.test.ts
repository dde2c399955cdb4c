import { describe, expect, it } from 'vitest';
import type { LanguageModelChatRequestMessage } from 'vscode';

import { toRequestMessage } from '../../../extension/src/lm/parts.ts';
import {
  LanguageModelDataPart as Data,
  LanguageModelPromptTsxPart as PromptTsx,
  LanguageModelTextPart as Text,
  LanguageModelToolCallPart as ToolCall,
  LanguageModelToolResultPart as ToolResult,
} from './vscodeParts.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const read = (role: number, ...content: readonly unknown[]) => {
  const message: unknown = { role, content, name: undefined };
  return toRequestMessage(message as LanguageModelChatRequestMessage);
};

class Tomorrow {
  readonly value = 'something new';
}

describe('what VS Code hands over', () => {
  it.each([
    [1, 'user'],
    [2, 'assistant'],
    [3, 'system'],
    [9, 'user'],
  ])('has the role %i, which is the %s', (role, expected) => {
    expect(read(role).role).toBe(expected);
  });

  it.each([
    ['a text', new Text('hi'), { kind: 'text', text: 'hi' }],
    ['a plain string', 'hi', { kind: 'text', text: 'hi' }],
    ['a tree of prompts', new PromptTsx({ node: 1 }), { kind: 'text', text: '{"node":1}' }],
    ['a tree of nothing', new PromptTsx(undefined), { kind: 'text', text: 'null' }],
    ['a text as data', new Data(bytes('wörld'), 'text/plain; charset=utf-8'), { kind: 'text', text: 'wörld' }],
    ['JSON', new Data(bytes('{}'), 'application/json'), { kind: 'text', text: '{}' }],
    ['JSON of a kind', new Data(bytes('{}'), 'application/ld+json'), { kind: 'text', text: '{}' }],
    ['an image', new Data(bytes('x'), 'Image/PNG'), { kind: 'image', mimeType: 'image/png', bytes: bytes('x') }],
    ['a file', new Data(bytes('x'), 'application/pdf'), { kind: 'file', mimeType: 'application/pdf' }],
    ['a note of the host', new Data(bytes('ephemeral'), 'cache_control'), { kind: 'other', what: 'cache_control' }],
    ['a part of tomorrow', new Tomorrow(), { kind: 'other', what: 'Tomorrow' }],
    ['nothing', undefined, { kind: 'other', what: 'undefined' }],
    ['null', null, { kind: 'other', what: 'object' }],
    ['an object without a class', Object.create(null), { kind: 'other', what: 'object' }],
    [
      'a call of a tool',
      new ToolCall('c1', 'read', { path: 'a' }),
      { kind: 'toolCall', id: 'c1', name: 'read', input: { path: 'a' } },
    ],
    [
      'the result of a tool',
      new ToolResult('c1', [new Text('a'), new Data(bytes('x'), 'image/png'), 7]),
      {
        kind: 'toolResult',
        callId: 'c1',
        content: [
          { kind: 'text', text: 'a' },
          { kind: 'image', mimeType: 'image/png', bytes: bytes('x') },
          { kind: 'other', what: 'number' },
        ],
      },
    ],
  ])('is %s', (_, part, expected) => {
    expect(read(1, part).parts).toEqual([expected]);
  });
});
