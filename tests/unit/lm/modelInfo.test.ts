import { describe, expect, it } from 'vitest';

import { toModelInformation } from '../../../extension/src/lm/modelInfo.ts';

const shown = (model: Parameters<typeof toModelInformation>[0]) => toModelInformation(model, (value) => `<${value}>`);

describe('a model in the picker', () => {
  it('shows what is known of it', () => {
    expect(
      shown({
        id: 'openai/gpt-4o-mini',
        chat: true,
        provider: 'openai',
        maxInputTokens: 128_000,
        maxOutputTokens: 16_384,
        vision: true,
        tools: false,
        inputPerMillion: '$0.15',
        outputPerMillion: '$0.60',
      }),
    ).toEqual({
      id: 'openai/gpt-4o-mini',
      name: 'openai/gpt-4o-mini',
      family: 'gpt-4o-mini',
      version: 'latest',
      detail: '$0.15 in, $0.60 out / 1M',
      tooltip:
        'openai/gpt-4o-mini of openai through Godoty. Price: $0.15 in, $0.60 out per million tokens. ' +
        'Reads up to <128000> tokens. Writes up to <16384> tokens.',
      maxInputTokens: 128_000,
      maxOutputTokens: 16_384,
      capabilities: { imageInput: true, toolCalling: false },
    });
  });

  it('says that the price is not known, and is offered for tools but not for images, when only its name is', () => {
    expect(shown({ id: 'llama', chat: true })).toEqual({
      id: 'llama',
      name: 'llama',
      family: 'llama',
      version: 'latest',
      detail: 'price not known',
      tooltip: 'llama through Godoty. Its price is not known.',
      maxInputTokens: 32_768,
      maxOutputTokens: 4_096,
      capabilities: { imageInput: false, toolCalling: true },
    });
  });

  it('has no price when only half of it is known', () => {
    expect(shown({ id: 'm', chat: true, inputPerMillion: '$1.00' }).detail).toBe('price not known');
  });
});
