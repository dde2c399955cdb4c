import * as v from 'valibot';

import type { KeyMarker } from './ports.ts';

/** The part of VS Code's global state that is needed. */
interface State {
  get(key: string): unknown;
  update(key: string, value: unknown): PromiseLike<void>;
}

const NAME = 'godoty.vault.keyId';
const KeyId = v.pipe(v.string(), v.regex(/^[\da-f]{32}$/u));

export function keyMarkerOf(state: State): KeyMarker {
  return {
    get: () => {
      const stored = v.safeParse(KeyId, state.get(NAME));
      return stored.success ? stored.output : undefined;
    },
    // A marker that is not kept costs no more than a message.
    set: (id) => void state.update(NAME, id),
  };
}
