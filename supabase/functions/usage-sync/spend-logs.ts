import * as v from 'valibot';

import type { GatewayConfig } from '../_shared/config.ts';
import type { Env } from '../_shared/env.ts';
import { call, unavailable, utc } from '../_shared/litellm.ts';

/** A call as the database books it. */
export interface Spend {
  /** Of the log's row: no two rows have the same. */
  readonly request_id: string;
  /** The id that the client made for the call; null when it made none. */
  readonly call_id: string | null;
  readonly user_id: string;
  /** The key's SHA-256. */
  readonly api_key: string;
  readonly failed: boolean;
  /** LiteLLM refused it itself and asked no model. */
  readonly refused: boolean;
  readonly model: string;
  /** US dollars as decimal text, as LiteLLM prints it. */
  readonly cost_usd: string;
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly total_tokens: number;
  readonly cached_tokens: number;
  readonly cache_write_tokens: number;
  readonly reasoning_tokens: number;
  /** RFC 3339. */
  readonly started_at: string;
}

export interface SpendPage {
  readonly rows: readonly Spend[];
  /** How many rows could not be read, those of nobody in particular (the master key, health checks) not among them. */
  readonly unreadable: number;
  /** When the page's last call began; undefined on an empty page. */
  readonly last: Date | undefined;
  readonly isLast: boolean;
}

/** Rows are large, because LiteLLM repeats the model's prices and abilities in each: 500 are about 4 MB. */
const PAGE_SIZE = 500;

/** What fits into the database's integers; a larger number is no count of tokens. */
const Tokens = v.fallback(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(2_147_483_647)), 0);
const Uuid = v.fallback(v.nullable(v.pipe(v.string(), v.uuid(), v.toLowerCase())), null);

/** How LiteLLM names its own refusals in the log. */
const REFUSALS: ReadonlySet<unknown> = new Set(['BudgetExceededError', 'ProxyRateLimitError']);

const Details = v.fallback(v.record(v.string(), v.unknown()), {});
const Metadata = v.fallback(
  v.object({
    litellm_call_id: Uuid,
    error_information: Details,
    usage_object: v.fallback(v.looseObject({ prompt_tokens_details: Details, completion_tokens_details: Details }), {
      prompt_tokens_details: {},
      completion_tokens_details: {},
    }),
  }),
  {
    litellm_call_id: null,
    error_information: {},
    usage_object: { prompt_tokens_details: {}, completion_tokens_details: {} },
  },
);

const Row = v.object({
  request_id: v.pipe(v.string(), v.minLength(1), v.maxLength(300)),
  litellm_call_id: Uuid,
  api_key: v.fallback(v.pipe(v.string(), v.maxLength(200)), ''),
  user: v.pipe(v.string(), v.uuid()),
  spend: v.pipe(v.number(), v.minValue(0), v.maxValue(100_000)),
  prompt_tokens: Tokens,
  completion_tokens: Tokens,
  total_tokens: Tokens,
  startTime: v.pipe(
    v.string(),
    v.transform((time) => new Date(utc(time))),
    v.date(),
  ),
  model: v.fallback(v.string(), ''),
  model_group: v.fallback(v.string(), ''),
  status: v.fallback(v.nullable(v.string()), null),
  metadata: Metadata,
});
const Page = v.object({ data: v.array(v.record(v.string(), v.unknown())) });

/** One page of the log between two times, oldest first. Throws a Refusal when LiteLLM does not answer as expected. */
export async function spendPage(
  env: Env,
  gateway: GatewayConfig,
  from: Date,
  to: Date,
  page: number,
): Promise<SpendPage> {
  const query = new URLSearchParams({
    start_date: logTime(from),
    // The log's times have no fractions here, so the end is taken a second later.
    end_date: logTime(new Date(to.getTime() + 999)),
    page: String(page),
    page_size: String(PAGE_SIZE),
    sort_by: 'startTime',
    sort_order: 'asc',
  });
  const { status, body } = await call(env, gateway, `/spend/logs/v2?${query.toString()}`);
  const parsed = v.safeParse(Page, body);
  if (status !== 200 || !parsed.success) {
    throw unavailable(new Error(`/spend/logs/v2: status ${status}`));
  }
  const { data } = parsed.output;
  // Calls of no account of ours have another kind of user, or none.
  const ours = data.filter(({ user }) => v.is(v.pipe(v.string(), v.uuid()), user));
  const rows = ours.flatMap((raw) => {
    const row = v.safeParse(Row, raw);
    return row.success ? [spendOf(row.output)] : [];
  });
  const last = data.at(-1)?.['startTime'];
  return {
    rows,
    unreadable: ours.length - rows.length,
    last: typeof last === 'string' && !Number.isNaN(Date.parse(utc(last))) ? new Date(utc(last)) : undefined,
    isLast: data.length < PAGE_SIZE,
  };
}

function spendOf(row: v.InferOutput<typeof Row>): Spend {
  const { usage_object: usage, litellm_call_id: callId, error_information: error } = row.metadata;
  const failed = row.status === 'failure';
  // The log has an estimate of the prompt's tokens for a call that failed, but nobody used or paid for them, unless an
  // answer had begun.
  const unused = failed && row.spend === 0 && row.completion_tokens === 0;
  const { prompt_tokens_details: prompt, completion_tokens_details: completion } = usage;
  const tokens = (...values: readonly unknown[]): number =>
    v.parse(
      Tokens,
      values.find((value) => value != null),
    );
  return {
    request_id: row.request_id.replaceAll('\0', ''),
    call_id: row.litellm_call_id ?? callId,
    user_id: row.user,
    api_key: row.api_key,
    failed,
    refused: failed && REFUSALS.has(error['error_class']),
    model: modelName(row.model_group) || modelName(row.model) || 'unknown',
    cost_usd: String(row.spend),
    prompt_tokens: unused ? 0 : row.prompt_tokens,
    completion_tokens: unused ? 0 : row.completion_tokens,
    total_tokens: unused ? 0 : row.total_tokens,
    cached_tokens: tokens(prompt['cached_tokens'], usage['cache_read_input_tokens']),
    cache_write_tokens: tokens(usage['cache_creation_input_tokens'], prompt['cache_creation_tokens']),
    reasoning_tokens: tokens(completion['reasoning_tokens']),
    started_at: row.startTime.toISOString(),
  };
}

/**
 * The log has whatever name somebody asked for, also of calls that failed. It is cut between characters, since the
 * database refuses half of one, and with it the whole page.
 */
function modelName(text: string): string {
  return Array.from(text.replaceAll(/[\p{Cc}\p{Cs}]/gu, ''))
    .slice(0, 200)
    .join('');
}

function logTime(time: Date): string {
  return time.toISOString().slice(0, 19).replace('T', ' ');
}
