import { describe, expect, it } from 'vitest';

import { fill, parseStrings } from '../../../extension/src/chat/strings.ts';
import { strings } from './strings.ts';

describe('the texts of the panel', () => {
  it('are all there when the page carries them', () => {
    expect(parseStrings(JSON.stringify(strings))).toEqual(strings);
  });

  it('are refused when one is missing', () => {
    expect(() => parseStrings(JSON.stringify({ ...strings, send: undefined }))).toThrow();
  });

  it.each([
    ['{0} in, {1} out', ['1', '2'], '1 in, 2 out'],
    ['{1} before {0}', ['a', 'b'], 'b before a'],
    ['{0}', ['$& {1}', 'x'], '$& {1}'],
    ['{2}', ['a'], '{2}'],
  ])('take values: %s', (template, values, expected) => {
    expect(fill(template, ...values)).toBe(expected);
  });
});
