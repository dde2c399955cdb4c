import { describe, expect, it } from 'vitest';

import { toCall } from '../../../extension/src/lm/call.ts';
import { MalformedArguments, readToolCalls, toCoreTools } from '../../../extension/src/lm/tools.ts';

describe('the tools of a request', () => {
  it('are left out when there are none, with the choice', () => {
    expect(toCoreTools(undefined, true)).toEqual({});
    expect(toCoreTools([], true)).toEqual({});
  });

  it.each([
    [false, 'auto'],
    [true, 'required'],
  ])('have their schemas as JSON text; required: %j', (required, toolChoice) => {
    const schema = { type: 'object', properties: { path: { type: 'string' } } };
    expect(
      toCoreTools(
        [
          { name: 'read', description: 'Reads.', inputSchema: schema },
          { name: 'now', description: '' },
        ],
        required,
      ),
    ).toEqual({
      tools: [
        { name: 'read', description: 'Reads.', parameters: JSON.stringify(schema) },
        { name: 'now', description: '' },
      ],
      toolChoice,
    });
  });
});

describe('the calls of tools', () => {
  const read = (text: string, id = 'c1') => readToolCalls([{ id, name: 'read', arguments: text }], () => 'made');

  it.each([
    ['{"path":"a"}', { path: 'a' }],
    ['  {} ', {}],
    ['', {}],
    [' \n', {}],
  ])('have arguments: %j', (text, input) => {
    expect(read(text)).toEqual([{ id: 'c1', name: 'read', input }]);
  });

  it.each(['{"path":', '[1]', 'null', '7', '"{}"', 'path=a'])('are refused with arguments such as %j', (text) => {
    expect(() => read(text)).toThrow(MalformedArguments);
    expect(() => read(text)).toThrow(expect.objectContaining({ tool: 'read' }));
  });

  it('get an id when the server gave none', () => {
    expect(read('{}', '')).toEqual([{ id: 'made', name: 'read', input: {} }]);
  });
});

describe('the options of a request', () => {
  const message = { role: 'user', parts: [{ kind: 'text', text: 'hi' }] } as const;
  const core = { model: 'm', messages: [{ role: 'user', parts: [{ type: 'text', text: 'hi' }] }] };

  it.each([
    [undefined, {}],
    [
      { temperature: 0, max_tokens: 7, _telemetryTurn: 1 },
      { temperature: 0, maxTokens: 7 },
    ],
    [{ temperature: 2.5, max_tokens: 0 }, {}],
    [{ temperature: '1', max_tokens: 1.5 }, {}],
  ])('of the caller are %j', (modelOptions, expected) => {
    const { call, leftOut } = toCall('m', [message], { toolsRequired: false, modelOptions });
    expect(call).toEqual({ ...core, ...expected });
    expect(leftOut).toEqual([]);
  });
});
