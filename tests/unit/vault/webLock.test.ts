import { afterEach, describe, expect, it, vi } from 'vitest';

import { schedule } from '../../../extension/src/core/host.ts';
import { WebLock } from '../../../extension/src/web/webLock.ts';
import { MemoryLock } from './support.ts';

type Work = () => Promise<unknown>;

/** The browser's locks: one holder of a name at a time, and who waits may leave. */
function browserLocks(): { request: (name: string, options: { signal: AbortSignal }, work: Work) => Promise<unknown> } {
  const lock = new MemoryLock();
  return {
    request: (name, { signal }, work) =>
      new Promise((resolve, reject) => {
        const left = (): void => reject(signal.reason as Error);
        signal.addEventListener('abort', left);
        const run = async (): Promise<unknown> => {
          signal.removeEventListener('abort', left);
          return signal.aborted ? undefined : await work();
        };
        lock.run(name, run).then(resolve, reject);
      }),
  };
}

afterEach(() => {
  vi.unstubAllGlobals();
});

describe('a lock of the browser', () => {
  it('excludes the windows of its scope, name by name, and hands on what the work comes to', async () => {
    vi.stubGlobal('navigator', { locks: browserLocks() });
    const order: string[] = [];
    const use = (scope: string, name: string, mark: string): Promise<string> =>
      new WebLock(scope, schedule).run(name, async () => {
        order.push(`${mark} in`);
        for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
        order.push(`${mark} out`);
        return mark;
      });
    expect(await Promise.all([use('x', 'a', '1'), use('x', 'a', '2'), use('y', 'a', '3')])).toEqual(['1', '2', '3']);
    expect(order.indexOf('1 out')).toBeLessThan(order.indexOf('2 in'));
    expect(order.indexOf('3 in')).toBeLessThan(order.indexOf('1 out'));
    const failing = new WebLock('x', schedule).run('a', () => Promise.reject(new Error('work failed')));
    await expect(failing).rejects.toThrow('work failed');
  });

  it('that a window which hangs keeps is waited for no longer than an update takes', async () => {
    vi.stubGlobal('navigator', { locks: browserLocks() });
    const timers: (() => void)[] = [];
    const lock = new WebLock('x', (run, milliseconds) => {
      expect(milliseconds).toBe(30_000);
      timers.push(run);
      return () => timers.splice(timers.indexOf(run), 1);
    });
    void lock.run('a', () => new Promise(() => undefined));
    await vi.waitFor(() => expect(timers).toEqual([]));
    const work = vi.fn(() => Promise.resolve('done'));
    const second = lock.run('a', work);
    await Promise.resolve();
    expect(work).not.toHaveBeenCalled();
    timers[0]?.();
    expect(await second).toBe('done');
    expect(work).toHaveBeenCalledOnce();
    expect(timers).toEqual([]);
  });

  it.each<[string, unknown]>([
    ['refuses them', { locks: { request: () => Promise.reject(new DOMException('denied', 'SecurityError')) } }],
    ['has none', {}],
  ])('leaves the rest to the lock within it where the browser %s', async (_, browser) => {
    vi.stubGlobal('navigator', browser);
    const work = vi.fn(() => Promise.resolve('done'));
    expect(await new WebLock('x', schedule).run('a', work)).toBe('done');
    expect(work).toHaveBeenCalledOnce();
  });
});
