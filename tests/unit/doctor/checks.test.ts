/** What each check finds when all is well, and when something is not: in words, with the step that leads on. */
import { beforeEach, describe, expect, it } from 'vitest';

import { hostOf } from '../../../extension/src/doctor/proxy.ts';
import { masked } from '../../../extension/src/doctor/account.ts';
import { host } from '../shell/vscode.ts';
import { ACCOUNT, EMAIL, MODELS, World, coreError, stepsOf } from './support.ts';

let world: World;

beforeEach(() => {
  host.reset();
  world = new World();
});

const found = async (id: string): Promise<[status: string, steps: string[]]> => {
  const finding = await world.find(id);
  return [finding.status, stepsOf(finding)];
};

describe('a world in which everything works', () => {
  it('has nothing to complain of, and two tests that take consent', async () => {
    const checks = [...world.checks().values()];
    const findings = await Promise.all(
      checks.map(async (check) => [check.id, (await check.run(new AbortController().signal)).status]),
    );
    const manual = ['answer', 'uriHandler'];
    expect(findings).toEqual(checks.map(({ id }) => [id, manual.includes(id) ? 'manual' : 'ok']));
    expect(checks.filter(({ test }) => test !== undefined).map(({ id }) => id)).toEqual(manual);
  });

  it('is asked once for what several lines rest on', async () => {
    const checks = world.checks();
    const { signal } = new AbortController();
    await Promise.all(['backend', 'streaming', 'clock'].map(async (id) => await checks.get(id)?.run(signal)));
    expect(world.asked.get('backend')).toBe(1);
  });

  it('says where the servers are and what they show of themselves', async () => {
    expect((await world.find('account')).facts).toEqual([
      ACCOUNT,
      'Name: found',
      'Port: open',
      'Certificate: trusted',
      'Issued by Example Trust, good until Jan 15, 2027, TLSv1.3',
    ]);
    world.inBrowser = true;
    expect((await world.find('models')).facts).toEqual([MODELS]);
  });

  it('says who is signed in without the whole address, and how long the token is good', async () => {
    const { text } = await world.find('session');
    expect(text).toBe('Signed in as a…@example.org. The token is good for 42 min and is renewed by itself.');
    expect([masked('@x'), masked('nobody'), masked('a@b@c.org')]).toEqual(['…', '…', 'a…@c.org']);
  });

  it('leaves the secret storage and the vaults as they were', async () => {
    await world.find('secrets');
    await world.find('vault');
    expect([[...world.secrets.values], [...world.files.bytes], world.removed]).toEqual([[], [], 1]);
  });
});

describe('the core and the settings', () => {
  it.each([
    ['a core that can’t be loaded', () => new Error('no such file'), ['reloadWindow', 'showLog']],
    [
      'an address that can’t be used',
      () => coreError('INVALID_CONFIGURATION', { reasons: ['litellmUrl'] }),
      ['openSettings'],
    ],
  ])('fail for %s, and the servers’ lines wait for that', async (_, fault, steps) => {
    world.clientFault = fault();
    expect(await found('core')).toEqual(['failed', steps]);
    for (const id of ['account', 'backend', 'models', 'streaming', 'clock']) {
      expect(await found(id), id).toEqual(['skipped', []]);
    }
  });
});

describe('the secret storage', () => {
  it.each([
    [
      'refuses',
      (): void => {
        world.secrets.store = () => Promise.reject(new Error('no keyring'));
      },
    ],
    [
      'forgets',
      (): void => {
        world.secrets.onStore = () => world.secrets.values.clear();
      },
    ],
    [
      'does not delete',
      (): void => {
        world.secrets.delete = () => Promise.resolve();
      },
    ],
  ])('that %s leads to a keyring', async (_, break_) => {
    break_();
    expect(await found('secrets')).toEqual(['failed', ['keyring']]);
  });
});

describe('the secret storage of a browser’s window', () => {
  it('is read and never written, since a write would put back all that the window knows', async () => {
    world.privateSecrets = true;
    world.secrets.store = () => Promise.reject(new Error('not asked for'));
    expect(await found('secrets')).toEqual(['ok', []]);
    world.secrets.get = () => Promise.reject(new Error('no keyring'));
    expect(await found('secrets')).toEqual(['failed', ['keyring']]);
  });
});

