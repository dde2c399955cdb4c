/**
 * Ten windows in reality: ten processes with the built core on one vault, and access tokens that live five seconds. Windows are
 * killed with `kill -9`, wherever they are and in the middle of a renewal. GODOTY_EXPIRIES says how many tokens come to their end.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { afterAll, beforeAll, expect, it, vi } from 'vitest';

import { newUuid, schedule } from '../../extension/src/core/host.ts';
import { DiskFiles } from '../../extension/src/node/diskFiles.ts';
import type { LocalStack } from '../../local/server/start.ts';
import { PASSWORD, startTestStack } from '../backend/support.ts';
import { openRefreshFront, repeats, tokenChain } from '../support/refreshes.ts';
import type { RefreshFront } from '../support/refreshes.ts';
import { MemoryLock, MemorySecrets, openWindow as openVault } from '../unit/vault/support.ts';
import { openWindow, signUp } from './support.ts';
import { MOMENTS, WindowProcesses } from './windowProcesses.ts';
import type { WindowConfig } from './windowProcesses.ts';

const WINDOWS = 10;
const EXPIRIES = Number(process.env['GODOTY_EXPIRIES'] ?? '6');
const LIFE_MS = 5000;
/** In so many expiries a window dies once in the middle of a renewal, each time at the next of the moments. */
const DEATH_EVERY = 10;
/** After so many expiries a window is killed, wherever it is. */
const KILL_EVERY = 3;

const folder = mkdtempSync(path.join(tmpdir(), 'godoty-windows-'));
let stack: LocalStack;
let front: RefreshFront;

beforeAll(async () => {
  stack = await startTestStack({ accessTokenTtlSeconds: LIFE_MS / 1000 });
  front = await openRefreshFront(stack.supabaseUrl);
});

afterAll(async () => {
  await front.close();
  await stack.close();
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
});

it(
  'ten windows renew each token once, and nobody is signed out',
  { timeout: 120_000 + EXPIRIES * 15_000 },
  async () => {
    const windows = new WindowProcesses(await signedUp());
    const until = async (true_: () => boolean): Promise<void> => {
      await Promise.race([vi.waitUntil(true_, { timeout: 60_000 + EXPIRIES * 15_000, interval: 100 }), windows.failed]);
    };
    try {
      front.onExpiry = (expiries) => {
        // The user goes from window to window.
        windows.focus(expiries);
        if (expiries % DEATH_EVERY === 3) {
          windows.dieWhen(MOMENTS[windows.deaths.length % MOMENTS.length]);
        } else if (expiries % KILL_EVERY === 1) {
          // At another point of the token's life each time.
          schedule(() => windows.kill(expiries), (expiries * 370) % LIFE_MS);
        }
      };
      windows.open(WINDOWS);
      await until(() => front.expiries >= EXPIRIES);
      front.onExpiry = undefined;
      windows.chat();
      await until(() => windows.chatted === WINDOWS);
    } finally {
      await windows.close();
    }
    // On the server: one session with one chain of tokens, each given for the one before it, at 80 % of its life.
    const [server] = await stack.db.query(
      `select (select count(*) from auth.sessions)::int as sessions,
       (select count(*) from auth.sessions where family_revoked_at is not null)::int as ended,
       (select count(*) from local_stack.model_keys)::int as keys`,
    );
    expect(server).toEqual({ sessions: 1, ended: 0, keys: 1 });
    const { unbroken, lives } = await tokenChain(stack.db);
    expect(unbroken).toBe(true);
    expect(lives.filter((life) => life < 0.8 * LIFE_MS)).toEqual([]);

    // On the way: a token is sent once. It is sent again only when a window was killed between the two, with the answer in hand.
    const again = repeats(front.refreshes);
    expect(front.expiries).toBe(lives.length);
    const answered = windows.deaths.filter((moment) => moment === 'answered');
    expect(again.length).toBeGreaterThanOrEqual(answered.length);
    for (const { before, at } of again) {
      expect(windows.kills.some((kill) => before < kill && kill < at)).toBe(true);
    }
    console.log(
      `${lives.length} tokens ended, ${front.refreshes.length} refreshes, ${again.length} of them repeated; ` +
        `${windows.kills.length} windows killed, ${windows.deaths.length} of them in a renewal; ${windows.calls} calls`,
    );
  },
);

/** Somebody signs up in a window that is then closed. */
async function signedUp(): Promise<WindowConfig> {
  const secrets = new MemorySecrets();
  const files = new DiskFiles(folder, newUuid);
  const { store } = openVault({ secrets, files, lock: new MemoryLock() }, front.url);
  const backend = { supabaseUrl: front.url, publishableKey: stack.publishableKey, litellmUrl: stack.litellmUrl };
  const { client } = openWindow({ ...backend, store });
  await signUp({ client }, 'ten@example.org', PASSWORD);
  const userId = client.account()?.userId ?? '';
  client.free();
  return {
    ...{ supabaseUrl: front.url, supabaseKey: stack.publishableKey, litellmUrl: stack.litellmUrl },
    ...{ deviceId: newUuid(), deviceName: 'ten windows' },
    ...{ folder, userId, secrets: [...secrets.values], everyMs: 1500, model: stack.models[0] ?? '' },
  };
}
