import { checkDatabase } from './database.ts';
import type { Expected } from './expected.ts';
import type { Finding } from './finding.ts';
import { checkFunctions } from './functions.ts';
import { checkModels } from './models.ts';
import { checkRedirects } from './redirects.ts';
import { Server } from './server.ts';
import { checkSignIn, connect } from './sign-in.ts';

/** Which backend to look at, and as whom. */
export interface Backend {
  readonly url: string;
  /** The publishable key, or a legacy anon key. */
  readonly key: string;
  /** LiteLLM as the editors reach it; undefined leaves it to the functions' word. */
  readonly litellm: string | undefined;
}

/** Looks at a backend from outside, as somebody who is not signed in. It changes no data. */
export async function checkBackend(
  { url, key, litellm }: Backend,
  readExpected: () => Promise<Expected>,
): Promise<readonly Finding[]> {
  // A legacy anon key is a token as well; a publishable key is none.
  const headers = { apikey: key, ...(key.startsWith('eyJ') ? { authorization: `Bearer ${key}` } : {}) };
  const project = new Server(url, headers);
  const connection = await connect(project);
  if (connection.kind === 'closed') {
    return [connection.finding];
  }
  const expected = await readExpected();
  const findings = await Promise.all([
    checkSignIn(project, connection.settings, expected),
    checkRedirects(project, expected),
    checkDatabase(project, expected),
    checkFunctions(project, expected),
    litellm === undefined ? [] : checkModels(new Server(litellm)),
  ]);
  return [...connection.findings, ...findings.flat()];
}
