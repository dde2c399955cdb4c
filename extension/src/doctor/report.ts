/** The report that people paste: what the page shows as Markdown, and once more searched for what must not be in it. */
import type { Line } from './doctor.ts';
import { statusText, summaryOf } from './page.ts';

/** What looks like a secret or a person, whatever it is doing there. */
const SUSPICIOUS: readonly (readonly [pattern: RegExp, instead: string])[] = [
  // JSON Web Tokens (RFC 7519), then the keys of LiteLLM and Supabase.
  [/\beyJ[\w-]+(?:\.[\w-]+){0,2}/gu, '[token]'],
  [/\b(?:sk|sb_secret|sb_publishable)[-_][\w-]+/gu, '[key]'],
  [/\bBearer\s+\S+/giu, '[token]'],
  // User information of an address (RFC 3986, section 3.2.1).
  [/(:\/\/)[^/?#\s]*@/gu, '$1'],
  [/[\w.+…-]+@(?:[\w-]+\.)+\w+/gu, '[e-mail]'],
  // Folders that are named after their owner.
  [/(\/(?:home|Users)\/|\b[A-Z]:\\Users\\)[^/\\\s]+/gu, '$1…'],
];

/** `secrets` are texts that may stand nowhere in it, such as the key in the settings. */
export function toReport(lines: readonly Line[], at: string, secrets: readonly string[]): string {
  const rows = lines.flatMap(({ check, finding }) => {
    if (finding === undefined) {
      return [];
    }
    const code = finding.code === undefined ? '' : ` (${finding.code})`;
    return [
      `- **${check.title}**: ${statusText(finding.status)}${code}. ${finding.text}`,
      ...(finding.facts ?? []).map((fact) => `  - ${fact}`),
    ];
  });
  return withoutSecrets(['## Godoty: Doctor', '', `${summaryOf(lines)} (${at})`, '', ...rows, ''].join('\n'), secrets);
}

export function withoutSecrets(text: string, secrets: readonly string[]): string {
  const without = secrets
    .filter((secret) => secret !== '')
    .reduce((rest, secret) => rest.replaceAll(secret, '…'), text);
  return SUSPICIOUS.reduce((rest, [pattern, instead]) => rest.replaceAll(pattern, instead), without);
}
