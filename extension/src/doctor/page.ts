/** What the doctor's page shows, as a pure function of its lines: first what needs attention, then the rest by subject. */
import { l10n } from 'vscode';

import type { Line } from './doctor.ts';
import type { Finding, GroupId, Status } from './finding.ts';
import type { LineView, PageState } from './pageProtocol.ts';

const GROUPS: readonly GroupId[] = ['installation', 'storage', 'network', 'account', 'wayBack'];

export function toPage(lines: readonly Line[]): PageState {
  return {
    done: lines.filter(({ finding }) => finding !== undefined).length,
    total: lines.length,
    summary: summaryOf(lines),
    groups: [
      { title: l10n.t('What needs attention'), lines: [...having(lines, 'failed'), ...having(lines, 'warning')] },
      ...GROUPS.map((group) => ({
        title: groupTitle(group),
        lines: lines.filter(({ check, finding }) => check.group === group && !isWrong(finding)),
      })),
    ]
      .filter((group) => group.lines.length > 0)
      .map(({ title, lines }) => ({ title, lines: lines.map(toLine) })),
  };
}

export function summaryOf(lines: readonly Line[]): string {
  const count = (status: Status): number => having(lines, status).length;
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

const having = (lines: readonly Line[], status: Status): readonly Line[] =>
  lines.filter(({ finding }) => finding?.status === status);

const isWrong = (finding: Finding | undefined): boolean =>
  finding?.status === 'failed' || finding?.status === 'warning';

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
