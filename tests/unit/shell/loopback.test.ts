/** The port to which a browser comes back, with real requests. */
import { request } from 'node:http';
import type { IncomingHttpHeaders } from 'node:http';

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { openLoopback } from '../../../extension/src/node/loopback.ts';
import type { Loopback } from '../../../extension/src/platform.ts';

const TEXTS = { done: 'You & VS Code are <done>.', failed: 'That did not work.' };
const take = vi.fn((): Promise<boolean> => Promise.resolve(true));
let port: Loopback;

beforeEach(async () => {
  take.mockReset();
  take.mockResolvedValue(true);
  port = await openLoopback(TEXTS, take);
});

afterEach(() => port.close());

interface Reply {
  readonly status: number | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

function ask(query: string, options: { readonly method?: string; readonly host?: string } = {}): Promise<Reply> {
  const { method = 'GET', host } = options;
  return new Promise((resolve, reject) => {
    const sent = request(
      `${port.redirectTo}${query}`,
      { method, agent: false, ...(host === undefined ? {} : { headers: { host } }) },
      (response) => {
        let body = '';
        response.setEncoding('utf8');
        response.on('data', (text: string) => (body += text));
        response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, body }));
      },
    );
    sent.on('error', reject);
    sent.end();
  });
}

describe('the port of a sign-in', () => {
  it('takes one callback with its whole address, and is closed after it', async () => {
    expect(port.redirectTo).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/cb$/u);
    const { status, headers, body } = await ask('?nonce=n1&code=c1');
    expect(take).toHaveBeenCalledWith(`${port.redirectTo}?nonce=n1&code=c1`);
    expect(status).toBe(200);
    expect(body).toContain('You &#38; VS Code are &#60;done&#62;.');
    expect(headers).toMatchObject({
      'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
      'cache-control': 'no-store',
      'referrer-policy': 'no-referrer',
    });
    await expect(ask('?nonce=n1&code=c1')).rejects.toThrow('ECONNREFUSED');
    expect(take).toHaveBeenCalledOnce();
  });

  it('says that it did not work when it led to no session', async () => {
    take.mockResolvedValue(false);
    expect((await ask('?nonce=n1&error=access_denied')).body).toContain('That did not work.');
  });

  it.each([
    ['another path', 'x?nonce=n1', {}],
    ['a path without a callback', '', {}],
    ['another method', '?nonce=n1&code=c1', { method: 'POST' }],
    ['another name for this machine', '?nonce=n1&code=c1', { host: 'evil.example.org' }],
  ])('does not answer %s, and goes on waiting', async (_, query, options) => {
    expect((await ask(query, options)).status).toBe(404);
    expect(take).not.toHaveBeenCalled();
    expect((await ask('?nonce=n1&code=c1')).status).toBe(200);
  });

  it('is closed when nobody waits any more', async () => {
    port.close();
    await expect(ask('?nonce=n1&code=c1')).rejects.toThrow('ECONNREFUSED');
  });
});
