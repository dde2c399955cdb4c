import * as v from 'valibot';

import { Refusal } from './errors.ts';
import { readJson } from './http.ts';

/** No request of ours is larger. */
const MAX_BODY_BYTES = 4_096;

/** The request's body as the schema describes it; `expected` says in words what that is. Throws a Refusal. */
export async function readBody<T>(request: Request, schema: v.GenericSchema<unknown, T>, expected: string): Promise<T> {
  const parsed = v.safeParse(schema, await readJson(request, MAX_BODY_BYTES));
  if (!parsed.success) {
    throw new Refusal('invalid_request', expected);
  }
  return parsed.output;
}
