/** What the doctor's page shows, as a pure function of its lines. */
import { l10n } from 'vscode';

import type { Line } from './doctor.ts';
import type { GroupId, Status } from './finding.ts';
import type { LineView, PageState } from './pageProtocol.ts';

const GROUPS: readonly GroupId[] = ['installation', 'storage', 'network', 'account', 'wayBack'];

export function toPage(lines: readonly Line[]): PageState {
  return {
    done: lines.filter(({ finding }) => finding !== undefined).length,
    total: lines.length,
    summary: summaryOf(lines),
    groups: GROUPS.map((group) => ({
      title: groupTitle(group),
      lines: lines.filter(({ check }) => check.group === group).map(toLine),
    })).filter((group) => group.lines.length > 0),
  };
}

export function summaryOf(lines: readonly Line[]): string {
  const count = (status: Status): number => lines.filter(({ finding }) => finding?.status === status).length;
  if (lines.some(({ finding }) => finding === undefined)) {
    return l10n.t('Checking…');
  }
  const problems = count('failed');
  const warnings = count('warning');
  const parts = [
    ...(problems === 0 ? [] : [problems === 1 ? l10n.t('1 problem') : l10n.t('{0} problems', problems)]),
    ...(warnings === 0 ? [] : [warnings === 1 ? l10n.t('1 warning') : l10n.t('{0} warnings', warnings)]),
  ];
  return parts.length === 0 ? l10n.t('No problem was found') : parts.join(', ');
}

function toLine({ check, finding }: Line): LineView {
  const { id, title } = check;
  return finding === undefined
    ? { id, title, tone: 'checking', status: l10n.t('Checking…'), text: '', facts: [], steps: [] }
    : {
        id,
        title,
        tone: finding.status,
        status: statusText(finding.status),
        text: finding.text,
        facts: finding.facts ?? [],
        steps: finding.steps ?? [],
      };
}

export function statusText(status: Status): string {
  switch (status) {
    case 'ok':
      return l10n.t('OK');
    case 'warning':
      return l10n.t('Warning');
    case 'failed':
      return l10n.t('Problem');
    case 'skipped':
      return l10n.t('Not checked');
    case 'manual':
      return l10n.t('Not tested');
  }
}

export function groupTitle(group: GroupId): string {
  switch (group) {
    case 'installation':
      return l10n.t('Installation');
    case 'storage':
      return l10n.t('Storage');
    case 'network':
      return l10n.t('Servers and network');
    case 'account':
      return l10n.t('Account and models');
    case 'wayBack':
      return l10n.t('Way back from a browser');
  }
}
