/** What a function may use of the world. Each platform makes one at start and passes it to every call. */
export interface Env {
  /** A setting or secret by its name; undefined when it is not set. */
  readonly get: (name: string) => string | undefined;
  readonly fetch: typeof fetch;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Resolves after so many milliseconds. */
  readonly wait: (milliseconds: number) => Promise<void>;
  /** Receives one line about a fault, for the operator. It never holds a credential or a body. */
  readonly log: (line: string) => void;
}

export function createEnv(get: Env['get'], overrides: Partial<Omit<Env, 'get'>> = {}): Env {
  return {
    get,
    fetch: overrides.fetch ?? ((input, init) => fetch(input, init)),
    now: overrides.now ?? (() => Date.now()),
    wait: overrides.wait ?? ((milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds))),
    log: overrides.log ?? ((line) => console.error(line)),
  };
}
