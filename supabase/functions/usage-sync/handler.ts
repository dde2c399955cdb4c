import * as v from 'valibot';

import { gatewayConfig, projectConfig, syncSecret } from '../_shared/config.ts';
import type { Env } from '../_shared/env.ts';
import { Refusal } from '../_shared/errors.ts';
import { AccountState, limitsOf } from '../_shared/gateway-account.ts';
import { json, respond } from '../_shared/http.ts';
import { deleteKey, deleteUser, tellLimits } from '../_shared/litellm.ts';
import type { Servers } from '../_shared/device-key.ts';
import { callAsService } from '../_shared/rpc.ts';
import { sha256 } from '../_shared/sha256.ts';
import { spendPage } from './spend-logs.ts';

/** How much one run does at most; the next one goes on from there. */
const MAX_PAGES = 40;
const MAX_CHANGES = 200;
const MAX_DELETIONS = 200;
/**
 * How long after a run's beginning each of its parts begins something new. One call may take 15 s, so what comes later has
 * its share also with a slow LiteLLM; and the next minute's run finds this one ended.
 */
const LOG_MS = 20_000;
const CHANGES_MS = 35_000;
const DELETIONS_MS = 45_000;

const Reader = v.object({
  name: v.string(),
  from: v.pipe(v.string(), v.isoTimestamp()),
  to: v.pipe(v.string(), v.isoTimestamp()),
});
const Booked = v.object({ added: v.number(), settled: v.number(), known: v.number() });
const Change = v.object({ ...AccountState.entries, user_id: v.string(), changes: v.array(v.number()) });
const Owed = v.object({ keys: v.array(v.string()), users: v.array(v.string()) });
const Nothing = v.unknown();

interface Run {
  readonly servers: Servers;
  readonly holder: string;
  /** Milliseconds since 1970. */
  readonly began: number;
  readonly done: { added: number; settled: number; told: number; deleted: number; complete: boolean };
}

/**
 * `POST /functions/v1/usage-sync`, called each minute by the operator's cron with GODOTY_SYNC_SECRET as its bearer
 * token: books LiteLLM's spend log, tells LiteLLM what changed of accounts (plans, limits used up and reset), and
 * deletes what it should not have any more. Running it twice, in parallel or not at all for a while does no harm.
 */
export function handler(request: Request, env: Env): Promise<Response> {
  return respond(request, env, {
    POST: async () => {
      await admitOperator(request, env);
      const servers = { env, project: projectConfig(env), gateway: gatewayConfig(env) };
      const holder = crypto.randomUUID();
      const begin = { p_holder: holder };
      const readers = await callAsService(env, servers.project, 'usage_sync_begin', begin, v.nullable(v.array(Reader)));
      if (readers === null) {
        return json(200, { status: 'busy' });
      }
      const done = { added: 0, settled: 0, told: 0, deleted: 0, complete: true };
      const run: Run = { servers, holder, began: env.now(), done };
      // Each part is tried, whatever became of the others: an unreadable log must not keep a plan from changing.
      const steps = [
        ...inTurn(readers).map((reader) => () => readLog(run, reader)),
        () => tellChanges(run),
        () => deleteOwed(run),
        () => callAsService(env, servers.project, 'usage_sync_end', { p_holder: holder }, Nothing),
      ];
      const failures: unknown[] = [];
      for (const step of steps) {
        await step().catch((error: unknown) => failures.push(error));
      }
      if (failures.length > 0) {
        throw failures[0];
      }
      return json(200, { status: 'done', ...done });
    },
  });
}

/** Compares hashes, so that how long it takes says nothing about the secret. */
async function admitOperator(request: Request, env: Env): Promise<void> {
  const given = /^Bearer +(\S+)$/i.exec(request.headers.get('authorization') ?? '')?.[1] ?? '';
  if ((await sha256(given)) !== (await sha256(syncSecret(env)))) {
    throw new Refusal('not_authorized', 'This function is for the operator’s schedule only.');
  }
}

/** Whether a part of the run may begin nothing more; what it leaves is for the next one. */
function isOver(run: Run, partMs: number, hasEnough = false): boolean {
  const over = hasEnough || run.servers.env.now() >= run.began + partMs;
  run.done.complete &&= !over;
  return over;
}

type LogReader = v.InferOutput<typeof Reader>;

/** The newest calls first, then what was read the longest ago: a run may end before all is read. */
function inTurn([newest, ...others]: readonly LogReader[]): readonly LogReader[] {
  const behind = ({ from, to }: LogReader): number => Date.parse(to) - Date.parse(from);
  return newest === undefined ? [] : [newest, ...others.sort((a, b) => behind(b) - behind(a))];
}

async function readLog(run: Run, reader: LogReader): Promise<void> {
  const { env, project, gateway } = run.servers;
  const [from, to] = [new Date(reader.from), new Date(reader.to)];
  for (let page = 1; ; page++) {
    if (isOver(run, LOG_MS, page > MAX_PAGES)) {
      return;
    }
    const { rows, unreadable, last, isLast } = await spendPage(env, gateway, from, to, page);
    if (unreadable > 0) {
      env.log(`usage-sync: ${unreadable} rows of the spend log could not be read`);
    }
    const booked = await callAsService(
      env,
      project,
      'usage_sync_book',
      { p_holder: run.holder, p_reader: reader.name, p_until: isLast ? reader.to : (last ?? from), p_rows: rows },
      Booked,
    );
    run.done.added += booked.added;
    run.done.settled += booked.settled;
    if (isLast) {
      return;
    }
  }
}

async function tellChanges(run: Run): Promise<void> {
  const { env, project, gateway } = run.servers;
  const args = { p_holder: run.holder, p_limit: MAX_CHANGES };
  const failures: unknown[] = [];
  for (const change of await callAsService(env, project, 'gateway_changes_due', args, v.array(Change))) {
    if (isOver(run, CHANGES_MS)) {
      break;
    }
    try {
      await tellLimits(env, gateway, limitsOf(change.user_id, change));
    } catch (error) {
      // The oldest change comes first in every run: what LiteLLM refuses of one account must not stop all the others'.
      failures.push(error);
      continue;
    }
    await callAsService(env, project, 'gateway_changes_told', { p_ids: change.changes }, Nothing);
    run.done.told += 1;
  }
  if (failures.length > 0) {
    throw failures[0];
  }
}

async function deleteOwed(run: Run): Promise<void> {
  const { env, project, gateway } = run.servers;
  const owed = await callAsService(env, project, 'gateway_deletions_owed', { p_limit: MAX_DELETIONS }, Owed);
  const deleted: string[] = [];
  const absent: string[] = [];
  const users: string[] = [];
  for (const hash of owed.keys) {
    if (isOver(run, DELETIONS_MS)) {
      break;
    }
    const became = await deleteKey(env, gateway, hash);
    (became === 'deleted' ? deleted : became === 'absent' ? absent : []).push(hash);
  }
  for (const userId of owed.users) {
    if (isOver(run, DELETIONS_MS)) {
      break;
    }
    if ((await deleteUser(env, gateway, userId)) !== 'unknown') {
      users.push(userId);
    }
  }
  if (deleted.length + absent.length + users.length > 0) {
    const args = { p_deleted: deleted, p_absent: absent, p_users: users };
    await callAsService(env, project, 'gateway_deletions_done', args, Nothing);
  }
  run.done.deleted += deleted.length;
}