describe('the session store', () => {
  const failing = (code: string): Error => Object.assign(new Error(code), { code });

  it.each([
    ['ENOSPC', /disk is full/u],
    ['EACCES', /can’t be read or written/u],
    ['EIO', /can’t be read or stored/u],
  ])('that fails with %s says so', async (code, text) => {
    world.scratchFiles.failWriting = failing(code);
    const finding = await world.find('vault');
    expect([finding.status, stepsOf(finding)]).toEqual(['failed', ['showLog']]);
    expect(finding.text).toMatch(text);
    expect(world.removed).toBe(1);
  });

  it('that holds what can’t be read leads to signing in, and stays as it is', async () => {
    const signingIn = new World();
    await signingIn.ports.sessionVault(() => undefined).update(() => Promise.resolve({ kind: 'replace', text: 'x' }));
    const [name] = signingIn.files.only;
    world.secrets.values = signingIn.secrets.values;
    world.files.put(name, 'damaged');
    expect(await found('vault')).toEqual(['failed', ['signIn']]);
    expect(world.files.only).toEqual([name, 'damaged']);
  });
});

describe('a server', () => {
  it.each([
    [
      'whose name nobody knows',
      'dns',
      { reached: 'nothing', code: 'ENOTFOUND' },
      ['Name: not found (ENOTFOUND)'],
      ['retry', 'openSettings'],
    ],
    [
      'at which nobody listens',
      'refused',
      { reached: 'name', code: 'ECONNREFUSED' },
      ['Name: found', 'Port: no connection (ECONNREFUSED)'],
      ['retry', 'openSettings'],
    ],
    [
      'whose certificate is refused',
      'tls',
      {
        reached: 'port',
        code: 'SELF_SIGNED_CERT_IN_CHAIN',
        certificate: { protocol: 'TLSv1.3', issuer: '[Evil](command:x) `Proxy`', validTo: 0 },
      },
      [
        'Name: found',
        'Port: open',
        'Certificate: refused (SELF_SIGNED_CERT_IN_CHAIN)',
        'Issued by Evil(command:x) Proxy, good until Jan 15, 2027, TLSv1.3',
      ],
      ['retry', 'openSettings'],
    ],
    [
      'that only the proxy keeps away',
      'other',
      { reached: 'certificate' },
      ['Name: found', 'Port: open', 'Certificate: trusted'],
      ['retry', 'openSettings', 'openProxySettings'],
    ],
  ] as const)('%s is told with the step that failed', async (_, network, inspection, facts, steps) => {
    world.probes.models = coreError('NETWORK_ERROR', { network, origin: MODELS, server: 'models' });
    world.inspection = inspection;
    const finding = await world.find('models');
    expect([finding.status, finding.code, stepsOf(finding)]).toEqual(['failed', `NETWORK_ERROR ${network}`, steps]);
    expect(finding.facts).toEqual([MODELS, ...facts]);
    expect(finding.text.endsWith('proxy.')).toBe(network === 'other');
  });

  it('that does not know the publishable key leads to the setting', async () => {
    world.probes.account = coreError('INVALID_CONFIGURATION', { status: 401, reasons: ['supabaseKey'] });
    const finding = await world.find('account');
    expect(finding.text).toMatch(/does not know the key in “godoty\.backend\.supabaseKey”/u);
    expect(stepsOf(finding)).toEqual(['openSettings']);
  });

  it('that is another one than it should be leads to the setting', async () => {
    world.probes.models = coreError('UNEXPECTED_RESPONSE', { server: 'models', status: 404, origin: MODELS });
    expect(await found('models')).toEqual(['failed', ['openSettings', 'showLog']]);
  });

  it.each([
    ['unreachable', 'ok', /do not reach their database/u],
    ['ok', 'unreachable', /do not reach the model server/u],
    ['ok', 'misconfigured', /not set up for the model server/u],
    ['anything else', 'ok', /do not reach their database/u],
  ])(
    'whose functions find their database %s and the models %s says what is missing',
    async (database, models, text) => {
      world.probes.readiness = { tookMs: 1, database, models };
      const finding = await world.find('readiness');
      expect([finding.status, stepsOf(finding)]).toEqual(['failed', ['retry']]);
      expect(finding.text).toMatch(text);
    },
  );
});

