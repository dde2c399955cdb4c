/** Whether a browser finds its way back into VS Code, which some ways of signing in need. */
import { Uri, env, l10n } from 'vscode';

import { openBrowser } from '../auth/pending.ts';
import { browserIsHere } from '../auth/ways.ts';
import type { NetworkSight, OpenLoopback } from '../platform.ts';
import { failed, ok, warning } from './finding.ts';
import type { Check, Finding } from './finding.ts';

const PATH = '/doctor';
const LIMIT_MS = 30_000;

/** The one address that is waited for: of a nonce that nobody can guess, good once, and of no meaning for signing in. */
export class RoundTrip {
  readonly #newNonce: () => string;
  #awaited: { readonly nonce: string; readonly arrived: () => void } | undefined;

  constructor(newNonce: () => string) {
    this.#newNonce = newNonce;
  }

  /** Whether an address is the doctor's; one that is not awaited, or not any more, does nothing. */
  take({ path, query }: Uri): boolean {
    if (path !== PATH) {
      return false;
    }
    if (this.#awaited !== undefined && new URLSearchParams(query).get('nonce') === this.#awaited.nonce) {
      this.#awaited.arrived();
      this.#awaited = undefined;
    }
    return true;
  }

  /** Sends the browser off and waits for it. False when it was not sent, or is not waited for any more. */
  async send(signal: AbortSignal): Promise<boolean> {
    const nonce = this.#newNonce();
    const arrival = new Promise<boolean>((resolve) => {
      this.#awaited = { nonce, arrived: () => resolve(true) };
      signal.addEventListener('abort', () => resolve(false), { once: true });
    });
    try {
      const address = await env.asExternalUri(Uri.parse(`${env.uriScheme}://godoty.godoty${PATH}?nonce=${nonce}`));
      return !signal.aborted && (await openBrowser(address.toString(true))) && (await arrival);
    } finally {
      if (this.#awaited?.nonce === nonce) {
        this.#awaited = undefined;
      }
    }
  }
}

export interface WayBackPorts {
  readonly roundTrip: RoundTrip;
  readonly openLoopback: OpenLoopback | undefined;
  readonly network: NetworkSight | undefined;
  readonly newNonce: () => string;
}

export function wayBackChecks({ roundTrip, openLoopback, network, newNonce }: WayBackPorts): readonly Check[] {
  const checks: Check[] = [
    {
      id: 'uriHandler',
      group: 'wayBack',
      title: l10n.t('Address of VS Code'),
      run: () => Promise.resolve(untested()),
      test: {
        id: 'testWayBack',
        limitMs: LIMIT_MS,
        run: async (signal) => ((await roundTrip.send(signal)) ? ok(l10n.t('The browser came back.')) : notOpened()),
        late: () =>
          warning(
            l10n.t(
              'Nothing came back to this window within 30 seconds. Sign in with a code by e-mail, which needs no way back.',
            ),
            'signIn',
          ),
      },
    },
  ];
  if (openLoopback !== undefined && network !== undefined && browserIsHere()) {
    checks.push({
      id: 'port',
      group: 'wayBack',
      title: l10n.t('Port of this machine'),
      run: (signal) => portRoundTrip(openLoopback, network, newNonce(), signal),
    });
  }
  return checks;
}

async function portRoundTrip(
  openLoopback: OpenLoopback,
  network: NetworkSight,
  nonce: string,
  signal: AbortSignal,
): Promise<Finding> {
  const query = `?nonce=${nonce}`;
  const texts = { done: nonce, failed: nonce };
  try {
    const port = await openLoopback(texts, (address) => Promise.resolve(address.endsWith(query)));
    try {
      const status = await network.knock(`${port.redirectTo}${query}`, signal);
      if (status === 200) {
        return ok(l10n.t('A port can be opened, and is reached.'));
      }
    } finally {
      port.close();
    }
  } catch {
    // The finding says it.
  }
  return warning(
    l10n.t(
      'A port of this machine can’t be opened or reached; a firewall may be why. Other ways to sign in need none.',
    ),
    'signIn',
  );
}

function untested(): Finding {
  return {
    status: 'manual',
    text: l10n.t('Signing in with GitHub or Google needs it. The test opens your browser for a moment.'),
    steps: [{ id: 'testWayBack', label: l10n.t('Test the Way Back') }],
  };
}

function notOpened(): Finding {
  return failed(l10n.t('The browser was not opened. Sign in with a code by e-mail, which needs none.'), 'signIn');
}
