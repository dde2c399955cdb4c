import { beforeEach, describe, expect, it } from 'vitest';

import { storageChecks } from '../../../extension/src/doctor/storage.ts';
import type { SessionStore } from '../../../extension/src/auth/sessionStore.ts';
import type { Finding } from '../../../extension/src/doctor/finding.ts';

const stored = new Map<string, string>();
let writes: string[];

beforeEach(() => {
  stored.clear();
  writes = [];
});

const store: SessionStore = {
  read: () => Promise.resolve(undefined),
  update: async (change) => {
    await change(undefined);
  },
  onDidChange: () => ({ dispose: () => undefined }),
};

async function secretStorage(privateSecrets: boolean): Promise<Finding> {
  const [check] = storageChecks({
    secrets: {
      get: (name) => Promise.resolve(stored.get(name)),
      store: (name, value) => {
        writes.push(name);
        return Promise.resolve(void stored.set(name, value));
      },
      delete: (name) => Promise.resolve(void stored.delete(name)),
      onDidChange: () => ({ dispose: () => undefined }),
    },
    privateSecrets,
    sessionVault: () => store,
    scratchVault: () => ({ store, remove: () => Promise.resolve() }),
    newNonce: () => crypto.randomUUID(),
    report: () => undefined,
  });
  if (check?.id !== 'secrets') {
    throw new Error('the secret storage is looked at first');
  }
  return check.run(new AbortController().signal);
}

describe('the look at the secret storage', () => {
  it('leaves nothing behind', async () => {
    expect((await secretStorage(false)).status).toBe('ok');
    expect([writes.length, stored.size]).toEqual([1, 0]);
  });

  it('writes nothing where that would put an old copy over what other windows have stored', async () => {
    expect((await secretStorage(true)).status).toBe('ok');
    expect(writes).toEqual([]);
  });
});