describe('streams and clocks', () => {
  it('warns of what holds streams back', async () => {
    world.probes.backend = { tookMs: 1, version: '1', heldBack: true };
    expect(await found('streaming')).toEqual(['warning', ['openProxySettings', 'retry']]);
  });

  it.each([
    [true, /5 min ahead/u],
    [false, /5 min behind/u],
  ])('warns of a clock that is ahead: %s', async (ahead, text) => {
    world.probes.backend = { tookMs: 1, version: '1', clock: { offMs: 300_000, ahead, wrong: true } };
    const finding = await world.find('clock');
    expect([finding.status, stepsOf(finding)]).toEqual(['warning', ['retry']]);
    expect(finding.text).toMatch(text);
  });

  it('says nothing of either where the functions do not', async () => {
    world.probes.backend = { tookMs: 1, version: '0.0.1' };
    expect([await found('streaming'), await found('clock')]).toEqual([
      ['skipped', []],
      ['skipped', []],
    ]);
    world.probes.backend = coreError('UNEXPECTED_RESPONSE', { status: 404, server: 'account' });
    expect(await found('backend')).toEqual(['failed', ['openSettings', 'showLog']]);
    expect(await found('clock')).toEqual(['skipped', []]);
  });
});

describe('proxies', () => {
  it('are named without what they are logged in to with', async () => {
    world.proxy.proxy = 'http://ada:hunter2@proxy.example:8080/path';
    world.variables = [['HTTPS_PROXY', 'https://ada:p@ss/word@10.0.0.1:3128']];
    const finding = await world.find('proxy');
    expect(finding.facts).toEqual(['http.proxy: proxy.example:8080', 'HTTPS_PROXY: 10.0.0.1:3128']);
    expect(finding.status).toBe('ok');
  });

  it.each([
    ['proxy.example', 'proxy.example'],
    ['http://[::1]:3128', '[::1]:3128'],
    ['socks5://u@h:1', 'h:1'],
    ['%%%', '…'],
  ])('%s is shown as %s', (address, shown) => {
    expect(hostOf(address)).toBe(shown);
  });

  it('warn when any certificate is taken, and when extensions go past them', async () => {
    world.proxy.strictSsl = false;
    expect(await found('proxy')).toEqual(['warning', ['openProxySettings']]);
    world.proxy = { proxy: 'http://proxy.example', support: 'off', strictSsl: true };
    expect(await found('proxy')).toEqual(['warning', ['openProxySettings']]);
  });

  it('are the browser’s business in a browser', async () => {
    world.inBrowser = true;
    expect(await found('proxy')).toEqual(['skipped', []]);
  });
});

describe('the account', () => {
  it('of nobody leads to signing in, and the lines that need it wait', async () => {
    world.state = { kind: 'signedOut' };
    expect(await found('session')).toEqual(['warning', ['signIn']]);
    for (const id of ['data', 'key', 'answer']) {
      expect(await found(id), id).toEqual(['skipped', []]);
    }
  });

  it('whose session has ended can still be answered', async () => {
    world.state = { kind: 'signedOut', keyOf: 'u1' };
    const { text } = await world.find('session');
    expect(text).toMatch(/session has ended, and chat goes on/u);
    expect([await found('data'), await found('key'), await found('answer')]).toEqual([
      ['skipped', []],
      ['ok', []],
      ['manual', ['testAnswer']],
    ]);
  });

  it('whose data can’t be read says why, and never what the server said', async () => {
    world.unread = { code: 'SERVER_ERROR', retryable: true, status: 500, serverMessage: `token of ${EMAIL}` };
    const finding = await world.find('data');
    expect([finding.status, finding.code, stepsOf(finding)]).toEqual([
      'failed',
      'SERVER_ERROR HTTP 500',
      ['retry', 'showLog'],
    ]);
    expect(JSON.stringify(finding)).not.toContain(EMAIL);
  });

  it('whose key is refused says what happens next', async () => {
    world.probes.key = coreError('KEY_REJECTED', { status: 401 });
    expect(await found('key')).toEqual(['warning', ['retry']]);
    world.probes.key = coreError('QUOTA_EXCEEDED', { status: 422 });
    expect(await found('key')).toEqual(['failed', ['showUsage']]);
  });
});

