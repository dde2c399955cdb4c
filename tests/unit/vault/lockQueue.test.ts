import { describe, expect, it } from 'vitest';

import { Waiting } from '../../../extension/src/node/lockQueue.ts';

const held = (number: number, beat = 0) => ({ number, beat, free: false });

describe('one who waits for a lock', () => {
  it('takes the first number of a lock that nobody ever held', () => {
    expect(new Waiting(3).next(undefined)).toBe(1);
  });

  it('takes the next number at once when the holder has let go', () => {
    const waiting = new Waiting(3);
    expect(waiting.next(held(4))).toBeUndefined();
    expect(waiting.next({ ...held(4), free: true })).toBe(5);
  });

  it('waits as long as the holder shows signs of life', () => {
    const waiting = new Waiting(3);
    for (let beat = 0; beat < 100; beat += 1) {
      expect(waiting.next(held(4, beat))).toBeUndefined();
      expect(waiting.next(held(4, beat))).toBeUndefined();
    }
  });

  it('gives a holder up after so many looks without one, and begins anew with the next holder', () => {
    const waiting = new Waiting(3);
    const looks = [held(4), held(4), held(4), held(5), held(5), held(5), held(5)].map((entry) => waiting.next(entry));
    expect(looks).toEqual([...Array<undefined>(6), 6]);
  });
});
