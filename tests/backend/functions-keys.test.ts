import { createHash } from 'node:crypto';

import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import type { LocalStack } from '../../local/server/start.ts';
import { createEnv } from '../../supabase/functions/_shared/env.ts';
import { handler as keysHandler } from '../../supabase/functions/keys/handler.ts';
import { engines } from './databases.ts';
import { startStackOn } from './functions-stacks.ts';
import { call, callModel, read, signUp } from './support.ts';
import type { Account, Answer } from './support.ts';

describe.each(engines)('on $name', (engine) => {
  let stack: LocalStack;
  let ada: Account;

  beforeAll(async () => {
    stack = await startStackOn(engine);
  });
  afterAll(() => stack.close());
  beforeEach(async () => {
    ada = await signUp(stack);
  });

  interface ListedKey {
    readonly id: string;
    readonly device_id: string;
    readonly device_name: string;
    readonly preview: string;
    readonly last_used_at: string | null;
  }

  const device = (name = 'laptop'): object => ({ device_id: crypto.randomUUID(), device_name: name });
  const keys = (method: string, path = '', body?: unknown, account: Account | undefined = ada): Promise<Answer> =>
    call(stack, `/functions/v1/keys${path}`, {
      method,
      token: account.accessToken,
      ...(body === undefined ? {} : { body }),
    });
  const keyIn = (answer: Answer): string => (answer.body['model_access'] as { key: string }).key;
  const issue = async (body: object = device(), account?: Account): Promise<string> =>
    keyIn(await keys('POST', '', body, account));
  const listed = async (account?: Account): Promise<ListedKey[]> =>
    (await keys('GET', '', undefined, account)).body['keys'] as ListedKey[];
  const works = async (key: string): Promise<boolean> => (await callModel(stack, '/v1/models', key)).status === 200;
  const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
  const events = async (account: Account): Promise<string[]> =>
    (
      await stack.db.query<{ event: string }>(
        `select event from public.audit_log where user_id = $1 and event like 'key%' order by id`,
        [account.id],
      )
    ).map(({ event }) => event);

  describe('keys', () => {
    it('issues a device’s key and lists it by its preview, never the key', async () => {
      const key = await issue(device('Ada’s laptop'));
      expect(await works(key)).toBe(true);
      const answer = await keys('GET');
      expect(answer.text).not.toContain(key);
      expect(answer.text).not.toContain(sha256(key));
      expect(await listed()).toMatchObject([
        { device_name: 'Ada’s laptop', preview: `sk-…${key.slice(-4)}`, last_used_at: null },
      ]);
    });

    it('rotates a key by its id: the former one stops working, the device keeps its name', async () => {
      const laptop = device('laptop');
      const former = await issue(laptop);
      const [before] = await listed();
      const rotated = await keys('POST', `/${before?.id ?? ''}/rotate`);
      expect(rotated.status).toBe(200);
      expect([await works(former), await works(keyIn(rotated))]).toEqual([false, true]);
      const after = await listed();
      expect(after).toMatchObject([{ device_id: before?.device_id, device_name: 'laptop' }]);
      expect(after[0]?.id).not.toBe(before?.id);
      expect(await events(ada)).toEqual(['key_issued', 'key_rotated']);
    });

    it('revokes one key and leaves the others alone', async () => {
      const [phone, laptop] = [await issue(device('phone')), await issue(device('laptop'))];
      const of = (await listed()).find(({ device_name }) => device_name === 'phone');
      const answer = await keys('DELETE', `/${of?.id ?? ''}`);
      expect([answer.status, answer.body]).toEqual([200, { revoked: 1 }]);
      expect([await works(phone), await works(laptop)]).toEqual([false, true]);
      expect((await listed()).map(({ device_name }) => device_name)).toEqual(['laptop']);
      expect(await events(ada)).toEqual(['key_issued', 'key_issued', 'key_revoked']);
    });

    it('revokes all keys of the account, and nobody else’s', async () => {
      const bob = await signUp(stack);
      const bobs = await issue(device(), bob);
      const own = [await issue(), await issue(), await issue()];
      expect((await keys('DELETE')).body).toEqual({ revoked: 3 });
      for (const key of own) {
        expect(await works(key)).toBe(false);
      }
      expect([await listed(), await works(bobs)]).toEqual([[], true]);
      expect((await keys('DELETE')).body).toEqual({ revoked: 0 });
    });

    it('knows another account’s key as little as none at all', async () => {
      const bob = await signUp(stack);
      const key = await issue(device(), bob);
      const [bobs] = await listed(bob);
      for (const [method, path] of [
        ['DELETE', `/${bobs?.id ?? ''}`],
        ['POST', `/${bobs?.id ?? ''}/rotate`],
        ['DELETE', `/${crypto.randomUUID()}`],
      ] as const) {
        const answer = await keys(method, path);
        expect([answer.status, answer.body['code']], method).toEqual([404, 'key_not_found']);
      }
      expect(await works(key)).toBe(true);
    });

    it('leaves a revoked key that LiteLLM could not be told of as owed', async () => {
      const key = await issue();
      const env = createEnv(stack.functionsEnv.get, {
        log: () => undefined,
        fetch: (input, init) =>
          String(input instanceof Request ? input.url : input).startsWith(stack.litellmUrl)
            ? Promise.reject(new TypeError('connection refused'))
            : fetch(input, init),
      });
      const request = new Request('http://functions.invalid/keys', {
        method: 'DELETE',
        headers: { authorization: `Bearer ${ada.accessToken}` },
      });
      expect((await read(await keysHandler(request, env))).body).toEqual({ revoked: 1 });
      const [row] = await stack.db.query('select status, removed_at from public.user_api_keys where key_hash = $1', [
        sha256(key),
      ]);
      expect(row).toEqual({ status: 'revoked', removed_at: null });
    });

    it.each([
      ['GET', '/00000000-0000-4000-8000-000000000000', 404, 'not_found'],
      ['POST', '/00000000-0000-4000-8000-000000000000', 404, 'not_found'],
      ['DELETE', '/00000000-0000-4000-8000-000000000000/rotate', 404, 'not_found'],
      ['POST', '/not-a-uuid/rotate', 404, 'not_found'],
      ['POST', '/00000000-0000-4000-8000-000000000000/rotate/more', 404, 'not_found'],
      ['PUT', '', 405, 'method_not_allowed'],
    ])('answers %s %s with %i', async (method, path, status, code) => {
      const answer = await keys(method, path);
      expect([answer.status, answer.body['code']]).toEqual([status, code]);
    });

    it.each(['GET', 'POST', 'DELETE'])('lets nobody %s without a token', async (method) => {
      const answer = await call(stack, '/functions/v1/keys', { method });
      expect([answer.status, answer.body['code']]).toEqual([401, 'not_authenticated']);
    });

    it('refuses a body that is not a device', async () => {
      const answer = await keys('POST', '', { device_id: 'laptop' });
      expect([answer.status, answer.body['code']]).toEqual([400, 'invalid_request']);
    });
  });

  describe('how often keys may be asked for', () => {
    const rule = (name: string, burst: number): Promise<unknown> =>
      stack.db.query('update godoty.rate_rules set burst = $2 where name = $1', [name, burst]);
    const from = async (address: string | undefined, account: Account): Promise<Answer> =>
      call(stack, '/functions/v1/vscode-config', {
        token: account.accessToken,
        body: device(),
        headers: address === undefined ? {} : { 'x-forwarded-for': address },
      });
    const statuses = async (count: number, ask: () => Promise<Answer>): Promise<number[]> => {
      const answers: number[] = [];
      for (let round = 0; round < count; round++) {
        answers.push((await ask()).status);
      }
      return answers;
    };

    beforeAll(async () => {
      await rule('key_issue_by_user', 3);
      await rule('key_issue_by_address', 5);
    });
    afterAll(async () => {
      await rule('key_issue_by_user', 30);
      await rule('key_issue_by_address', 300);
    });

    it('is limited for an account, with words and the time to wait', async () => {
      expect(await statuses(4, () => from(undefined, ada))).toEqual([200, 200, 200, 429]);
      const answer = await from(undefined, ada);
      expect(answer.body).toEqual({
        code: 'rate_limited',
        message: expect.stringMatching(
          /^Too many keys were asked for\. Try again in \d+ (seconds|minutes)\.$/,
        ) as string,
      });
      // Three in ten minutes: the next one is due within 200 seconds.
      const wait = Number(answer.headers.get('retry-after'));
      expect(wait).toBeGreaterThan(150);
      expect(wait).toBeLessThanOrEqual(200);
      expect(answer.headers.get('access-control-expose-headers')).toBe('retry-after');
      expect((await from(undefined, await signUp(stack))).status).toBe(200);
    });

    it('is limited for `keys` by the same count', async () => {
      expect(await statuses(3, () => from(undefined, ada))).toEqual([200, 200, 200]);
      expect((await keys('POST', '', device())).status).toBe(429);
      expect((await keys('GET')).status).toBe(200);
    });

    it('is limited for an address across accounts', async () => {
      const accounts = await Promise.all(Array.from({ length: 7 }, () => signUp(stack)));
      const answers: number[] = [];
      for (const account of accounts) {
        answers.push((await from('203.0.113.7, 10.0.0.1', account)).status);
      }
      expect(answers).toEqual([200, 200, 200, 200, 200, 429, 429]);
      expect((await from('203.0.113.8', ada)).status).toBe(200);
    });

    it('takes the addresses of one IPv6 network for one', async () => {
      const accounts = await Promise.all(Array.from({ length: 6 }, () => signUp(stack)));
      const answers: number[] = [];
      for (const [index, account] of accounts.entries()) {
        answers.push((await from(`2001:db8:1:2::${index + 1}`, account)).status);
      }
      expect(answers).toEqual([200, 200, 200, 200, 200, 429]);
    });

    it.each(['unknown', '"; drop table', '1.2.3.4.5', 'x'.repeat(5_000)])(
      'does not depend on an address that is none (%s)',
      async (address) => {
        expect((await from(address, ada)).status).toBe(200);
      },
    );

    it('counts right when many ask at once', async () => {
      const answers = await Promise.all(Array.from({ length: 8 }, () => from(undefined, ada)));
      expect(answers.filter(({ status }) => status !== 429)).toHaveLength(3);
    });
  });

  describe('an account that is deleted', () => {
    it('leaves its keys and its user of LiteLLM behind as owed deletions', async () => {
      const key = await issue();
      await stack.db.query('delete from auth.users where id = $1', [ada.id]);
      expect(await stack.db.query('select key_hash from godoty.key_tombstones')).toEqual([{ key_hash: sha256(key) }]);
      expect(await stack.db.query('select user_id from godoty.user_tombstones')).toEqual([{ user_id: ada.id }]);
    });
  });
});
