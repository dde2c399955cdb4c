/** The run of all checks, the editor that shows it, and the report that people paste. */
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { Uri as VsCodeUri } from 'vscode';

import { Doctor } from '../../../extension/src/doctor/doctor.ts';
import { DoctorPanel } from '../../../extension/src/doctor/doctorPanel.ts';
import { ok, warning } from '../../../extension/src/doctor/finding.ts';
import type { Check, Finding } from '../../../extension/src/doctor/finding.ts';
import { parseHostMessage } from '../../../extension/src/doctor/pageProtocol.ts';
import { toReport, withoutSecrets } from '../../../extension/src/doctor/report.ts';
import { host } from '../shell/vscode.ts';
import type { FakePanel } from '../shell/vscode.ts';
import { EMAIL, World, coreError } from './support.ts';

let checks: Check[];
let timers: { run: () => void; after: number; stopped: boolean }[];
let reports: string[];
let actions: string[];
let doctor: Doctor;
let panel: DoctorPanel;

beforeEach(() => {
  host.reset();
  checks = [];
  timers = [];
  reports = [];
  actions = [];
  const report = (what: string): void => void reports.push(what);
  doctor = new Doctor({
    checks: () => checks,
    schedule: (run, after) => {
      const timer = { run, after, stopped: false };
      timers.push(timer);
      return () => {
        timer.stopped = true;
      };
    },
    report,
  });
  panel = new DoctorPanel({
    extensionUri: VsCodeUri.file('/extension'),
    doctor,
    runAction: (id) => actions.push(id),
    secrets: () => ['sb_publishable_key', EMAIL],
    time: () => '2026-11-21T12:00:00.000Z',
    newNonce: () => 'n0nce',
    report,
  });
});

/** A check whose end the test decides. */
function waiting(id: string, more: Partial<Check> = {}) {
  const ends: ((finding: Finding) => void)[] = [];
  const signals: AbortSignal[] = [];
  const check: Check = {
    id,
    group: 'network',
    title: id,
    run: (signal) => {
      signals.push(signal);
      return new Promise((resolve) => ends.push(resolve));
    },
    ...more,
  };
  checks.push(check);
  return { check, ends, signals };
}

const statuses = (): (string | undefined)[] => doctor.lines.map(({ finding }) => finding?.status);

describe('the doctor', () => {
  it('begins all at once, and shows each as it ends', async () => {
    const first = waiting('first');
    const second = waiting('second');
    doctor.start();
    expect([first.ends.length, second.ends.length, statuses()]).toEqual([1, 1, [undefined, undefined]]);
    second.ends[0]?.(ok('fine'));
    await vi.waitFor(() => expect(statuses()).toEqual([undefined, 'ok']));
    first.ends[0]?.(warning('hm'));
    await vi.waitFor(() => expect(statuses()).toEqual(['warning', 'ok']));
    expect(timers.every(({ stopped }) => stopped)).toBe(true);
  });

  it('puts what a check throws into words, and goes on with the others', async () => {
    waiting('broken', { run: () => Promise.reject(new Error('a defect')) });
    waiting('refused', { run: () => Promise.reject(coreError('NETWORK_ERROR', { network: 'dns' })) });
    waiting('fine', { run: () => Promise.resolve(ok('fine')) });
    doctor.start();
    await vi.waitFor(() => expect(statuses()).toEqual(['failed', 'failed', 'ok']));
    expect(doctor.lines.map(({ finding }) => finding?.code)).toEqual(['INTERNAL', 'NETWORK_ERROR dns', undefined]);
    expect(reports).toEqual(['the doctor (broken)', 'the doctor (refused)']);
  });

  it('gives a check twenty seconds, and tells it to stop then', async () => {
    const { signals } = waiting('slow');
    doctor.start();
    expect(timers.map(({ after }) => after)).toEqual([20_000]);
    timers[0]?.run();
    await vi.waitFor(() => expect(statuses()).toEqual(['warning']));
    expect(signals[0]?.aborted).toBe(true);
  });

  it('can be left: what was found stays', async () => {
    waiting('slow');
    waiting('quick', { run: () => Promise.resolve(ok('fine')) });
    doctor.start();
    await vi.waitFor(() => expect(statuses()).toEqual([undefined, 'ok']));
    doctor.cancel();
    await vi.waitFor(() => expect(statuses()).toEqual(['skipped', 'ok']));
  });

  it('begins anew, and what the old run finds counts no more', async () => {
    const old = waiting('slow');
    doctor.start();
    checks = [];
    const fresh = waiting('slow');
    doctor.start();
    expect(old.signals[0]?.aborted).toBe(true);
    old.ends[0]?.(ok('of yesterday'));
    fresh.ends[0]?.(warning('of today'));
    await vi.waitFor(() => expect(doctor.lines[0]?.finding?.text).toBe('of today'));
  });

  it('begins a test when it is told to, with a limit of its own, also after it was left', async () => {
    const run = vi.fn(() => Promise.resolve(ok('came back')));
    const late = () => warning('nothing came');
    waiting('back', {
      run: () => Promise.resolve({ status: 'manual', text: 'not yet' }),
      test: { id: 'testWayBack', limitMs: 30_000, run, late },
    });
    doctor.start();
    await vi.waitFor(() => expect(statuses()).toEqual(['manual']));
    expect(run).not.toHaveBeenCalled();
    doctor.cancel();
    doctor.test('testAnswer');
    doctor.test('testWayBack');
    await vi.waitFor(() => expect(statuses()).toEqual(['ok']));
    expect([run.mock.calls.length, timers.at(-1)?.after]).toEqual([1, 30_000]);
    run.mockReturnValue(new Promise(() => undefined));
    doctor.test('testWayBack');
    timers.at(-1)?.run();
    await vi.waitFor(() => expect(doctor.lines[0]?.finding?.text).toBe('nothing came'));
  });
});

