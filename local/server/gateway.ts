import { Hono } from 'hono';
import type { MiddlewareHandler } from 'hono';
import { cors } from 'hono/cors';
import { mount } from 'hono/mount';

import type { Env } from '../../supabase/functions/_shared/env.ts';
import { handler as health } from '../../supabase/functions/health/handler.ts';
import { handler as keys } from '../../supabase/functions/keys/handler.ts';
import { handler as ready } from '../../supabase/functions/ready/handler.ts';
import { handler as usageSync } from '../../supabase/functions/usage-sync/handler.ts';
import { handler as vscodeConfig } from '../../supabase/functions/vscode-config/handler.ts';
import type { Mailbox } from './auth/mailbox.ts';
import type { StandInProviders } from './auth/stand-in.ts';
import { loopbackHostsOnly } from './loopback.ts';
import { inboxPage } from './pages/inbox.ts';
import { landingPage } from './pages/landing.ts';
import { pageHeaders } from './pages/page.ts';
import { VERSION } from './version.ts';

export interface GatewayParts {
  readonly auth: Hono;
  readonly rest: Hono;
  readonly functionsEnv: Env;
  readonly mailbox: Mailbox;
  readonly providers: StandInProviders;
  readonly publishableKey: string;
  readonly secretKey: string;
}

/** The project's edge functions, by the name under which Supabase serves them. */
const FUNCTIONS: Readonly<Record<string, (request: Request, env: Env) => Promise<Response>>> = {
  health,
  keys,
  ready,
  'usage-sync': usageSync,
  'vscode-config': vscodeConfig,
};

/** What a browser opens by itself has no header to put a key into. */
const OPEN_AUTH_PATHS = new Set([
  '/auth/v1/verify',
  '/auth/v1/authorize',
  '/auth/v1/callback',
  '/auth/v1/.well-known/jwks.json',
]);

/** What Supabase lets a web page read of its answers' headers; `x-sb-error-code` and `retry-after` are not among them. */
const AUTH_EXPOSES = ['X-Total-Count', 'Link', 'X-Supabase-Api-Version'];
const REST_EXPOSES = [
  ...['Content-Encoding', 'Content-Location', 'Content-Range', 'Content-Type', 'Date', 'Location', 'Server'],
  ...['Transfer-Encoding', 'Range-Unit'],
];

/** One origin for everything, as Supabase's gateway is. */
export function gateway(parts: GatewayParts): Hono {
  const app = new Hono();
  app.use(loopbackHostsOnly());

  const keyed = apiKey(parts);
  app.use('/auth/v1/*', crossOrigin(AUTH_EXPOSES), keyed);
  app.use('/rest/v1/*', crossOrigin(REST_EXPOSES), keyed);
  app.all(
    '/auth/v1/*',
    mount((request) => parts.auth.fetch(request)),
  );
  app.all(
    '/rest/v1/*',
    mount((request) => parts.rest.fetch(request)),
  );

  app.all('/functions/v1/:name/*', (c) => {
    const name = c.req.param('name');
    const handler = Object.hasOwn(FUNCTIONS, name) ? FUNCTIONS[name] : undefined;
    return (
      handler?.(c.req.raw, parts.functionsEnv) ??
      c.json({ code: 'NOT_FOUND', message: 'Requested function was not found' }, 404)
    );
  });

  app.use('/_*', pageHeaders());
  app.get('/', (c) => c.json({ name: 'Godoty local stack', version: VERSION, inbox: '/_inbox' }));
  app.get('/_inbox', async (c) => c.html(inboxPage(await parts.mailbox.latest())));
  app.get('/_confirmed', (c) => {
    const { error, error_description: description, code, message } = c.req.query();
    return c.html(landingPage({ error, description, code, message }));
  });
  app.route('/_provider', parts.providers.routes());
  app.notFound((c) => c.json({ message: 'no Route matched with those values' }, 404));
  return app;
}

function crossOrigin(exposeHeaders: string[]): MiddlewareHandler {
  return cors({ origin: '*', exposeHeaders, maxAge: 3600 });
}

function apiKey(parts: GatewayParts): MiddlewareHandler {
  const known = new Set([parts.publishableKey, parts.secretKey]);
  return async (c, next) => {
    if (!OPEN_AUTH_PATHS.has(c.req.path)) {
      const key = c.req.header('apikey') ?? c.req.query('apikey');
      if (key === undefined) {
        return c.json(
          { message: 'No API key found in request', hint: 'No `apikey` request header or url param was found.' },
          401,
        );
      }
      if (!known.has(key)) {
        return c.json({ message: 'Invalid API key', hint: 'Double check your API key.' }, 401);
      }
    }
    return next();
  };
}
