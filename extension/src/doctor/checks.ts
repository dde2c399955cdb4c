/** All checks of a run, in the order of the page. */
import type { AccountService } from '../account.ts';
import { accountChecks } from './account.ts';
import type { AccountPorts } from './account.ts';
import type { Check } from './finding.ts';
import { installationChecks } from './installation.ts';
import type { InstallationPorts } from './installation.ts';
import { Looks } from './looks.ts';
import { serverChecks } from './servers.ts';
import type { ServerPorts } from './servers.ts';
import { storageChecks } from './storage.ts';
import type { StoragePorts } from './storage.ts';
import { wayBackChecks } from './wayBack.ts';
import type { WayBackPorts } from './wayBack.ts';

export type CheckPorts = InstallationPorts &
  StoragePorts &
  ServerPorts &
  AccountPorts &
  WayBackPorts & { readonly account: Pick<AccountService, 'client' | 'restore' | 'state'> };

export function allChecks(ports: CheckPorts): readonly Check[] {
  const looks = new Looks(ports.account);
  return [
    ...installationChecks(looks, ports),
    ...storageChecks(ports),
    ...serverChecks(looks, ports),
    ...accountChecks(looks, ports),
    ...wayBackChecks(ports),
  ];
}
