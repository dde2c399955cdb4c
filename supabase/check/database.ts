import type { DatabaseFunction, Expected } from './expected.ts';
import { fail, pass, warn } from './finding.ts';
import type { Finding } from './finding.ts';
import { inWords } from './server.ts';
import type { Reply, Server } from './server.ts';

const MIGRATE = 'Apply the migrations: supabase db push';
const INSUFFICIENT_PRIVILEGE = '42501';

/** Are the migrations there, and does somebody who is not signed in see and do nothing? */
export async function checkDatabase(project: Server, expected: Expected): Promise<readonly Finding[]> {
  const [tables, functions] = await Promise.all([
    inTurns(expected.tables, (table) => checkTable(project, table)),
    inTurns(expected.functions, (called) => checkFunction(project, called)),
  ]);
  return [...summed('table', tables), ...summed('function', functions)];
}

async function checkTable(project: Server, table: string): Promise<Finding> {
  const subject = `database: ${table}`;
  const reply = await project.ask(`/rest/v1/${table}?select=*&limit=1`);
  if (reply.kind === 'answer' && reply.status === 200) {
    return Array.isArray(reply.body) && reply.body.length === 0
      ? warn(
          subject,
          'somebody not signed in may ask; no row was shown',
          `Take the grant back: revoke all on public.${table} from anon;`,
        )
      : fail(
          subject,
          'somebody not signed in reads its rows',
          `At once: revoke all on public.${table} from anon; alter table public.${table} enable row level security;`,
        );
  }
  return refusalOf(subject, reply);
}

async function checkFunction(project: Server, called: DatabaseFunction): Promise<Finding> {
  const subject = `database: ${called.name}()`;
  const body = Object.fromEntries(called.parameters.map((name) => [name, null]));
  const reply = await project.ask(`/rest/v1/rpc/${called.name}`, { method: 'POST', body });
  // An error of the function's own says as much as success: it was run.
  const ran = reply.kind === 'answer' && (reply.status < 300 || (reply.status < 500 && !isKnown(reply)));
  return ran
    ? fail(
        subject,
        'somebody not signed in may call it',
        `At once: revoke execute on function public.${called.name} from public, anon;`,
      )
    : refusalOf(subject, reply);
}

function isKnown(reply: Reply & { kind: 'answer' }): boolean {
  return reply.status === 404 || reply.code === INSUFFICIENT_PRIVILEGE || (reply.code ?? '').startsWith('PGRST');
}

function refusalOf(subject: string, reply: Reply): Finding {
  if (reply.kind === 'answer' && reply.code === INSUFFICIENT_PRIVILEGE) {
    return pass(subject, 'there, and closed to those not signed in');
  }
  return reply.kind === 'answer' && reply.status === 404
    ? fail(subject, 'missing', MIGRATE)
    : fail(subject, `no clear answer (${inWords(reply)})`, 'See the project’s status and its API logs.');
}

/** One line for all that is well, and one for each that is not. */
function summed(kind: string, findings: readonly Finding[]): readonly Finding[] {
  const wrong = findings.filter(({ status }) => status !== 'pass');
  const well = findings.length - wrong.length;
  const subject = `database: ${kind}s`;
  return [...(well === 0 ? [] : [pass(subject, `${well} are there, and closed to those not signed in`)]), ...wrong];
}

/** One after the other: a check must not be a burst. */
async function inTurns<T>(items: readonly T[], check: (item: T) => Promise<Finding>): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  for (const item of items) {
    findings.push(await check(item));
  }
  return findings;
}
