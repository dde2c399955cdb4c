// The memory check of a valid session: `GodotyClient.accessToken()` beside `getSession()` of @supabase/auth-js, each with
// a session that lives for an hour, in one process, in turns.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { createClient } from '@supabase/supabase-js';

import { loadCore } from '../sse/bench.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const URL_OF_NOBODY = 'http://127.0.0.1:9';
const CALLS = 5000;
const HOUR = 3_600_000;
/** What the check may take, in microseconds: every call to the backend begins with it. */
const LIMIT_US = 10;

const token = `e30.${Buffer.from('{"session_id":"s1","sub":"u1"}').toString('base64url')}.sig`;

/** A client of the core whose store holds a session; whatever calls a server would fail. */
async function ours(pkg) {
  const { GodotyClient } = await loadCore(pkg);
  const now = Date.now();
  const text = JSON.stringify({
    version: 1,
    origin: URL_OF_NOBODY,
    session: {
      session_id: 's1',
      user_id: 'u1',
      email: 'u1@example.org',
      access_token: token,
      refresh_token: 'r1',
      issued_at: now,
      expires_at: now + HOUR,
      generation: 1,
    },
  });
  const config = {
    supabaseUrl: URL_OF_NOBODY,
    supabaseKey: 'k',
    litellmUrl: URL_OF_NOBODY,
    deviceId: 'd',
    deviceName: 'n',
  };
  const client = new GodotyClient(config, {
    now: () => Date.now(),
    randomUuid: () => crypto.randomUUID(),
    jitter: () => 0,
    setTimer: () => 0,
    clearTimer: () => undefined,
    readStore: () => Promise.resolve(text),
    updateStore: () => Promise.reject(new Error('nothing is to be written')),
    onEvent: () => undefined,
    loadUsageQueues: () => Promise.resolve([]),
    saveUsageQueue: () => Promise.resolve(),
    loadPriceMap: () => Promise.reject(new Error('no price is asked for')),
  });
  await client.restore();
  return async () => (await client.accessToken()) === token;
}

async function peer() {
  const expiresAt = Math.floor((Date.now() + HOUR) / 1000);
  const session = {
    access_token: token,
    refresh_token: 'r1',
    token_type: 'bearer',
    expires_in: 3600,
    expires_at: expiresAt,
    user: {
      id: 'u1',
      email: 'u1@example.org',
      app_metadata: {},
      user_metadata: {},
      aud: 'authenticated',
      created_at: '',
    },
  };
  const items = new Map([['session', JSON.stringify(session)]]);
  const { auth } = createClient(URL_OF_NOBODY, 'k', {
    // Node 20 has no WebSocket of its own, and none is opened.
    realtime: { transport: class {} },
    auth: {
      storageKey: 'session',
      autoRefreshToken: false,
      storage: {
        getItem: (key) => items.get(key) ?? null,
        setItem: (key, value) => void items.set(key, value),
        removeItem: (key) => void items.delete(key),
      },
    },
  });
  return async () => (await auth.getSession()).data.session?.access_token === token;
}

/** Microseconds per call, one after another. */
async function measure(check) {
  const from = performance.now();
  for (let call = 0; call < CALLS; call += 1) {
    if (!(await check())) throw new Error('no token came');
  }
  return ((performance.now() - from) * 1000) / CALLS;
}

const median = (numbers) => numbers.toSorted((a, b) => a - b)[numbers.length >> 1];

export async function* benchGuard({ rounds, pkg }) {
  const [own, other] = [await ours(pkg), await peer()];
  const times = { ours: [], peer: [] };
  for (let round = 0; round <= rounds; round += 1) {
    const pair = [await measure(own), await measure(other)];
    // The first round warms up.
    if (round > 0) {
      times.ours.push(pair[0]);
      times.peer.push(pair[1]);
    }
  }
  const [us, peerUs] = [median(times.ours), median(times.peer)];
  if (us >= LIMIT_US) throw new Error(`a session in memory takes ${us.toFixed(1)} µs, and not less than ${LIMIT_US}`);
  const { version } = JSON.parse(readFileSync(join(root, 'node_modules/@supabase/auth-js/package.json'), 'utf8'));
  yield {
    bench: 'guard',
    peer: `@supabase/auth-js ${version} getSession()`,
    ours_us: Number(us.toFixed(2)),
    peer_us: Number(peerUs.toFixed(2)),
    ratio: Number((peerUs / us).toFixed(2)),
  };
}

/** @param {{peer: string, ratio: number, ours_us: number, peer_us: number}} line */
export const describeGuard = ({ peer: name, ratio, ours_us: us, peer_us: peerUs }) =>
  `guard ${name} ${ratio.toFixed(2)}× faster (${us.toFixed(1)} against ${peerUs.toFixed(1)} µs for a session in memory)`;
