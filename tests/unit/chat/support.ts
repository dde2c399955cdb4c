/** Fakes that the chat's tests share: a clock that is moved by hand, an engine that is played by hand. */
import type { ChatDelta, ChatEnd, ChatEngine, ChatRequest } from '../../../extension/src/chat/engine.ts';
import type { Schedule } from '../../../extension/src/chat/panelLink.ts';

export class ManualTimers {
  #now = 0;
  #timers: { at: number; callback: () => void }[] = [];

  readonly schedule: Schedule = (callback, delayMs) => {
    const timer = { at: this.#now + delayMs, callback };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  };

  get waiting(): number {
    return this.#timers.length;
  }

  advance(ms: number): void {
    this.#now += ms;
    const due = this.#timers.filter((timer) => timer.at <= this.#now);
    this.#timers = this.#timers.filter((timer) => timer.at > this.#now);
    for (const timer of due) {
      timer.callback();
    }
  }
}

/** One request to the played engine. */
export interface Call {
  readonly request: ChatRequest;
  readonly signal: AbortSignal;
  readonly delta: (delta: ChatDelta) => void;
  readonly end: (end: ChatEnd) => Promise<void>;
  readonly fail: (error: unknown) => Promise<void>;
}

export class PlayedEngine implements ChatEngine {
  readonly calls: Call[] = [];

  stream(request: ChatRequest, onDelta: (delta: ChatDelta) => void, signal: AbortSignal): Promise<ChatEnd> {
    const { promise, resolve, reject } = withResolvers<ChatEnd>();
    this.calls.push({
      request,
      signal,
      delta: onDelta,
      end: async (end) => {
        resolve(end);
        await settled();
      },
      fail: async (error) => {
        reject(error as Error);
        await settled();
      },
    });
    return promise;
  }

  get last(): Call {
    const call = this.calls.at(-1);
    if (call === undefined) {
      throw new Error('the engine was not called');
    }
    return call;
  }
}

export const usage = { promptTokens: 10, completionTokens: 20, totalTokens: 30, cachedTokens: 0, reasoningTokens: 0 };
export const cost = { text: '$0.0012', detail: 'Reported by the proxy' };
export const bill = { usage, cost };
export const model = { id: 'gpt-4o-mini', label: 'gpt-4o-mini', detail: '', vision: true };

export const end = (outcome: Exclude<ChatEnd['outcome'], 'error'>): ChatEnd => ({ outcome, usage, cost });

/** Lets every promise reaction that is due run. */
export async function settled(): Promise<void> {
  for (let round = 0; round < 5; round += 1) {
    await Promise.resolve();
  }
}

export function memoryStore(initial: Record<string, unknown> = {}) {
  const values = new Map(Object.entries(initial));
  return {
    values,
    get: (key: string): unknown => values.get(key),
    // A store keeps text, not references to live objects.
    update: (key: string, value: unknown): Promise<void> => {
      values.set(key, JSON.parse(JSON.stringify(value)) as unknown);
      return Promise.resolve();
    },
  };
}

function withResolvers<T>() {
  let resolve!: (value: T) => void;
  let reject!: (error: Error) => void;
  const promise = new Promise<T>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  return { promise, resolve, reject };
}
