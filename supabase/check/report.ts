import type { Finding, Status } from './finding.ts';

const STATUSES: readonly Status[] = ['pass', 'warn', 'fail'];

export function countOf(findings: readonly Finding[], status: Status): number {
  return findings.filter((finding) => finding.status === status).length;
}

/** The findings as a table for people. */
export function asTable(url: string, findings: readonly Finding[]): string {
  const width = Math.max(...findings.map(({ subject }) => subject.length));
  const lines = findings.flatMap(({ status, subject, detail, remedy }) => [
    `  ${status}  ${subject.padEnd(width)}  ${detail}`,
    ...(remedy === undefined ? [] : [`        ${' '.repeat(width)}→ ${remedy}`]),
  ]);
  const [passed, warned, failed] = STATUSES.map((status) => countOf(findings, status));
  return [
    '',
    url,
    '',
    ...lines,
    '',
    `${passed ?? 0} passed, ${warned ?? 0} to decide about, ${failed ?? 0} failed.`,
    '',
  ].join('\n');
}

/** The findings for programs. */
export function asJson(url: string, findings: readonly Finding[]): string {
  const counts = Object.fromEntries(STATUSES.map((status) => [status, countOf(findings, status)]));
  return `${JSON.stringify({ url, ...counts, findings }, null, 2)}\n`;
}
