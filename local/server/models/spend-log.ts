import { randomUUID } from 'node:crypto';

import * as v from 'valibot';

import type { Database } from '../db/database.ts';
import { dollarText } from './catalog.ts';
import type { Usage } from './catalog.ts';
import { ProxyError } from './errors.ts';

/** A call that has ended, or failed. */
export interface LoggedCall {
  readonly callId: string;
  readonly token: string;
  readonly userId: string | null;
  readonly model: string;
  readonly status: 'success' | 'failure';
  readonly usage: Usage | undefined;
  /** In pico-dollars. */
  readonly cost: bigint;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
}

interface Row {
  readonly request_id: string;
  readonly call_id: string;
  readonly token: string;
  readonly user_id: string | null;
  readonly model: string;
  readonly status: string;
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly cached_tokens: number;
  readonly spend: string;
  readonly started_at: Date;
}

const Time = v.pipe(
  v.string(),
  v.regex(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/),
  v.transform((text) => new Date(`${text.replace(' ', 'T')}Z`)),
);
const Query = v.object({
  start_date: Time,
  end_date: Time,
  page: v.optional(v.pipe(v.string(), v.toNumber(), v.integer(), v.minValue(1)), '1'),
  page_size: v.optional(v.pipe(v.string(), v.toNumber(), v.integer(), v.minValue(1), v.maxValue(1000)), '50'),
  sort_order: v.optional(v.picklist(['asc', 'desc']), 'desc'),
});

/** What every call used, as the real proxy logs it. */
export class SpendLog {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  async add(call: LoggedCall): Promise<void> {
    await this.#db.query(
      `insert into local_stack.spend_log
         (request_id, call_id, token, user_id, model, status, prompt_tokens, completion_tokens, cached_tokens, spend,
          started_at)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9, ($10::text)::numeric, $11)`,
      [
        `chatcmpl-${randomUUID()}`,
        call.callId,
        call.token,
        call.userId,
        call.model,
        call.status,
        call.usage?.promptTokens ?? 0,
        call.usage?.completionTokens ?? 0,
        call.usage?.cachedTokens ?? 0,
        dollarText(call.cost),
        new Date(call.startedAt),
      ],
    );
  }

  /** GET /spend/logs/v2, the parameters that the project uses. */
  async page(query: Readonly<Record<string, string>>): Promise<Record<string, unknown>> {
    const parsed = v.safeParse(Query, query);
    if (!parsed.success) {
      throw new ProxyError(400, 'bad_request', "Invalid date format. Expected: 'YYYY-MM-DD' or 'YYYY-MM-DD HH:MM:SS'");
    }
    const { start_date: from, end_date: to, page, page_size: size, sort_order: order } = parsed.output;
    const [count] = await this.#db.query<{ total: number }>(
      'select count(*)::integer as total from local_stack.spend_log where started_at >= $1 and started_at <= $2',
      [from, to],
    );
    const rows = await this.#db.query<Row>(
      `select * from local_stack.spend_log where started_at >= $1 and started_at <= $2
       order by started_at ${order}, request_id limit $3 offset $4`,
      [from, to, size, (page - 1) * size],
    );
    const total = count?.total ?? 0;
    return { data: rows.map(shown), total, page, page_size: size, total_pages: Math.ceil(total / size) };
  }
}

function shown(row: Row): Record<string, unknown> {
  const tokens = {
    prompt_tokens: row.prompt_tokens,
    completion_tokens: row.completion_tokens,
    total_tokens: row.prompt_tokens + row.completion_tokens,
  };
  return {
    ...tokens,
    request_id: row.request_id,
    api_key: row.token,
    user: row.user_id ?? '',
    spend: Number(row.spend),
    startTime: row.started_at.toISOString(),
    model: row.model,
    model_group: row.model,
    status: row.status,
    litellm_call_id: row.call_id,
    metadata: {
      litellm_call_id: row.call_id,
      status: row.status,
      usage_object: { ...tokens, prompt_tokens_details: { cached_tokens: row.cached_tokens } },
    },
  };
}
