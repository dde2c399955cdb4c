import { describe, expect, it } from 'vitest';

import type { ErrorCode, ErrorDetail } from '../../../crate/wasm/pkg/godoty_core.js';
import { imageError, toModelError } from '../../../extension/src/lm/errors.ts';

const error = (code: ErrorCode, more: Partial<ErrorDetail> = {}) => toModelError({ code, retryable: false, ...more });

describe('an error of a model', () => {
  it.each([
    ['NOT_AUTHENTICATED', 'NoPermissions', /not signed in.*Godoty: Sign In/],
    ['SESSION_EXPIRED', 'NoPermissions', /session has ended.*Godoty: Sign In/],
    ['KEY_REJECTED', 'NoPermissions', /Godoty: Show Log/],
    ['MODEL_NOT_ALLOWED', 'NoPermissions', /may not use this model. Choose another/],
    ['MODEL_NOT_FOUND', 'NotFound', /does not know this model. Choose another/],
    ['QUOTA_EXCEEDED', 'Blocked', /budget is used up.*Godoty: Show Usage/],
    ['RATE_LIMITED', 'Blocked', /Too many requests/],
    ['NETWORK_ERROR', '', /Godoty: Doctor/],
    ['TIMEOUT', '', /did not answer in time.*Try again/],
    ['SERVER_ERROR', '', /Godoty: Show Log/],
    ['INVALID_CONFIGURATION', '', /godoty\.backend/],
    ['INTERNAL', '', /Godoty: Show Log/],
  ] as const)('%s has the code %j and the next step', (code, expected, words) => {
    const { code: actual, message, name } = error(code);
    expect([name, actual]).toEqual(['LanguageModelError', expected]);
    expect(message).toMatch(words);
  });

  it('repeats what the server says', () => {
    expect(error('BAD_REQUEST', { serverMessage: 'no tools here' }).message).toContain('no tools here');
  });

  it.each([
    [{ kind: 'type', mimeType: 'image/bmp' } as const, /image\/bmp.*PNG, JPEG, GIF or WebP/],
    [{ kind: 'tooLarge' } as const, /larger than 10 MB/],
    [{ kind: 'tooMany' } as const, /larger than 20 MB together/],
  ])('names the limit that an image broke: %j', (fault, words) => {
    expect(imageError(fault).message).toMatch(words);
  });
});
