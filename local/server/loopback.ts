import type { MiddlewareHandler } from 'hono';

export const LOOPBACK = '127.0.0.1';

/**
 * Refuses a request whose Host is not this machine: a page of the web could otherwise point a name of its own
 * at 127.0.0.1 and read, say, the inbox ("DNS rebinding").
 */
export function loopbackHostsOnly(): MiddlewareHandler {
  return async (c, next) => {
    const host = (c.req.header('host') ?? '').replace(/:\d+$/, '');
    if (![LOOPBACK, 'localhost', '[::1]'].includes(host)) {
      return c.json({ message: 'This server answers to its own machine only.' }, 403);
    }
    return next();
  };
}