describe('the doctor’s editor', () => {
  const opened = (): FakePanel => {
    panel.show();
    const [editor] = host.panels;
    if (editor === undefined) throw new Error('no editor was opened');
    return editor;
  };
  const lastOf = ({ posted }: FakePanel) => parseHostMessage(posted.at(-1));

  it('is one, and begins anew each time it is asked for', () => {
    waiting('slow');
    const editor = opened();
    panel.show();
    expect([host.panels.length, editor.revealed, timers.length]).toEqual([1, 1, 2]);
    expect(editor.html).toContain('src="/extension/dist/webview/doctor.js"');
    expect(editor.html).toContain("default-src 'none'");
  });

  it('shows the lines in groups, and sums them up once they are there', async () => {
    const { ends } = waiting('slow', { title: 'A server' });
    waiting('secrets', { group: 'storage', run: () => Promise.resolve(ok('kept', ['a fact'])) });
    const editor = opened();
    await vi.waitFor(() => {
      expect(lastOf(editor)).toMatchObject({ state: { done: 1, total: 2, summary: 'Checking…' } });
    });
    ends[0]?.({ status: 'failed', text: 'no', steps: [{ id: 'openSettings', label: 'Open Settings' }] });
    await vi.waitFor(() => {
      expect(lastOf(editor)).toMatchObject({ state: { done: 2, total: 2, summary: '1 problem' } });
    });
    expect(lastOf(editor)).toMatchObject({
      state: {
        groups: [
          { title: 'What needs attention', lines: [{ tone: 'failed', status: 'Problem', steps: [{}] }] },
          { title: 'Storage', lines: [{ tone: 'ok', status: 'OK', text: 'kept', facts: ['a fact'] }] },
        ],
      },
    });
  });

  it('leads on: to a remedy, to a test, to another run, and nowhere for a stranger', async () => {
    const run = vi.fn(() => Promise.resolve(ok('answered')));
    waiting('answer', {
      run: () => Promise.resolve({ status: 'manual', text: 'not yet' }),
      test: { id: 'testAnswer', limitMs: 1, run, late: () => ok('') },
    });
    const editor = opened();
    await vi.waitFor(() => expect(statuses()).toEqual(['manual']));
    editor.say({ type: 'step', id: 'openSettings' });
    editor.say({ type: 'step', id: 'testAnswer' });
    editor.say({ type: 'step', id: 'retry' });
    editor.say({ type: 'again' });
    for (const stranger of [null, {}, { type: 'eval' }, { type: 'step', id: 'x'.repeat(41) }]) {
      editor.say(stranger);
    }
    // The first run and two more, and the test between them.
    expect([actions, run.mock.calls.length, timers.length]).toEqual([['openSettings'], 1, 4]);
    expect(reports).toEqual(Array(4).fill('the doctor’s page'));
  });

  it('leaves what is under way when the user says so, and when it is closed', async () => {
    const { signals } = waiting('slow');
    const editor = opened();
    editor.say({ type: 'cancel' });
    await vi.waitFor(() => expect(statuses()).toEqual(['skipped']));
    editor.say({ type: 'again' });
    expect(signals[1]?.aborted).toBe(false);
    editor.close();
    expect(signals[1]?.aborted).toBe(true);
  });

  it('copies the report, and says that it has', async () => {
    waiting('secrets', { title: 'Secret storage', run: () => Promise.resolve(ok('Kept.', ['a fact'])) });
    const editor = opened();
    await vi.waitFor(() => expect(statuses()).toEqual(['ok']));
    editor.say({ type: 'copy' });
    await vi.waitFor(() => expect(lastOf(editor)).toEqual({ type: 'copied' }));
    expect(host.clipboard).toBe(
      [
        '## Godoty: Doctor',
        '',
        'No problem was found (2026-11-21T12:00:00.000Z)',
        '',
        '- **Secret storage**: OK. Kept.',
        '  - a fact',
        '',
      ].join('\n'),
    );
  });
});

