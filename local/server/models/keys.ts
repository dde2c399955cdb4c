import { createHash } from 'node:crypto';

import * as v from 'valibot';

import type { Clock } from '../clock.ts';
import { isSqlError } from '../db/database.ts';
import type { Database } from '../db/database.ts';
import { randomText } from '../secrets.ts';
import { dollarText } from './catalog.ts';
import { ProxyError } from './errors.ts';

/** A row of local_stack.model_keys: a virtual key, by its hash. */
export interface KeyRow {
  readonly token: string;
  readonly key_name: string;
  readonly key_type: string | null;
  readonly key_alias: string | null;
  readonly user_id: string | null;
  readonly models: readonly string[];
  readonly max_budget: string | null;
  readonly spend: string;
  readonly blocked: boolean;
  readonly expires: Date | null;
  readonly metadata: unknown;
  readonly created_at: Date;
}

const Generate = v.looseObject({
  key: v.optional(v.nullable(v.pipe(v.string(), v.startsWith('sk-'), v.minLength(16), v.maxLength(200)))),
  key_type: v.optional(v.nullable(v.picklist(['default', 'llm_api']))),
  allowed_routes: v.optional(v.nullable(v.array(v.string()))),
  user_id: v.optional(v.nullable(v.string())),
  key_alias: v.optional(v.nullable(v.string())),
  models: v.optional(v.nullable(v.array(v.string()))),
  max_budget: v.optional(v.nullable(v.pipe(v.number(), v.minValue(0)))),
  duration: v.optional(v.nullable(v.pipe(v.string(), v.regex(/^\d{1,6}[smhd]$/)))),
  metadata: v.optional(v.nullable(v.record(v.string(), v.unknown()))),
});
const Delete = v.looseObject({ keys: v.pipe(v.array(v.string()), v.minLength(1)) });
const One = v.looseObject({ key: v.string() });

const SECONDS_IN: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400 };

/** The virtual keys of the model endpoint. Only hashes are kept. */
export class VirtualKeys {
  readonly #db: Database;
  readonly #clock: Clock;

  constructor(db: Database, clock: Clock) {
    this.#db = db;
    this.#clock = clock;
  }

  /** POST /key/generate. */
  async generate(body: unknown): Promise<Record<string, unknown>> {
    const input = parse(Generate, body);
    const key = input.key ?? `sk-${randomText(16)}`;
    const now = this.#clock.now();
    const row = await this.#insert(key, input, now);
    return { ...shown(row), key, token_id: row.token };
  }

