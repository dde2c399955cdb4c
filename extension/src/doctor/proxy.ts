/** Which proxies are set, without what they are logged in to with. */
import { l10n } from 'vscode';

import type { ProxySettings } from '../settings.ts';
import { ok, skipped, warning } from './finding.ts';
import type { Finding } from './finding.ts';

/** `variables` are those of the environment; undefined in a browser, which keeps its proxies to itself. */
export function proxyFinding(
  { proxy, support, strictSsl }: ProxySettings,
  variables: readonly (readonly [name: string, value: string])[] | undefined,
): Finding {
  if (variables === undefined) {
    return skipped(l10n.t('The browser chooses the proxy, and does not say which.'));
  }
  const set = [...(proxy === '' ? [] : [['http.proxy', proxy] as const]), ...variables];
  const facts = set.map(([name, value]) => `${name}: ${hostOf(value)}`);
  if (!strictSsl) {
    return {
      ...warning(
        l10n.t('“{0}” is off, so VS Code may take any certificate. Switch it on again.', 'http.proxyStrictSSL'),
        'openProxySettings',
      ),
      facts,
    };
  }
  if (set.length === 0) {
    return ok(l10n.t('None is set; the system may have one.'));
  }
  return support === 'off'
    ? {
        ...warning(
          l10n.t('A proxy is set, and “{0}” is off: extensions go past it.', 'http.proxySupport'),
          'openProxySettings',
        ),
        facts,
      }
    : ok(l10n.t('Requests may go through a proxy.'), facts);
}

/** Host and port of a proxy's address; a user name, a password and a path stay out. */
export function hostOf(address: string): string {
  const rest = address.includes('@')
    ? address.slice(address.lastIndexOf('@') + 1)
    : address.replace(/^[a-z\d+.-]+:\/\//iu, '');
  return /^(?:\[[\da-f:.]+\]|[\w.-]+)(?::\d+)?/iu.exec(rest)?.[0] ?? '…';
}