describe('a real answer', () => {
  const ask = async () => {
    const test = world.checks().get('answer')?.test;
    if (test === undefined) throw new Error('there is no test');
    return await test.run(new AbortController().signal);
  };

  it('that streams is all right, and says what it cost', async () => {
    const finding = await ask();
    expect([finding.status, finding.text]).toEqual(['ok', 'gpt-4o-mini answered piece by piece.']);
    expect(finding.facts).toEqual(['2 pieces, the first after 0 ms, the last after 0 ms', 'Cost: $0.00004']);
  });

  it('that comes at once is a warning', async () => {
    world.cameAtOnce = true;
    const finding = await ask();
    expect([finding.status, stepsOf(finding)]).toEqual(['warning', ['openProxySettings']]);
  });

  it('that fails, is cut off, or has no model to come from says so', async () => {
    const cost = { text: '–', source: 'unknown' } as const;
    const end = (outcome: object): void => {
      world.chat = () => Promise.resolve({ outcome, toolCalls: [], cost } as never);
    };
    end({ kind: 'error', error: { code: 'KEY_REJECTED', retryable: false } });
    expect((await ask()).code).toBe('KEY_REJECTED');
    end({ kind: 'truncated' });
    expect((await ask()).status).toBe('warning');
    world.models = [];
    expect((await ask()).text).toMatch(/no model for you/u);
  });
});

describe('the way back', () => {
  const test = (signal: AbortSignal) => {
    const found = world.checks().get('uriHandler')?.test;
    if (found === undefined) throw new Error('there is no test');
    return { ended: found.run(signal), late: found.late() };
  };
  const take = (path: string, query: string): boolean => world.roundTrip.take({ path, query } as never);

  it('is found with the very nonce that was sent, once', async () => {
    const { ended } = test(new AbortController().signal);
    expect(await host.browsed.next()).toBe('test-code://godoty.godoty/doctor?nonce=a-nonce');
    expect(take('/auth/callback', 'nonce=a-nonce')).toBe(false);
    expect(take('/doctor', 'nonce=another')).toBe(true);
    expect(take('/doctor', 'nonce=a-nonce')).toBe(true);
    expect((await ended).status).toBe('ok');
    // A replay is nothing to anybody.
    expect(take('/doctor', 'nonce=a-nonce')).toBe(true);
  });

  it('that nobody comes leads to a way that needs none', async () => {
    const leaving = new AbortController();
    const { late } = test(leaving.signal);
    await host.browsed.next();
    leaving.abort();
    expect([late.status, stepsOf(late)]).toEqual(['warning', ['signIn']]);
    expect(late.text).toMatch(/code by e-mail/u);
  });

  it('sends no browser off for somebody who has left meanwhile', async () => {
    const leaving = new AbortController();
    const { ended } = test(leaving.signal);
    leaving.abort();
    expect((await ended).status).toBe('failed');
    expect(host.browsed.waiting).toEqual([]);
  });

  it('that no browser takes says so', async () => {
    host.browserOpens = false;
    const { ended } = test(new AbortController().signal);
    expect((await ended).status).toBe('failed');
  });

  it('by a port is looked at where the browser is on the same machine, and only there', async () => {
    expect(await found('port')).toEqual(['ok', []]);
    world.knock = () => Promise.reject(new Error('refused'));
    expect(await found('port')).toEqual(['warning', ['signIn']]);
    world.knock = () => Promise.resolve(404);
    expect(await found('port')).toEqual(['warning', ['signIn']]);
    host.desktop = false;
    expect(world.checks().has('port')).toBe(false);
  });
});
