// @vitest-environment jsdom
import { describe, expect, it } from 'vitest';

import { MAX_IMAGE_BYTES, MAX_IMAGES } from '../../../extension/src/chat/images.ts';
import type { PanelMessage } from '../../../extension/src/chat/protocol.ts';
import { attachImages } from '../../../extension/webview/attaching.ts';
import type { GivenFile } from '../../../extension/webview/attaching.ts';
import { readerInTests } from './images.ts';
import { strings } from './strings.ts';

const png = new Blob([Uint8Array.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])]);
const good: GivenFile = { name: 'a.png', blob: png };

async function attached(files: readonly GivenFile[], count = 0, vision = true) {
  const sent: PanelMessage[] = [];
  const state = { count, model: { label: 'some model', vision } };
  const complaint = await attachImages(files, state, readerInTests, strings, (message) => sent.push(message));
  return { sent, complaint };
}

describe('images that are given to the panel', () => {
  it('go to the host with a thumbnail and the type that they really have', async () => {
    const { sent, complaint } = await attached([{ ...good, name: 'photo.jpg' }]);
    expect(complaint).toBeNull();
    expect(sent).toEqual([
      {
        type: 'attach',
        name: 'photo.jpg',
        data: 'data:image/png;base64,iVBORw0KGgo=',
        thumbnail: 'data:image/webp;base64,AA==',
      },
    ]);
  });

  it.each([
    ['no image', { name: 'a.png', blob: new Blob(['<svg/>']) }, /not a PNG/u],
    ['too large', { name: 'a.png', blob: { size: MAX_IMAGE_BYTES + 1 } as Blob }, /larger than 5 MB/u],
    ['too large for the host to read', { name: 'a.png', blob: null }, /larger than 5 MB/u],
    // A browser takes a dropped folder for a file, until it is read.
    ['a folder', { name: 'a.png', blob: { size: 4096 } as Blob }, /could not be read/u],
    ['broken', { name: 'a.png', blob: new Blob(['GIF89a broken']) }, /could not be read/u],
  ])('are refused with words when one is %s, and the others are taken', async (_name, bad, words) => {
    const { sent, complaint } = await attached([bad, good]);
    expect(complaint).toMatch(words);
    expect(complaint).toContain('a.png');
    expect(sent).toHaveLength(1);
  });

  it('are bounded in number, with words', async () => {
    const { sent, complaint } = await attached([good, good], MAX_IMAGES - 1);
    expect(sent).toHaveLength(1);
    expect(complaint).toMatch(/at most 5/u);
  });

  it('are not taken for a model that does not see, which is named', async () => {
    const { sent, complaint } = await attached([good], 0, false);
    expect(sent).toEqual([]);
    expect(complaint).toMatch(/some model can’t see images/u);
  });
});
