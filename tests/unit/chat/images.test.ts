import { describe, expect, it } from 'vitest';

import { ImageShelf } from '../../../extension/src/chat/imageShelf.ts';
import {
  imageTypeOf,
  isImageData,
  isThumbnail,
  MAX_DATA_CHARS,
  MAX_KEPT_CHARS,
} from '../../../extension/src/chat/images.ts';

const bytes = (text: string): Uint8Array => Uint8Array.from(text, (character) => character.charCodeAt(0));
const url = (type: string, text: string): string =>
  `data:${type};base64,${Buffer.from(text, 'latin1').toString('base64')}`;
const png = '\x89PNG\r\n\x1a\n and more';

describe('the type of an image', () => {
  it.each([
    ['image/png', png],
    ['image/jpeg', '\xff\xd8\xff\xe0 and more'],
    ['image/gif', 'GIF87a and more'],
    ['image/gif', 'GIF89a and more'],
    ['image/webp', 'RIFF\x01\x02\x03\x04WEBPVP8 '],
  ])('is told by its first bytes: %s', (type, text) => {
    expect(imageTypeOf(bytes(text))).toBe(type);
    expect(isImageData(url(type, text))).toBe(true);
  });

  it.each(['', 'GIF88a', '<svg xmlns="">', '%PDF-1.7', 'RIFF\x01\x02\x03\x04WAVE', 'BM1234', '\x89PN'])(
    'is none that providers take: %j',
    (text) => {
      expect(imageTypeOf(bytes(text))).toBeNull();
      expect(isImageData(url('image/png', text.padEnd(20)))).toBe(false);
    },
  );

  it('is not believed when the address says another one, or too much', () => {
    expect(isImageData(url('image/gif', png))).toBe(false);
    expect(isImageData(url('text/html', png))).toBe(false);
    expect(isImageData(url('image/png', png) + 'A'.repeat(MAX_DATA_CHARS))).toBe(false);
  });
});

describe('a thumbnail', () => {
  it.each([
    ['data:image/webp;base64,AA==', true],
    ['data:image/svg+xml;base64,AA==', false],
    ['https://evil.example/track.png', false],
    ['data:image/png;base64,AA==" onerror="', false],
    [`data:image/png;base64,${'A'.repeat(20_000)}`, false],
  ])('is a small picture and nothing else: %.40s', (text, expected) => {
    expect(isThumbnail(text)).toBe(expected);
  });
});

describe('the shelf of images', () => {
  it('drops the oldest when it is full, but never the newest', () => {
    const shelf = new ImageShelf();
    const half = 'x'.repeat(MAX_KEPT_CHARS / 2);
    expect(shelf.add('a', half)).toEqual([]);
    expect(shelf.add('b', half)).toEqual([]);
    expect(shelf.add('c', 'x')).toEqual(['a']);
    shelf.keepOnly(new Set(['c']));
    expect([shelf.get('a'), shelf.get('b'), shelf.get('c')]).toEqual([undefined, undefined, 'x']);
    expect(shelf.add('d', half + half)).toEqual(['c']);
    expect(shelf.get('d')).toBeDefined();
  });
});
