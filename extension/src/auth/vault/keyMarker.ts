import * as v from 'valibot';

import type { KeyMarker } from './ports.ts';

/** The part of VS Code's global state that is needed. */
interface State {
  get(key: string): unknown;
  update(key: string, value: unknown): PromiseLike<void>;
}

const NAME = 'godoty.vault.keyIds';
/** How many keys are remembered: those of long ago have no files any more. */
const MOST = 8;
const KeyIds = v.array(v.pipe(v.string(), v.regex(/^[\da-f]{32}$/u)));

export function keyMarkerOf(state: State): KeyMarker {
  const get = (): readonly string[] => {
    const stored = v.safeParse(KeyIds, state.get(NAME));
    return stored.success ? stored.output : [];
  };
  return {
    former: get(),
    get,
    add: (id) => {
      // A marker that is not kept costs no more than a message.
      state.update(NAME, [...get().filter((other) => other !== id), id].slice(-MOST)).then(undefined, () => undefined);
    },
  };
}
