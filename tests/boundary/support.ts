/** The built core in Node, with a host whose store is a variable. */
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';

import { GodotyClient, initSync } from '../../crate/wasm/pkg/godoty_core.js';
import type {
  ChatPiece,
  ClientConfig,
  CoreEvent,
  CoreHost,
  ErrorDetail,
  GodotyError,
  SignInStarted,
} from '../../crate/wasm/pkg/godoty_core.js';

/** What a window has of its own: a store, and what it heard. */
export interface Window {
  readonly client: GodotyClient;
  readonly events: CoreEvent[];
  /** The timers that the core has asked for and that are still to come. */
  readonly timers: ReadonlyMap<number, unknown>;
}

/** A session store that windows share. */
export class MemoryStore {
  text: string | undefined;
  broken = false;
  #last: Promise<unknown> = Promise.resolve();

  read(): Promise<string | undefined> {
    return this.broken ? Promise.reject(new Error('no keyring')) : Promise.resolve(this.text);
  }

  update: CoreHost['updateStore'] = (change) => {
    const run = this.#last.then(async () => {
      const result = await change(await this.read());
      if (result.kind !== 'keep') {
        this.text = result.kind === 'replace' ? result.text : undefined;
      }
    });
    this.#last = run.catch(() => undefined);
    return run;
  };
}

/** Queues of usage records that outlive a window, as the shell's files do. */
export class MemoryQueues {
  readonly texts = new Map<string, string>();
}

export interface WindowOptions {
  readonly store?: Pick<MemoryStore, 'read' | 'update'>;
  readonly queues?: MemoryQueues;
  readonly supabaseUrl: string;
  readonly publishableKey: string;
  readonly litellmUrl: string;
  /** Instead of the one that ships. */
  readonly loadPriceMap?: () => Promise<string>;
  /** Ahead of the real clock, in milliseconds. */
  readonly clockAheadMs?: () => number;
  /** What the core's clock does beside telling the time. */
  readonly onClock?: () => void;
  /** Opens the client otherwise than by its constructor. */
  readonly open?: (config: ClientConfig, host: CoreHost) => GodotyClient;
  /** The user's clock; UTC unless told. */
  readonly utcOffsetMinutes?: (at: number) => number;
}

let loaded = false;

export function loadBuiltCore(): void {
  if (!loaded) {
    initSync({ module: readFileSync(new URL('../../crate/wasm/pkg/godoty_core_bg.wasm', import.meta.url)) });
    loaded = true;
  }
}

const readPriceMap = (): Promise<string> =>
  readFile(new URL('../../crate/core/data/price-map.txt', import.meta.url), 'utf8');

export function openWindow(options: WindowOptions): Window {
  loadBuiltCore();
  const store = options.store ?? new MemoryStore();
  const queues = options.queues ?? new MemoryQueues();
  const window = crypto.randomUUID();
  const events: CoreEvent[] = [];
  const timers = new Map<number, NodeJS.Timeout>();
  let last = 0;
  const host: CoreHost = {
    now: () => {
      options.onClock?.();
      return Date.now() + (options.clockAheadMs?.() ?? 0);
    },
    utcOffsetMinutes: options.utcOffsetMinutes ?? (() => 0),
    randomUuid: () => crypto.randomUUID(),
    jitter: () => 0,
    setTimer: (milliseconds, callback) => {
      const timer = ++last;
      // A renewal planned for later must not keep the test process alive.
      const due = setTimeout(() => {
        timers.delete(timer);
        callback();
      }, milliseconds);
      timers.set(timer, due.unref());
      return timer;
    },
    clearTimer: (timer) => {
      clearTimeout(timers.get(timer));
      timers.delete(timer);
    },
    readStore: () => store.read(),
    updateStore: (change) => store.update(change),
    onEvent: (event) => {
      events.push(event);
    },
    loadUsageQueues: () => Promise.resolve([...queues.texts].filter(([id]) => id !== window).map(([, text]) => text)),
    saveUsageQueue: (_, text) => {
      queues.texts.clear();
      queues.texts.set(window, text);
      return Promise.resolve();
    },
    loadPriceMap: options.loadPriceMap ?? readPriceMap,
  };
  const open = options.open ?? ((config: ClientConfig, host: CoreHost) => new GodotyClient(config, host));
  const client = open(
    {
      supabaseUrl: options.supabaseUrl,
      supabaseKey: options.publishableKey,
      litellmUrl: options.litellmUrl,
      deviceId: crypto.randomUUID(),
      deviceName: 'boundary test',
    },
    host,
  );
  return { client, events, timers };
}

/** Creates an account with e-mail and password. */
export function signUp({ client }: Pick<Window, 'client'>, email: string, password: string): Promise<SignInStarted> {
  return client.startSignIn({ way: 'createAccount', email, password });
}

/** Signs in with e-mail and password. */
export function signIn(
  { client }: Pick<Window, 'client'>,
  email: string,
  password: string,
  signal?: AbortSignal,
): Promise<SignInStarted> {
  return client.startSignIn({ way: 'password', email, password }, signal);
}

/** The detail of what a promise rejects with. */
export async function detailOf(promise: Promise<unknown>): Promise<ErrorDetail> {
  try {
    await promise;
  } catch (error) {
    if (isGodotyError(error)) {
      return error.detail;
    }
    throw error;
  }
  throw new Error('nothing was thrown');
}

export function isGodotyError(error: unknown): error is GodotyError {
  return error instanceof Error && error.name === 'GodotyError';
}

export const OPTIONS = { firstByteMs: 10_000, idleMs: 10_000, maxRetries: 0, showEstimates: true } as const;

/** Collects an answer's text. */
export function collector(): { readonly text: () => string; readonly onPiece: (piece: ChatPiece) => void } {
  let text = '';
  return {
    text: () => text,
    onPiece: (piece) => {
      text += piece.text ?? '';
    },
  };
}

export function ask(
  model: string,
  prompt: string,
): { model: string; messages: [{ role: 'user'; parts: [{ type: 'text'; text: string }] }] } {
  return { model, messages: [{ role: 'user', parts: [{ type: 'text', text: prompt }] }] };
}
