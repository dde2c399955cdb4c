import type { Expected } from './expected.ts';
import { fail, pass, warn } from './finding.ts';
import type { Finding } from './finding.ts';
import { inWords, isLoopback } from './server.ts';
import type { Server } from './server.ts';

/** Reserved by RFC 2606: on nobody's list unless the list lets everything through. */
const STRANGER = 'https://backend-check.example/elsewhere';
const LOOPBACK = 'http://127.0.0.1:49152/callback';
const REMEDY = 'Authentication → URL Configuration → Redirect URLs: add';

/**
 * Where a sign-in may lead back to. A link that is not valid leads, with an error, to the address that it names when
 * that is on the list, and to the site otherwise: so the list shows itself without anything being written.
 */
export async function checkRedirects(project: Server, expected: Expected): Promise<readonly Finding[]> {
  const editors = expected.redirectUrls.map(async (pattern) => {
    const address = `${pattern.replace(/\*+$/, '')}auth/callback?nonce=check`;
    const subject = `redirect: ${new URL(address).protocol}//`;
    const target = await targetOf(project, address);
    if (target.kind === 'unknown') {
      return warn(subject, `the list cannot be asked (${target.why})`, `${REMEDY} ${pattern}`);
    }
    return target.url.startsWith(address)
      ? pass(subject, 'on the list')
      : fail(subject, 'not on the list: a sign-in there would end in the browser', `${REMEDY} ${pattern}`);
  });
  const loopback = targetOf(project, LOOPBACK).then((target) =>
    target.kind === 'known' && target.url.startsWith(LOOPBACK)
      ? pass('redirect: http://127.0.0.1', 'open for every port')
      : warn('redirect: http://127.0.0.1', 'not open', `${REMEDY} http://127.0.0.1:*/**`),
  );
  return Promise.all([...editors, loopback, checkSite(project)]);
}

async function checkSite(project: Server): Promise<Finding> {
  const subject = 'redirect: elsewhere';
  const target = await targetOf(project, STRANGER);
  if (target.kind === 'unknown') {
    return warn(subject, `the list cannot be asked (${target.why})`, 'Wait five minutes and check again.');
  }
  if (target.url.startsWith(STRANGER)) {
    return fail(
      subject,
      'any address is allowed: whoever makes a link gets the session',
      'Take the entries out of the redirect list that match every address.',
    );
  }
  const site = new URL(target.url);
  const unset = isLoopback(site.hostname) && !isLoopback(new URL(project.url).hostname);
  return unset
    ? warn(
        subject,
        `leads to ${site.origin}, which is each visitor’s own machine`,
        'Authentication → URL Configuration → Site URL: a page that says “return to your editor”.',
      )
    : pass(subject, `leads to the site, ${site.origin}`);
}

type Target = { readonly kind: 'known'; readonly url: string } | { readonly kind: 'unknown'; readonly why: string };

async function targetOf(project: Server, address: string): Promise<Target> {
  const query = new URLSearchParams({ token: 'backend-check', type: 'signup', redirect_to: address });
  const reply = await project.ask(`/auth/v1/verify?${query.toString()}`);
  const location = reply.kind === 'answer' ? reply.headers.get('location') : null;
  return location !== null && URL.canParse(location)
    ? { kind: 'known', url: location }
    : { kind: 'unknown', why: inWords(reply) };
}
