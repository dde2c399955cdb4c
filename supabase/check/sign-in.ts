import * as v from 'valibot';

import type { Expected } from './expected.ts';
import { fail, pass, warn } from './finding.ts';
import type { Finding } from './finding.ts';
import { inWords, isInTheOpen } from './server.ts';
import type { Server } from './server.ts';

const Settings = v.object({
  disable_signup: v.boolean(),
  mailer_autoconfirm: v.boolean(),
  external: v.record(v.string(), v.unknown()),
});
export type Settings = v.InferOutput<typeof Settings>;

const Jwks = v.object({ keys: v.array(v.looseObject({ alg: v.optional(v.string()) })) });
const Message = v.object({ message: v.string() });

/** More than this between two clocks, and fresh tokens look expired or not yet good. */
const CLOCK_SKEW_S = 60;

export type Connection =
  | { readonly kind: 'open'; readonly settings: Settings; readonly findings: readonly Finding[] }
  | { readonly kind: 'closed'; readonly finding: Finding };

/** Is there a Supabase project, and is the key its own? Nothing else can be asked before. */
export async function connect(project: Server): Promise<Connection> {
  const subject = 'project';
  const reply = await project.ask('/auth/v1/settings');
  if (reply.kind === 'silence') {
    return { kind: 'closed', finding: fail(subject, `${project.url}: ${reply.why}`, 'Check --url and the network.') };
  }
  if (reply.status === 401 || reply.status === 403) {
    const remedy = 'Copy the publishable key from the dashboard: Project Settings → API Keys.';
    return { kind: 'closed', finding: fail(subject, `the key is not this project's (${inWords(reply)})`, remedy) };
  }
  const settings = v.safeParse(Settings, reply.body);
  if (reply.status !== 200 || !settings.success) {
    const remedy =
      'Give the address of the project itself, https://<ref>.supabase.co. A paused project has to be restored.';
    return { kind: 'closed', finding: fail(subject, `no Supabase project answers (${inWords(reply)})`, remedy) };
  }
  const skew = Math.round(Math.abs(Date.parse(reply.headers.get('date') ?? '') - Date.now()) / 1000);
  return {
    kind: 'open',
    settings: settings.output,
    findings: [
      pass(subject, 'it answers, and the key is its own'),
      ...(isInTheOpen(project)
        ? [
            fail(
              'project: encrypted',
              'passwords travel in the open (http)',
              'Put it behind https; the editors refuse http.',
            ),
          ]
        : []),
      ...(skew > CLOCK_SKEW_S
        ? [warn('clock', `this machine and the server differ by ${skew} s`, 'Set the clock that is wrong.')]
        : []),
    ],
  };
}

/** How people sign in: by mail, by provider, with which keys and passwords. */
export async function checkSignIn(
  project: Server,
  settings: Settings,
  expected: Expected,
): Promise<readonly Finding[]> {
  const [jwks, password, ...providers] = await Promise.all([
    checkJwks(project),
    checkPasswordRule(project, settings, expected.minimumPasswordLength),
    ...['github', 'google']
      .filter((name) => settings.external[name] === true)
      .map(async (name) => checkProvider(project, name)),
  ]);
  return [
    settings.external['email'] === true
      ? pass('sign-in: e-mail', 'on')
      : fail('sign-in: e-mail', 'off', 'Authentication → Sign In / Providers → Email: switch it on.'),
    settings.disable_signup
      ? warn('sign-in: new accounts', 'nobody can make one', 'Fine when you invite people; else allow sign-ups.')
      : pass('sign-in: new accounts', 'allowed'),
    settings.mailer_autoconfirm
      ? warn(
          'sign-in: confirmation',
          'an address counts without its owner’s word',
          'Authentication → Sign In / Providers → Email: switch “Confirm email” on.',
        )
      : pass('sign-in: confirmation', 'new addresses have to be confirmed'),
    ...(providers.length === 0
      ? [warn('sign-in: providers', 'none is on', 'Switch GitHub or Google on, or leave it at e-mail.')]
      : providers),
    jwks,
    ...password,
  ];
}

async function checkJwks(project: Server): Promise<Finding> {
  const subject = 'sign-in: token keys';
  const reply = await project.ask('/auth/v1/.well-known/jwks.json');
  const jwks = reply.kind === 'answer' ? v.safeParse(Jwks, reply.body) : undefined;
  if (jwks?.success !== true) {
    return fail(subject, `the published keys cannot be read (${inWords(reply)})`, 'See the status of the project.');
  }
  const { keys } = jwks.output;
  if (keys.some((key) => 'd' in key || 'k' in key)) {
    return fail(subject, 'a private key is published', 'Rotate the project’s signing keys at once.');
  }
  if (!keys.some(({ alg }) => alg === 'ES256' || alg === 'RS256')) {
    return warn(
      subject,
      'tokens are signed with a shared secret (HS256)',
      'Project Settings → JWT Keys: migrate to ES256. Until then the functions need GODOTY_JWT_SECRET.',
    );
  }
  return pass(subject, `asymmetric (${keys.map(({ alg }) => alg ?? 'unnamed').join(', ')})`);
}

async function checkProvider(project: Server, name: string): Promise<Finding> {
  const subject = `sign-in: ${name}`;
  const reply = await project.ask(`/auth/v1/authorize?provider=${name}`);
  const location = reply.kind === 'answer' ? reply.headers.get('location') : null;
  return location !== null && URL.canParse(location)
    ? pass(subject, `on, by way of ${new URL(location).host}`)
    : fail(subject, `it is on, but cannot be begun (${inWords(reply)})`, 'Set its client id and secret.');
}

/** A password of one letter is refused everywhere before anything is written, and the refusal names the rule. */
async function checkPasswordRule(project: Server, settings: Settings, wanted: number): Promise<readonly Finding[]> {
  if (settings.disable_signup) {
    return [];
  }
  const subject = 'sign-in: passwords';
  const reply = await project.ask('/auth/v1/signup', {
    method: 'POST',
    headers: { 'x-supabase-api-version': '2024-01-01' },
    body: { email: 'backend-check@example.com', password: 'x' },
  });
  const message = reply.kind === 'answer' && v.is(Message, reply.body) ? reply.body.message : '';
  const length = Number(/at least (\d+) characters/.exec(message)?.[1]);
  const remedy = `Authentication → Sign In / Providers → Email: a minimum of ${wanted} characters.`;
  if (reply.kind === 'answer' && reply.code === 'weak_password' && length >= wanted) {
    return [pass(subject, `of ${length} characters at least`)];
  }
  return [
    Number.isNaN(length)
      ? warn(subject, `the rule cannot be told (${inWords(reply)})`, remedy)
      : warn(subject, `${length} characters are enough`, remedy),
  ];
}
