/** What the core needs of its host. The one place of the shell with a clock, timers and randomness. */
import type { CoreEvent, CoreHost } from '../../../crate/wasm/pkg/godoty_core.js';
import type { SessionStore } from '../auth/sessionStore.ts';
import type { UsageQueues } from '../usage/queueFiles.ts';

export function coreHost(
  store: SessionStore,
  queues: UsageQueues,
  loadPriceMap: () => Promise<string>,
  onEvent: (event: CoreEvent) => void,
): CoreHost {
  const timers = new Map<number, ReturnType<typeof setTimeout>>();
  let lastTimer = 0;
  return {
    now: () => Date.now(),
    utcOffsetMinutes: (at) => -new Date(at).getTimezoneOffset(),
    randomUuid: newUuid,
    jitter: () => Math.floor(Math.random() * 1001),
    setTimer: (milliseconds, callback) => {
      const timer = ++lastTimer;
      timers.set(
        timer,
        setTimeout(() => {
          timers.delete(timer);
          callback();
        }, milliseconds),
      );
      return timer;
    },
    clearTimer: (timer) => {
      clearTimeout(timers.get(timer));
      timers.delete(timer);
    },
    readStore: () => store.read(),
    updateStore: (change) => store.update(change),
    onEvent,
    loadUsageQueues: (userId) => queues.load(userId),
    saveUsageQueue: (userId, text) => queues.save(userId, text),
    loadPriceMap,
  };
}

/** A moment, given in milliseconds since the Unix epoch, as ISO 8601 in UTC. */
export function isoTime(at: number): string {
  return new Date(at).toISOString();
}

/** The moment that a text names, in milliseconds since the Unix epoch; not a number when it names none. */
export function timeOf(text: string): number {
  return Date.parse(text);
}

/** A random UUID (RFC 9562, version 4). */
export function newUuid(): string {
  return crypto.randomUUID();
}

/** Runs something once after so many milliseconds, unless it is cancelled. */
export function schedule(run: () => void, milliseconds: number): () => void {
  const timer = setTimeout(run, milliseconds);
  return () => clearTimeout(timer);
}

/** Time, for what waits by itself. */
export interface Timing {
  /** Milliseconds since 1970. */
  now(): number;
  wait(milliseconds: number): Promise<void>;
  /** Runs something every so many milliseconds, until the result is called. */
  repeat(run: () => void, milliseconds: number): () => void;
}

export const timing: Timing = {
  now: () => Date.now(),
  wait: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
  repeat: (run, milliseconds) => {
    const timer = setInterval(run, milliseconds);
    return () => clearInterval(timer);
  },
};

/** 128 random bits, for the nonce of a Content Security Policy. */
export function newNonce(): string {
  return newUuid().replaceAll('-', '');
}
