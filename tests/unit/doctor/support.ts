/** Ports of the doctor on which everything works, for tests that break one of them. */
import type { ErrorDetail, GodotyClient, ProbeFinding, ProbeId } from '../../../crate/wasm/pkg/godoty_core.js';
import type { AccountState } from '../../../extension/src/account.ts';
import { allChecks } from '../../../extension/src/doctor/checks.ts';
import type { CheckPorts } from '../../../extension/src/doctor/checks.ts';
import type { Check, Finding } from '../../../extension/src/doctor/finding.ts';
import { RoundTrip } from '../../../extension/src/doctor/wayBack.ts';
import type { Inspection } from '../../../extension/src/platform.ts';
import { MemoryFiles, MemoryLock, MemorySecrets } from '../vault/support.ts';
import { VaultSessionStore } from '../../../extension/src/auth/vault/vault.ts';

export const EMAIL = 'ada.lovelace@example.org';
export const NOW = 1_800_000_000_000;
export const ACCOUNT = 'https://account.example';
export const MODELS = 'https://models.example';

export const SIGNED_IN: AccountState = {
  kind: 'signedIn',
  account: { sessionId: 's1', userId: 'u1', email: EMAIL },
};

/** What the core throws. */
export function coreError(code: ErrorDetail['code'], more: Partial<ErrorDetail> = {}): Error {
  const detail: ErrorDetail = { code, retryable: false, ...more };
  return Object.assign(new Error(code), { name: 'GodotyError', detail });
}

/** What a test may change of a world in which everything works. */
export class World {
  state: AccountState = SIGNED_IN;
  /** Why there is no client. */
  clientFault: Error | undefined;
  probes: Record<ProbeId, ProbeFinding | Error> = {
    account: { tookMs: 20 },
    backend: { tookMs: 20, version: '0.1.0', clock: { offMs: 300, ahead: true, wrong: false }, heldBack: false },
    readiness: { tookMs: 20, database: 'ok', models: 'ok' },
    models: { tookMs: 30 },
    key: { tookMs: 0 },
  };
  /** How often each was asked for. */
  readonly asked = new Map<ProbeId, number>();
  tokenFault: Error | undefined;
  unread: ErrorDetail | undefined;
  inspection: Inspection = {
    reached: 'certificate',
    certificate: { protocol: 'TLSv1.3', issuer: 'Example Trust', validTo: NOW },
  };
  knock: () => Promise<number> = () => Promise.resolve(200);
  variables: (readonly [string, string])[] = [];
  proxy = { proxy: '', support: 'override', strictSsl: true };
  inBrowser = false;
  privateSecrets = false;
  readonly secrets = new MemorySecrets();
  readonly files = new MemoryFiles();
  readonly scratchFiles = new MemoryFiles();
  removed = 0;
  cameAtOnce = false;
  chat: GodotyClient['chat'] = (_id, _call, _options, onPiece) => {
    onPiece({ text: '1' });
    onPiece({ text: '2' });
    return Promise.resolve({
      outcome: { kind: 'done' },
      toolCalls: [],
      cost: { text: '$0.00004', source: 'settled' },
    });
  };
  models = [{ id: 'gpt-4o-mini', chat: true }];
  readonly reports: string[] = [];
  readonly roundTrip = new RoundTrip(() => 'a-nonce');

  readonly client = {
    probe: (id: ProbeId) => {
      this.asked.set(id, (this.asked.get(id) ?? 0) + 1);
      const found = this.probes[id];
      return found instanceof Error ? Promise.reject(found) : Promise.resolve(found);
    },
    accessToken: () => (this.tokenFault === undefined ? Promise.resolve('token') : Promise.reject(this.tokenFault)),
    tokenEndsAt: () => NOW + 42 * 60_000,
    usageOverview: () => Promise.resolve(this.unread === undefined ? {} : { unread: this.unread }),
    models: () => Promise.resolve(this.models),
    chat: (...args: Parameters<GodotyClient['chat']>) => this.chat(...args),
  } as unknown as GodotyClient;

  get ports(): CheckPorts {
    const vault =
      (files: MemoryFiles, secrets: MemorySecrets) => (onTrouble: (trouble: never, error: unknown) => void) =>
        new VaultSessionStore(
          {
            files,
            lock: new MemoryLock(),
            secrets,
            privateSecrets: false,
            marker: { former: [], get: () => [], add: () => undefined },
            changes: { start: () => undefined, onDidChange: () => ({ dispose: () => undefined }) },
            now: () => NOW,
            onTrouble: onTrouble as never,
          },
          ACCOUNT,
        );
    const report = (what: string): void => void this.reports.push(what);
    const settings = {
      backend: { supabaseUrl: `${ACCOUNT}/`, supabaseKey: 'sb_publishable_key', litellmUrl: MODELS },
      autoSignIn: true,
      showCostEstimates: true,
      defaultModel: 'gpt-4o-mini',
      network: { timeoutSeconds: 5, maxRetries: 0 },
    };
    const world = this as World;
    return {
      account: {
        client: () =>
          this.clientFault === undefined ? Promise.resolve(this.client) : Promise.reject(this.clientFault),
        restore: () => Promise.resolve(),
        get state() {
          return world.state;
        },
      },
      version: '0.1.0',
      coreVersion: () => '0.1.0',
      network: this.inBrowser
        ? undefined
        : {
            system: 'linux x64',
            inspect: () => Promise.resolve(this.inspection),
            knock: () => this.knock(),
            proxyVariables: () => this.variables,
          },
      openLoopback: this.inBrowser
        ? undefined
        : () => Promise.resolve({ redirectTo: 'http://127.0.0.1:1/cb', close: () => undefined }),
      roundTrip: this.roundTrip,
      secrets: this.secrets,
      privateSecrets: this.privateSecrets,
      sessionVault: vault(this.files, this.secrets),
      scratchVault: (onTrouble) => ({
        store: vault(this.scratchFiles, new MemorySecrets())(onTrouble),
        remove: () => {
          this.removed += 1;
          return Promise.resolve();
        },
      }),
      backend: () => settings.backend,
      settings: () => settings,
      proxy: () => this.proxy,
      formatTime: () => 'Jan 15, 2027',
      cameAtOnce: () => this.cameAtOnce,
      now: () => NOW,
      newId: () => 'id',
      newNonce: () => 'a-nonce',
      report,
    };
  }

  /** The checks of a run. */
  checks(): ReadonlyMap<string, Check> {
    return new Map(allChecks(this.ports).map((check) => [check.id, check]));
  }

  /** What one check finds. */
  async find(id: string): Promise<Finding> {
    const check = this.checks().get(id);
    if (check === undefined) throw new Error(`there is no check ${id}`);
    return await check.run(new AbortController().signal);
  }
}

/** The ids of what a finding leads to. */
export const stepsOf = ({ steps = [] }: Finding): string[] => steps.map(({ id }) => id);
