/** Versions, and whether the core runs. */
import { UIKind, env, l10n, version } from 'vscode';

import { hasCode } from '../core/errors.ts';
import type { NetworkSight } from '../platform.ts';
import { failed, failure, ok } from './finding.ts';
import type { Check } from './finding.ts';
import type { Looks } from './looks.ts';

export interface InstallationPorts {
  /** The extension's version. */
  readonly version: string;
  readonly network: NetworkSight | undefined;
  readonly coreVersion: () => string;
  readonly report: (what: string, error: unknown) => void;
}

export function installationChecks(looks: Looks, ports: InstallationPorts): readonly Check[] {
  return [
    {
      id: 'versions',
      group: 'installation',
      title: l10n.t('Versions'),
      run: () =>
        Promise.resolve(
          ok(l10n.t('Godoty {0} in {1} {2}', ports.version, env.appName, version), [
            l10n.t('User interface: {0}', env.uiKind === UIKind.Desktop ? 'desktop' : 'web'),
            l10n.t('Extension host: {0}', [env.appHost, ports.network?.system ?? 'web worker'].join(', ')),
            ...(env.remoteName === undefined ? [] : [l10n.t('Remote: {0}', env.remoteName)]),
            l10n.t('Language: {0}', env.language),
          ]),
        ),
    },
    {
      id: 'core',
      group: 'installation',
      title: l10n.t('Core and settings'),
      run: async () => {
        try {
          await looks.client();
          return ok(l10n.t('The core {0} runs, and the addresses in the settings can be used.', ports.coreVersion()));
        } catch (error) {
          if (hasCode(error, 'INVALID_CONFIGURATION')) {
            return failure(error);
          }
          ports.report('loading the core', error);
          return failed(
            l10n.t('The core could not be loaded. Reload the window; if that does not help, reinstall Godoty.'),
            'reloadWindow',
            'showLog',
          );
        }
      },
    },
  ];
}
