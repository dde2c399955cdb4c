import { afterEach, describe, expect, it, vi } from 'vitest';

import { WebLock } from '../../../extension/src/web/webLock.ts';
import { MemoryLock } from './support.ts';

/** The browser's locks: one holder of a name at a time. */
function browserLocks(): { request: (name: string, work: () => Promise<unknown>) => Promise<unknown> } {
  const lock = new MemoryLock();
  return { request: (name, work) => lock.run(name, work) };
}

afterEach(() => {
  vi.unstubAllGlobals();
});

describe('a lock of the browser', () => {
  it('excludes the windows of its scope, name by name, and hands on what the work comes to', async () => {
    vi.stubGlobal('navigator', { locks: browserLocks() });
    const order: string[] = [];
    const use = (scope: string, name: string, mark: string): Promise<string> =>
      new WebLock(scope).run(name, async () => {
        order.push(`${mark} in`);
        for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
        order.push(`${mark} out`);
        return mark;
      });
    expect(await Promise.all([use('x', 'a', '1'), use('x', 'a', '2'), use('y', 'a', '3')])).toEqual(['1', '2', '3']);
    expect(order.indexOf('1 out')).toBeLessThan(order.indexOf('2 in'));
    expect(order.indexOf('3 in')).toBeLessThan(order.indexOf('1 out'));
    const failing = new WebLock('x').run('a', () => Promise.reject(new Error('work failed')));
    await expect(failing).rejects.toThrow('work failed');
  });

  it.each<[string, unknown]>([
    ['refuses them', { locks: { request: () => Promise.reject(new DOMException('denied', 'SecurityError')) } }],
    ['has none', {}],
  ])('leaves the rest to the lock within it where the browser %s', async (_, browser) => {
    vi.stubGlobal('navigator', browser);
    const work = vi.fn(() => Promise.resolve('done'));
    expect(await new WebLock('x').run('a', work)).toBe('done');
    expect(work).toHaveBeenCalledOnce();
  });
});
