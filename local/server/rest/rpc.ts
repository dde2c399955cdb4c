import { asRole } from '../db/database.ts';
import type { Database, Queryable, RequestRole } from '../db/database.ts';
import { RestError, restErrorFrom } from './errors.ts';

/** Who makes the request: the role that its token stands for, and the token's claims. */
export interface Requester {
  readonly role: RequestRole;
  readonly claims: Readonly<Record<string, unknown>>;
}

interface Parameter {
  readonly name: string;
  readonly type: string;
  readonly optional: boolean;
}

interface Candidate {
  readonly returns_set: boolean;
  readonly returns_void: boolean;
  readonly parameters: readonly Parameter[];
}

/**
 * Calls public.<name> with named arguments, as POST /rpc/<name> of PostgREST does. Answers the JSON text, or
 * undefined when the function returns nothing. Throws a RestError.
 */
export async function callFunction(
  db: Database,
  requester: Requester,
  name: string,
  args: Readonly<Record<string, unknown>>,
): Promise<string | undefined> {
  // The catalogue is PostgREST's "schema cache", and read with its own rights, not with the requester's.
  const candidate = await find(db, name, Object.keys(args));
  const given = candidate.parameters.filter((parameter) => Object.hasOwn(args, parameter.name));
  try {
    return await asRole(db, requester.role, requester.claims, (tx) => call(tx, name, candidate, given, args));
  } catch (error) {
    throw restErrorFrom(error, requester.role) ?? error;
  }
}

async function find(db: Database, name: string, argumentNames: readonly string[]): Promise<Candidate> {
  const candidates = await db.query<Candidate>(
    `select p.proretset as returns_set,
            p.prorettype = 'void'::regtype as returns_void,
            coalesce((
              select jsonb_agg(jsonb_build_object(
                'name', p.proargnames[i],
                'type', format_type(p.proargtypes[i - 1], null),
                'optional', i > p.pronargs - p.pronargdefaults) order by i)
              from generate_series(1, p.pronargs) as i), '[]'::jsonb) as parameters
     from pg_proc p
     where p.pronamespace = 'public'::regnamespace
       and p.proname = $1
       and p.prokind = 'f'
       and p.prorettype not in ('trigger'::regtype, 'event_trigger'::regtype)`,
    [name],
  );
  const fitting = candidates.filter(
    ({ parameters }) =>
      argumentNames.every((argument) => parameters.some((parameter) => parameter.name === argument)) &&
      parameters.every((parameter) => parameter.optional || argumentNames.includes(parameter.name)),
  );
  const [only] = fitting;
  if (only === undefined) {
    throw notFound(name, argumentNames);
  }
  if (fitting.length > 1) {
    throw new RestError(300, {
      code: 'PGRST203',
      message: `Could not choose the best candidate function between overloads of public.${name}`,
    });
  }
  return only;
}

async function call(
  tx: Queryable,
  name: string,
  candidate: Candidate,
  given: readonly Parameter[],
  args: Readonly<Record<string, unknown>>,
): Promise<string | undefined> {
  const named = given.map((parameter) => `${quote(parameter.name)} => body.${quote(parameter.name)}`).join(', ');
  const columns = given.map((parameter) => `${quote(parameter.name)} ${parameter.type}`).join(', ');
  const from = given.length === 0 ? '' : `from json_to_record(($1::text)::json) as body (${columns})`;
  const invocation = `public.${quote(name)}(${named})`;
  const result = candidate.returns_set
    ? `select coalesce(json_agg(item), '[]')::text as result from (select ${invocation} as item ${from}) as items`
    : `select to_json(${invocation})::text as result ${from}`;
  const [row] = await tx.query<{ result: string | null }>(
    candidate.returns_void ? `select ${invocation}::text as result ${from}` : result,
    given.length === 0 ? [] : [JSON.stringify(args)],
  );
  return candidate.returns_void ? undefined : (row?.result ?? 'null');
}

function notFound(name: string, argumentNames: readonly string[]): RestError {
  const withArguments =
    argumentNames.length === 0 ? 'without parameters' : `with parameters ${argumentNames.join(', ')}`;
  return new RestError(404, {
    code: 'PGRST202',
    message: `Could not find the function public.${name} ${withArguments} in the schema cache`,
    details: `Searched for the function public.${name} ${withArguments}, but no matches were found in the schema cache.`,
  });
}

function quote(identifier: string): string {
  return `"${identifier.replaceAll('"', '""')}"`;
}
