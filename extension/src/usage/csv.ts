/** The requests as comma-separated values (RFC 4180), for spreadsheets. Pure. */
import type { UsageEntry } from '../../../crate/wasm/pkg/godoty_core.js';
import { isoTime } from '../core/host.ts';

const COLUMNS = [
  'time',
  'model',
  'prompt_tokens',
  'completion_tokens',
  'cached_tokens',
  'cache_write_tokens',
  'reasoning_tokens',
  'cost_usd',
  'cost_source',
  'outcome',
  'call_id',
];

export function toCsv(requests: readonly UsageEntry[]): string {
  const rows = requests.map(({ startedAt, model, tokens, usd, cost, outcome, callId }) => [
    isoTime(startedAt),
    model,
    tokens?.promptTokens,
    tokens?.completionTokens,
    tokens?.cachedTokens,
    tokens?.cacheWriteTokens,
    tokens?.reasoningTokens,
    usd,
    cost.source,
    outcome,
    callId,
  ]);
  return [COLUMNS, ...rows].map((row) => `${row.map(field).join(',')}\r\n`).join('');
}

/** A spreadsheet takes what begins with one of these for a formula, and a model's name is a stranger's text. */
function field(value: string | number | undefined): string {
  const text = String(value ?? '');
  const plain = /^[=+\-@\t\r]/u.test(text) ? `'${text}` : text;
  return /[",\r\n]/u.test(plain) ? `"${plain.replaceAll('"', '""')}"` : plain;
}
