import { Hono } from 'hono';
import type { Context } from 'hono';
import { bodyLimit } from 'hono/body-limit';

import { VERSION } from '../version.ts';
import { accountRoutes } from './account-routes.ts';
import { AuthError, errorResponse } from './errors.ts';
import { mailRoutes } from './mail-routes.ts';
import type { AuthParts } from './parts.ts';
import { providerRoutes } from './provider-routes.ts';
import { badJson } from './requests.ts';

const MAX_BODY_BYTES = 65_536;

/** Supabase Auth as its clients see it; to be mounted at /auth/v1. */
export function authRoutes(parts: AuthParts): Hono {
  const app = new Hono();
  app.use(bodyLimit({ maxSize: MAX_BODY_BYTES, onError: (c) => fail(c, badJson('request body too large')) }));

  app.get('/health', (c) =>
    c.json({ version: `local-${VERSION}`, name: 'GoTrue', description: "Godoty's local emulator of Supabase Auth" }),
  );
  app.get('/settings', (c) =>
    c.json({
      external: {
        anonymous_users: false,
        email: true,
        phone: false,
        ...Object.fromEntries(['github', 'google'].map((name) => [name, parts.config.providers.includes(name)])),
      },
      disable_signup: false,
      mailer_autoconfirm: parts.autoConfirm,
      phone_autoconfirm: false,
      sms_provider: '',
      saml_enabled: false,
    }),
  );
  app.get('/.well-known/jwks.json', (c) => c.json({ keys: [parts.tokens.publicJwk] }));
  accountRoutes(app, parts);
  mailRoutes(app, parts);
  providerRoutes(app, parts);

  const paths = new Set(app.routes.map((route) => route.path));
  app.notFound((c) => (paths.has(c.req.path) ? c.body(null, 405) : c.text('404 page not found\n', 404)));
  app.onError((error, c) => {
    if (error instanceof AuthError) {
      return fail(c, error);
    }
    console.error(`auth: ${error.name}: ${error.message}`);
    return fail(
      c,
      new AuthError(500, 'unexpected_failure', 'Unexpected failure, please check server logs for more information'),
    );
  });
  return app;
}

function fail(c: Context, error: AuthError): Response {
  return errorResponse(error, c.req.header('x-supabase-api-version'));
}
