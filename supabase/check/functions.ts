import * as v from 'valibot';

import type { Expected } from './expected.ts';
import { fail, pass, warn } from './finding.ts';
import type { Finding } from './finding.ts';
import { inWords } from './server.ts';
import type { Reply, Server } from './server.ts';

const DEPLOY = 'Deploy: supabase functions deploy';
const SECRETS = 'Set the functions’ secrets: supabase secrets set LITELLM_URL=… LITELLM_MASTER_KEY=…';
const MIGRATE = 'Apply the migrations of the checkout that the functions are of: supabase db push';
/** These two are open to all. */
const OPEN = ['health', 'ready'];

const Health = v.object({ status: v.literal('ok'), version: v.string() });
const Ready = v.object({
  database: v.string(),
  models: v.string(),
  migration: v.optional(v.nullable(v.string()), null),
});
const Message = v.object({ message: v.string() });

/** The edge functions: deployed, of this version, set up, closed to strangers, and what they reach. */
export async function checkFunctions(project: Server, expected: Expected): Promise<readonly Finding[]> {
  const closed = expected.edgeFunctions.filter((name) => !OPEN.includes(name));
  const findings = await Promise.all([
    checkHealth(project, expected.version),
    ...(expected.edgeFunctions.includes('ready') ? [checkReady(project, expected.migration)] : []),
    ...closed.map((name) => checkClosed(project, name)),
    ...closed.map((name) => checkCors(project, name)),
  ]);
  return findings.flat();
}

async function checkHealth(project: Server, version: string): Promise<readonly Finding[]> {
  const subject = 'function: health';
  const reply = await project.ask('/functions/v1/health');
  const health = reply.kind === 'answer' ? v.safeParse(Health, reply.body) : undefined;
  if (health?.success !== true) {
    return [notDeployed(subject, reply)];
  }
  return [
    health.output.version === version
      ? pass(subject, `version ${version}`)
      : warn(subject, `version ${health.output.version}, this checkout has ${version}`, DEPLOY),
  ];
}

async function checkReady(project: Server, newest: string): Promise<readonly Finding[]> {
  const reply = await project.ask('/functions/v1/ready');
  const ready = reply.kind === 'answer' ? v.safeParse(Ready, reply.body) : undefined;
  if (ready?.success !== true) {
    return [notDeployed('function: ready', reply)];
  }
  const of = (subject: string, state: string, misconfigured: string, unreachable: string): Finding =>
    state === 'ok'
      ? pass(subject, 'the functions reach it')
      : fail(subject, state, state === 'misconfigured' ? misconfigured : unreachable);
  const { migration } = ready.output;
  return [
    ...(migration === null
      ? []
      : [
          migration === newest
            ? pass('database: migrations', `up to ${migration}`)
            : fail('database: migrations', `up to ${migration}, this checkout has ${newest}`, MIGRATE),
        ]),
    of(
      'reached: database',
      ready.output.database,
      'See the functions’ log: a secret is missing, or row level security is off (alter table … enable row level security).',
      'Apply the migrations (supabase db push); see the functions’ log.',
    ),
    of('reached: LiteLLM', ready.output.models, SECRETS, 'Start LiteLLM and its database, and check LITELLM_URL.'),
  ];
}

/** Without a token a function has to refuse, and to do that itself: the platform's check knows no newer tokens. */
async function checkClosed(project: Server, name: string): Promise<readonly Finding[]> {
  const subject = `function: ${name}`;
  const reply = await project.ask(`/functions/v1/${name}`, { method: 'POST', body: {} });
  if (reply.kind === 'answer' && reply.code === 'misconfigured') {
    const why = v.is(Message, reply.body) ? reply.body.message : 'a setting is missing';
    return [fail(subject, why, 'supabase secrets set NAME=value; docs/operating.md lists the names.')];
  }
  if (reply.kind === 'answer' && (reply.status === 401 || reply.status === 403)) {
    // The functions' own codes are in lower case; the platform's are numbers or capitals.
    return [
      /^[a-z_]+$/.test(reply.code ?? '')
        ? pass(subject, 'deployed, and closed to those not signed in')
        : fail(
            subject,
            'the platform checks tokens before the function does',
            `${DEPLOY} (supabase/config.toml has verify_jwt = false for it)`,
          ),
    ];
  }
  return reply.kind === 'answer' && reply.status < 300
    ? [fail(subject, 'it works for somebody who is not signed in', `Take it down, then: ${DEPLOY}`)]
    : [notDeployed(subject, reply)];
}

async function checkCors(project: Server, name: string): Promise<readonly Finding[]> {
  const reply = await project.ask(`/functions/v1/${name}`, { method: 'OPTIONS', headers: preflight('authorization') });
  // A function that is not there was told about already.
  if (reply.kind === 'silence' || reply.status === 404 || allowsAnyOrigin(reply)) {
    return [];
  }
  return [warn(`function: ${name}`, 'VS Code in a browser may not call it (CORS)', DEPLOY)];
}

export function preflight(header: string): Readonly<Record<string, string>> {
  return {
    origin: 'https://vscode.dev',
    'access-control-request-method': 'POST',
    'access-control-request-headers': `${header},content-type`,
  };
}

export function allowsAnyOrigin(reply: Reply & { kind: 'answer' }): boolean {
  return ['*', 'https://vscode.dev'].includes(reply.headers.get('access-control-allow-origin') ?? '');
}

function notDeployed(subject: string, reply: Reply): Finding {
  return reply.kind === 'answer' && reply.status === 404
    ? fail(subject, 'not deployed', DEPLOY)
    : fail(subject, `no clear answer (${inWords(reply)})`, `See the function’s log in the dashboard. ${DEPLOY}`);
}
