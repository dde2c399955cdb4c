/**
 * The life of the core's instance. A defect in the core ends it in the midst of a call (a trap). No promise of it settles then,
 * and nothing may call into it: here whoever waits is told, and the next client gets a new instance. What counts lies in the
 * session store and in the queues of usage records.
 */
import type { ClientConfig, CoreHost, ErrorDetail, GodotyClient } from '../../../crate/wasm/pkg/godoty_core.js';

/** The part of the core's module that is needed; its bytes have been loaded. */
export interface CoreModule {
  readonly GodotyClient: { new (config: ClientConfig, host: CoreHost): GodotyClient; startAnew(): void };
  readonly onTrap: (listener: () => void) => void;
  readonly isTrap: (error: unknown) => boolean;
  readonly abandon: () => void;
}

export class CoreLifetime {
  readonly #module: CoreModule;
  #instance: Instance | undefined;
  #trapped = false;

  constructor(module: CoreModule) {
    this.#module = module;
  }

  /**
   * A client in the instance that runs, or in a new one. When a trap ends it, what is under way rejects with `INTERNAL`, which
   * may be tried again, and `onEnd` is called: the client is dead then, and must not even be freed.
   */
  open(config: ClientConfig, host: CoreHost, onEnd: () => void): GodotyClient {
    const instance = this.#running();
    const client = instance.enter(() => new this.#module.GodotyClient(config, hostWithin(instance, host)));
    instance.onEnd(onEnd);
    return clientWithin(instance, client);
  }

  /** Runs what needs no client, in the instance that runs, or in a new one. */
  run<T>(call: () => T): T {
    return this.#running().enter(call);
  }

  #running(): Instance {
    this.#instance ??= this.#begin();
    return this.#instance;
  }

  #begin(): Instance {
    if (this.#trapped) {
      this.#module.GodotyClient.startAnew();
    }
    const instance = new Instance(this.#module.isTrap);
    instance.onEnd(() => {
      this.#trapped = true;
      this.#instance = undefined;
      this.#module.abandon();
    });
    this.#module.onTrap(() => instance.end());
    return instance;
  }
}

class Instance {
  readonly #isTrap: (error: unknown) => boolean;
  readonly #atEnd = new Set<() => void>();
  #ended = false;

  constructor(isTrap: (error: unknown) => boolean) {
    this.#isTrap = isTrap;
  }

  get ended(): boolean {
    return this.#ended;
  }

  end(): void {
    this.#ended = true;
    for (const tell of [...this.#atEnd]) {
      this.#atEnd.delete(tell);
      tell();
    }
  }

  onEnd(tell: () => void): void {
    this.#atEnd.add(tell);
  }

  /** Runs what calls into the instance. */
  enter<T>(run: () => T): T {
    if (this.#ended) {
      throw instanceEnded();
    }
    try {
      return run();
    } catch (error) {
      if (this.#isTrap(error)) {
        this.end();
        throw instanceEnded(error);
      }
      throw error;
    }
  }

  /** Settles as a promise of the instance does, or rejects when the instance ends before it. */
  wait<T>(promise: Promise<T>): Promise<T> {
    if (this.#ended) {
      return Promise.reject(instanceEnded());
    }
    return new Promise((resolve, reject) => {
      const tell = (): void => reject(instanceEnded());
      this.#atEnd.add(tell);
      promise.then(resolve, reject).finally(() => this.#atEnd.delete(tell));
    });
  }
}

function instanceEnded(cause?: unknown): Error & { readonly detail: ErrorDetail } {
  const error = new Error('a defect ended the core', { cause });
  return Object.assign(error, { name: 'GodotyError', detail: { code: 'INTERNAL', retryable: true } as const });
}

/** What calls back into the instance does not once it has ended; a store that waits for it is told, so that it lets its lock go. */
function hostWithin(instance: Instance, host: CoreHost): CoreHost {
  return {
    ...host,
    setTimer: (milliseconds, callback) =>
      host.setTimer(milliseconds, () => {
        if (!instance.ended) {
          instance.enter(callback);
        }
      }),
    updateStore: (change) => host.updateStore((current) => instance.wait(instance.enter(() => change(current)))),
  };
}

function clientWithin(instance: Instance, client: GodotyClient): GodotyClient {
  return new Proxy(client, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') {
        return value;
      }
      return (...args: readonly unknown[]): unknown => {
        const result: unknown = instance.enter((): unknown => Reflect.apply(value, target, args));
        return result instanceof Promise ? instance.wait(result) : result;
      };
    },
  });
}
