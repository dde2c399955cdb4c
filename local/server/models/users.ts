import * as v from 'valibot';

import type { Database } from '../db/database.ts';
import { dollarText } from './catalog.ts';
import { ProxyError } from './errors.ts';
import { parse } from './keys.ts';

/** A row of local_stack.model_users: an account with the limits of all its keys. */
interface UserRow {
  readonly user_id: string;
  readonly max_budget: string | null;
  readonly models: readonly string[];
  readonly metadata: unknown;
  readonly spend: string;
}

const Update = v.looseObject({
  user_id: v.pipe(v.string(), v.minLength(1)),
  max_budget: v.optional(v.nullable(v.pipe(v.number(), v.minValue(0)))),
  models: v.optional(v.array(v.string())),
  metadata: v.optional(v.record(v.string(), v.unknown())),
});
const Delete = v.looseObject({ user_ids: v.pipe(v.array(v.string()), v.minLength(1)) });

const ALL_MODELS = 'all-proxy-models';

/** The accounts of the model endpoint, with one budget for all keys of each. Rates are not emulated. */
export class ModelUsers {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /** POST /user/update; like the real one it makes a user that is not there, and leaves out what is not named. */
  async update(body: unknown): Promise<Record<string, unknown>> {
    const input = parse(Update, body);
    const [row] = await this.#db.query<UserRow>(
      `insert into local_stack.model_users as known (user_id, max_budget, models, metadata)
       values ($1, ($2::text)::numeric, coalesce($3::text[], '{}'), coalesce(($4::text)::jsonb, '{}'))
       on conflict (user_id) do update set
         max_budget = case when $5 then excluded.max_budget else known.max_budget end,
         models = coalesce($3::text[], known.models),
         metadata = known.metadata || excluded.metadata
       returning *`,
      [
        input.user_id,
        input.max_budget == null ? null : String(input.max_budget),
        input.models === undefined || input.models.length === 0 ? null : input.models,
        input.metadata === undefined ? null : JSON.stringify(input.metadata),
        input.max_budget !== undefined,
      ],
    );
    return { user_id: input.user_id, data: shown(row) };
  }

  /** POST /user/delete: the users with all of their keys. */
  async delete(body: unknown): Promise<number> {
    const { user_ids: ids } = parse(Delete, body);
    const gone = await this.#db.query(
      'delete from local_stack.model_users where user_id = any ($1::text[]) returning 1',
      [ids],
    );
    if (gone.length === 0) {
      throw new ProxyError(404, 'not_found_error', `User not found, passed user_id=${ids.join(', ')}`, 'user_ids');
    }
    await this.#db.query('delete from local_stack.model_keys where user_id = any ($1::text[])', [ids]);
    return gone.length;
  }

  /** GET /user/info. */
  async info(userId: string): Promise<Record<string, unknown>> {
    return { user_id: userId, user_info: shown(await this.#row(userId)) };
  }

  /** Whether an account may ask a model now. Throws the ProxyError that the real proxy answers. */
  async admit(userId: string | null, model: string): Promise<void> {
    const user = userId === null ? undefined : await this.#row(userId);
    if (user === undefined) {
      return;
    }
    if (user.max_budget !== null && Number(user.spend) >= Number(user.max_budget)) {
      throw new ProxyError(
        422,
        'budget_exceeded',
        `ExceededBudget: User=${user.user_id} over budget. Spend=${Number(user.spend)}, Budget=${Number(user.max_budget)}`,
      );
    }
    if (user.models.length > 0 && !user.models.includes(ALL_MODELS) && !user.models.includes(model)) {
      throw new ProxyError(
        403,
        'user_model_access_denied',
        `The requested model '${model}' is not available for this API key, or the model name is invalid.`,
        'model',
      );
    }
  }

  /** Adds to what an account has spent. */
  async spend(userId: string | null, pico: bigint): Promise<void> {
    await this.#db.query('update local_stack.model_users set spend = spend + ($2::text)::numeric where user_id = $1', [
      userId,
      dollarText(pico),
    ]);
  }

  async #row(userId: string): Promise<UserRow | undefined> {
    const [row] = await this.#db.query<UserRow>('select * from local_stack.model_users where user_id = $1', [userId]);
    return row;
  }
}

function shown(row: UserRow | undefined): Record<string, unknown> | null {
  return row === undefined
    ? null
    : {
        ...row,
        max_budget: row.max_budget === null ? null : Number(row.max_budget),
        spend: Number(row.spend),
      };
}
