/** The servers and the way to them. Whether they answer is for the core to find out; Node adds what stops a connection. */
import { l10n } from 'vscode';

import type { ProbeFinding, ProbeId } from '../../../crate/wasm/pkg/godoty_core.js';
import type { Inspection, NetworkSight } from '../platform.ts';
import type { BackendSettings, ProxySettings } from '../settings.ts';
import { failed, failure, isUnreachable, ok, plain, skipped, warning } from './finding.ts';
import type { Check, Finding } from './finding.ts';
import type { Looks } from './looks.ts';
import { proxyFinding } from './proxy.ts';

export interface ServerPorts {
  readonly backend: () => BackendSettings;
  readonly proxy: () => ProxySettings;
  /** Undefined where there is no more to see than that a call failed. */
  readonly network: NetworkSight | undefined;
  /** A moment in the user's language. */
  readonly formatTime: (at: number) => string;
}

type Show = (found: ProbeFinding) => Finding;

export function serverChecks(looks: Looks, ports: ServerPorts): readonly Check[] {
  const { backend, network } = ports;
  /** A line that rests on a probe. */
  const probing =
    (id: ProbeId, show: Show, onError: (error: unknown) => Finding = failure) =>
    async (signal: AbortSignal): Promise<Finding> => {
      const client = await looks.clientIfAny();
      if (client === undefined) {
        return skipped(l10n.t('The addresses in the settings come first.'));
      }
      try {
        return show(await looks.probe(client, id, signal));
      } catch (error) {
        return onError(error);
      }
    };
  const answered: Show = ({ tookMs }) => ok(l10n.t('It answers, after {0} ms.', tookMs));
  /** The same with what Node sees of the connection. */
  const inspected = (id: ProbeId, url: () => string) => async (signal: AbortSignal) => {
    const origin = originOf(url());
    const [finding, inspection] = await Promise.all([
      probing(id, answered)(signal),
      origin === undefined ? undefined : network?.inspect(origin, signal).catch(() => undefined),
    ]);
    const facts = origin === undefined ? [] : [origin];
    if (inspection !== undefined) {
      facts.push(...factsOf(inspection, ports.formatTime));
    }
    return { ...finding, ...(isUnreachable(finding) ? cause(finding, inspection) : {}), facts };
  };
  return [
    {
      id: 'proxy',
      group: 'network',
      title: l10n.t('Proxy'),
      run: () => Promise.resolve(proxyFinding(ports.proxy(), network?.proxyVariables())),
    },
    {
      id: 'account',
      group: 'network',
      title: l10n.t('Account server'),
      run: inspected('account', () => backend().supabaseUrl),
    },
    {
      id: 'backend',
      group: 'network',
      title: l10n.t('Godoty’s functions'),
      run: probing('backend', ({ version = '' }) => ok(l10n.t('They answer, version {0}.', plain(version)))),
    },
    { id: 'readiness', group: 'network', title: l10n.t('Behind the functions'), run: probing('readiness', readiness) },
    {
      id: 'models',
      group: 'network',
      title: l10n.t('Model server'),
      run: inspected('models', () => backend().litellmUrl),
    },
    {
      id: 'streaming',
      group: 'network',
      title: l10n.t('Streaming'),
      run: probing('backend', streaming, () => skipped(l10n.t('The functions do not answer.'))),
    },
    {
      id: 'clock',
      group: 'network',
      title: l10n.t('Clock'),
      run: probing('backend', clock, () => skipped(l10n.t('The functions do not answer.'))),
    },
  ];
}

function readiness({ database, models }: ProbeFinding): Finding {
  if (database === 'ok' && models === 'ok') {
    return ok(l10n.t('They reach their database and the model server.'));
  }
  const told = database === 'ok' ? l10n.t('the model server') : l10n.t('their database');
  const wrong = database === 'ok' ? models : database;
  return failed(
    wrong === 'misconfigured'
      ? l10n.t('The functions are not set up for {0}. Tell the operator of the backend.', told)
      : l10n.t('The functions do not reach {0}. Tell the operator of the backend, or wait a moment.', told),
    'retry',
  );
}

function streaming({ heldBack }: ProbeFinding): Finding {
  switch (heldBack) {
    case false:
      return ok(l10n.t('What the server sends in pieces arrives in pieces.'));
    case true:
      return warning(
        l10n.t(
          'Something on the way, such as a proxy or a virus scanner, collects what the server sends in pieces: answers come late and all at once. Make an exception for the two servers there.',
        ),
        'openProxySettings',
        'retry',
      );
    default:
      return skipped(l10n.t('The functions are of a version that can’t show it, or too many ask them just now.'));
  }
}

function clock({ clock }: ProbeFinding): Finding {
  if (clock === undefined) {
    return skipped(l10n.t('The functions are of a version that does not tell the time.'));
  }
  const { offMs, ahead, wrong } = clock;
  if (!wrong) {
    return ok(l10n.t('This machine’s clock is right, to {0} s.', Math.ceil(offMs / 1000)));
  }
  const minutes = Math.round(offMs / 60_000);
  return warning(
    ahead
      ? l10n.t(
          'This machine’s clock is {0} min ahead. Certificates may be refused for it, and today’s usage is counted from the wrong hour. Set the clock.',
          minutes,
        )
      : l10n.t(
          'This machine’s clock is {0} min behind. Certificates may be refused for it, and today’s usage is counted from the wrong hour. Set the clock.',
          minutes,
        ),
    'retry',
  );
}

/** What else helps somebody who does not reach a server: its address, and the proxy where that is all there is between. */
function cause({ text, steps = [] }: Finding, inspection: Inspection | undefined): Partial<Finding> {
  const way =
    inspection?.reached === 'certificate' || (inspection?.reached === 'port' && inspection.code === undefined);
  const more = failed('', 'openSettings', ...(way ? (['openProxySettings'] as const) : [])).steps ?? [];
  return {
    text: way ? `${text} ${l10n.t('A direct connection works, so look at the proxy.')}` : text,
    steps: [...steps, ...more.filter(({ id }) => steps.every((step) => step.id !== id))],
  };
}

function factsOf({ reached, code, certificate }: Inspection, formatTime: (at: number) => string): string[] {
  const why = code === undefined ? '' : ` (${plain(code)})`;
  const facts =
    reached === 'nothing'
      ? [l10n.t('Name: not found{0}', why)]
      : reached === 'name'
        ? [l10n.t('Name: found'), l10n.t('Port: no connection{0}', why)]
        : [l10n.t('Name: found'), l10n.t('Port: open')];
  if (reached === 'certificate') {
    facts.push(l10n.t('Certificate: trusted'));
  } else if (reached === 'port' && code !== undefined) {
    facts.push(l10n.t('Certificate: refused{0}', why));
  }
  if (certificate !== undefined && !Number.isNaN(certificate.validTo)) {
    const { issuer, validTo, protocol } = certificate;
    facts.push(l10n.t('Issued by {0}, good until {1}, {2}', plain(issuer), formatTime(validTo), plain(protocol)));
  }
  return facts;
}

/** An address without its path, and without what does not belong into one. */
function originOf(url: string): string | undefined {
  const { origin } = URL.canParse(url) ? new URL(url) : { origin: 'null' };
  return origin === 'null' ? undefined : origin;
}