describe('the report', () => {
  const SECRETS = {
    token: `eyJhbGciOiJFUzI1NiJ9.${'e30'.repeat(9)}.c2ln`,
    key: 'sk-Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4',
    secretKey: 'sb_secret_0123456789abcdef',
    publishableKey: 'sb_publishable_0123456789abcdef',
    password: 'hunter2',
    owner: 'alovelace',
    email: EMAIL,
    custom: 'anon-key-of-an-older-project',
  };

  it('holds no secret, wherever one lies', async () => {
    const world = new World();
    const words = Object.values(SECRETS).join(' ');
    const error = (code: 'SERVER_ERROR' | 'NETWORK_ERROR') => coreError(code, { serverMessage: words, status: 500 });
    world.state = { kind: 'signedIn', account: { sessionId: SECRETS.token, userId: 'u1', email: EMAIL } };
    world.probes = {
      account: error('SERVER_ERROR'),
      backend: { tookMs: 1, version: SECRETS.token },
      readiness: { tookMs: 1, database: words, models: words },
      models: error('NETWORK_ERROR'),
      key: error('SERVER_ERROR'),
    };
    world.unread = { code: 'SERVER_ERROR', retryable: true, serverMessage: words };
    world.tokenFault = new Error(words);
    world.proxy.proxy = `http://ada:${SECRETS.password}@proxy.example:8080`;
    world.variables = [['ALL_PROXY', `socks5://${SECRETS.owner}:${SECRETS.password}@10.0.0.1`]];
    world.inspection = {
      reached: 'port',
      code: 'CERT_HAS_EXPIRED',
      certificate: { protocol: 'TLSv1.3', issuer: `Bearer ${SECRETS.token} of ${EMAIL}`, validTo: 0 },
    };
    world.scratchFiles.failWriting = new Error(`EIO: /home/${SECRETS.owner}/.config ${words}`);
    world.secrets.store = () => Promise.reject(new Error(words));
    world.models = [{ id: SECRETS.key, chat: true }];
    checks = [...world.checks().values()];
    doctor.start();
    await vi.waitFor(() => expect(statuses()).not.toContain(undefined));
    doctor.test('testAnswer');
    await vi.waitFor(() => expect(statuses()).not.toContain(undefined));
    const report = toReport(doctor.lines, 'now', [SECRETS.custom, EMAIL]);
    expect(report.split('\n').length).toBeGreaterThan(checks.length);
    for (const [name, secret] of Object.entries(SECRETS)) {
      expect(report, name).not.toContain(secret);
    }
  });

  it.each([
    ['a token', SECRETS.token, '[token]'],
    ['a header', `Authorization: Bearer abc.def`, 'Authorization: [token]'],
    ['a model key', SECRETS.key, '[key]'],
    ['a secret key', SECRETS.secretKey, '[key]'],
    ['what is left of an e-mail', 'Signed in as g…@navy.example.mil.', 'Signed in as [e-mail].'],
    ['an e-mail', 'mail to grace@navy.example.mil!', 'mail to [e-mail]!'],
    ['a login in an address', 'https://u:p@host/x', 'https://host/x'],
    ['a Unix folder', '/home/ada/x and /Users/ada/y', '/home/…/x and /Users/…/y'],
    ['a Windows folder', String.raw`C:\Users\ada\x`, String.raw`C:\Users\…\x`],
    ['what the settings hold', `a ${SECRETS.custom} b`, 'a … b'],
    ['an ordinary line', 'It answers, after 20 ms.', 'It answers, after 20 ms.'],
  ])('leaves out %s', (_, text, without) => {
    expect(withoutSecrets(text, [SECRETS.custom, ''])).toBe(without);
  });

  it('has the codes of what went wrong, and nothing of a check that is under way', async () => {
    waiting('slow');
    waiting('refused', { title: 'Model server', run: () => Promise.reject(coreError('TIMEOUT')) });
    doctor.start();
    await vi.waitFor(() => expect(statuses()).toEqual([undefined, 'failed']));
    const report = toReport(doctor.lines, 'now', []);
    expect(report).toMatch(/^- \*\*Model server\*\*: Problem \(TIMEOUT\)\. /mu);
    expect(report).not.toContain('slow');
  });
});
