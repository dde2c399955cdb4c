/** What stands in front of an account's server: it passes everything on, and keeps which refresh tokens were sent when. */
import type { LocalStack } from '../../local/server/start.ts';
import { passOn, serve } from './passOn.ts';

export interface Refresh {
  readonly token: string;
  /** Milliseconds since the Unix epoch. */
  readonly sentAt: number;
}

export interface RefreshFront {
  readonly url: string;
  /** In the order in which they came. */
  readonly refreshes: readonly Refresh[];
  /** How many tokens have come to their end. */
  readonly expiries: number;
  /** Hears of each token that is sent for the first time. */
  onExpiry: ((expiries: number) => void) | undefined;
  close(): Promise<void>;
}

export async function openRefreshFront(target: string): Promise<RefreshFront> {
  const refreshes: Refresh[] = [];
  const tokens = new Set<string>();
  const server = await serve((request, response) => {
    if (request.method === 'POST' && request.url?.startsWith('/auth/v1/token?grant_type=refresh_token') === true) {
      const sentAt = Date.now();
      let body = '';
      request.on('data', (bytes: Buffer) => (body += bytes.toString('utf8')));
      request.on('end', () => {
        const { refresh_token: token } = JSON.parse(body) as { refresh_token: string };
        refreshes.push({ token, sentAt });
        if (tokens.has(token)) return;
        tokens.add(token);
        front.onExpiry?.(tokens.size);
      });
    }
    passOn(target, request, response);
  });
  const front: RefreshFront = {
    ...server,
    refreshes,
    get expiries() {
      return tokens.size;
    },
    onExpiry: undefined,
  };
  return front;
}

/** The refreshes that sent a token which had been sent before: when it was sent, and when before that. */
export function repeats(refreshes: readonly Refresh[]): { readonly before: number; readonly at: number }[] {
  const last = new Map<string, number>();
  return refreshes.flatMap(({ token, sentAt }) => {
    const before = last.get(token);
    last.set(token, sentAt);
    return before === undefined ? [] : [{ before, at: sentAt }];
  });
}

/** The refresh tokens that the server gave, oldest first: for which one before it, and how long it was the newest one. */
export async function tokenChain(db: LocalStack['db']): Promise<{
  /** Whether each was given for the one before it. */
  readonly unbroken: boolean;
  /** In milliseconds; the last one still lives. */
  readonly lives: readonly number[];
}> {
  const tokens = await db.query<{ token: string; parent: string | null; created_at: Date }>(
    'select token, parent, created_at from auth.refresh_tokens order by id',
  );
  return {
    unbroken: tokens.every(({ parent }, at) => parent === (tokens[at - 1]?.token ?? null)),
    lives: tokens.slice(1).map((next, at) => next.created_at.getTime() - (tokens[at]?.created_at.getTime() ?? 0)),
  };
}