  /** POST /key/delete, by key or by hash. */
  async delete(body: unknown): Promise<Record<string, unknown>> {
    const { keys } = parse(Delete, body);
    const tokens = keys.map(tokenOf);
    const deleted = await this.#db.query(
      'delete from local_stack.model_keys where token = any ($1::text[]) returning token',
      [tokens],
    );
    if (deleted.length === 0) {
      throw new ProxyError(404, 'not_found_error', 'No matching keys found.', 'keys');
    }
    return { deleted_keys: keys };
  }

  /** POST /key/block and /key/unblock. */
  async setBlocked(body: unknown, blocked: boolean): Promise<Record<string, unknown>> {
    const { key } = parse(One, body);
    const [row] = await this.#db.query<KeyRow>(
      'update local_stack.model_keys set blocked = $2 where token = $1 returning *',
      [tokenOf(key), blocked],
    );
    return shown(found(row));
  }

  /** GET /key/info. */
  async info(keyOrToken: string): Promise<Record<string, unknown>> {
    const row = found(await this.#row(tokenOf(keyOrToken)));
    return { key: row.token, info: shown(row) };
  }

  /** The key that a caller shows, if it may be used now. Throws the ProxyError that the real proxy answers. */
  async admit(key: string): Promise<KeyRow> {
    const row = await this.#row(tokenOf(key));
    if (row === undefined) {
      throw new ProxyError(
        401,
        'token_not_found_in_db',
        'Authentication Error, Invalid proxy server token passed. Unable to find token in cache or `LiteLLM_VerificationTokenTable`',
        'key',
      );
    }
    if (row.blocked) {
      throw new ProxyError(
        401,
        'auth_error',
        "Authentication Error, Key is blocked. Update via `/key/unblock` if you're an admin.",
        'None',
      );
    }
    if (row.expires !== null && row.expires.getTime() <= this.#clock.now()) {
      throw new ProxyError(
        401,
        'expired_key',
        `Authentication Error - Expired Key. Key Expiry time ${row.expires.toISOString()}`,
        'expires',
      );
    }
    if (row.max_budget !== null && Number(row.spend) >= Number(row.max_budget)) {
      throw new ProxyError(
        422,
        'budget_exceeded',
        `Budget has been exceeded! Current cost: ${Number(row.spend)}, Max budget: ${Number(row.max_budget)}`,
      );
    }
    return row;
  }

  /** Adds to what a key has spent. */
  async spend(token: string, pico: bigint): Promise<void> {
    await this.#db.query('update local_stack.model_keys set spend = spend + ($2::text)::numeric where token = $1', [
      token,
      dollarText(pico),
    ]);
  }

  async #row(token: string): Promise<KeyRow | undefined> {
    const [row] = await this.#db.query<KeyRow>('select * from local_stack.model_keys where token = $1', [token]);
    return row;
  }

  async #insert(key: string, input: v.InferOutput<typeof Generate>, now: number): Promise<KeyRow> {
    try {
      const [row] = await this.#db.query<KeyRow>(
        `insert into local_stack.model_keys
           (token, key_name, key_alias, user_id, models, max_budget, expires, metadata, created_at, key_type)
         values ($1, $2, $3, $4, $5::text[], ($6::text)::numeric, $7, ($8::text)::jsonb, $9, $10) returning *`,
        [
          tokenOf(key),
          `sk-...${key.slice(-4)}`,
          input.key_alias ?? null,
          input.user_id ?? null,
          input.models ?? [],
          input.max_budget == null ? null : String(input.max_budget),
          input.duration == null ? null : new Date(now + milliseconds(input.duration)),
          JSON.stringify(input.metadata ?? {}),
          new Date(now),
          // Of the routes only `/key/info` is told apart here.
          input.key_type ?? (input.allowed_routes?.includes('/key/info') === false ? 'llm_api' : null),
        ],
      );
      return found(row);
    } catch (error) {
      if (isSqlError(error) && error.code === '23505') {
        throw new ProxyError(
          400,
          'bad_request_error',
          `Key with alias '${input.key_alias ?? ''}' or the same key already exists. Unique key aliases across all keys are required.`,
          'key_alias',
        );
      }
      throw error;
    }
  }
}

/** The SHA-256 of a key in hex; what is not a key is taken for a hash, as the real proxy does. */
function tokenOf(keyOrToken: string): string {
  return keyOrToken.startsWith('sk-') ? createHash('sha256').update(keyOrToken).digest('hex') : keyOrToken;
}

function shown(row: KeyRow): Record<string, unknown> {
  return {
    token: row.token,
    key_name: row.key_name,
    key_alias: row.key_alias,
    user_id: row.user_id,
    models: row.models,
    max_budget: row.max_budget === null ? null : Number(row.max_budget),
    spend: Number(row.spend),
    blocked: row.blocked,
    expires: row.expires?.toISOString() ?? null,
    metadata: row.metadata,
    created_at: row.created_at.toISOString(),
  };
}

function found(row: KeyRow | undefined): KeyRow {
  if (row === undefined) {
    throw new ProxyError(404, 'not_found_error', 'Key not found in database', 'key');
  }
  return row;
}

function milliseconds(duration: string): number {
  return Number(duration.slice(0, -1)) * (SECONDS_IN[duration.slice(-1)] ?? 0) * 1000;
}

/** A body by its schema. Throws the ProxyError that the real proxy answers. */
export function parse<S extends v.GenericSchema>(schema: S, body: unknown): v.InferOutput<S> {
  const parsed = v.safeParse(schema, body);
  if (!parsed.success) {
    const where = parsed.issues[0].path?.map((item) => String(item.key)).join('.') ?? 'body';
    throw new ProxyError(422, 'invalid_request_error', `Invalid value for '${where}'.`, where);
  }
  return parsed.output;
}
