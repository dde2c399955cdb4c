import { createEnv } from '../../supabase/functions/_shared/env.ts';
import type { Env } from '../../supabase/functions/_shared/env.ts';
import { handler as usageSync } from '../../supabase/functions/usage-sync/handler.ts';
import { AccessTokens } from './access-tokens.ts';
import { Flows } from './auth/flows.ts';
import { MailProofs } from './auth/mail-proofs.ts';
import { Mailbox } from './auth/mailbox.ts';
import { RedirectPolicy } from './auth/redirects.ts';
import { authRoutes } from './auth/routes.ts';
import { Sessions } from './auth/sessions.ts';
import { StandInProviders } from './auth/stand-in.ts';
import { systemClock } from './clock.ts';
import type { Clock } from './clock.ts';
import type { Database } from './db/database.ts';
import { migrate } from './db/migrate.ts';
import { openPglite } from './db/pglite.ts';
import { openPostgres } from './db/postgres.ts';
import { gateway } from './gateway.ts';
import { listen } from './listener.ts';
import type { Listener } from './listener.ts';
import { CallsInFlight } from './models/calls.ts';
import { builtInSource } from './models/built-in-source.ts';
import { VirtualKeys } from './models/keys.ts';
import { modelRoutes } from './models/routes.ts';
import type { ModelSource } from './models/source.ts';
import { SpendLog } from './models/spend-log.ts';
import { upstreamSource } from './models/upstream-source.ts';
import type { Upstream } from './models/upstream-source.ts';
import { ModelUsers } from './models/users.ts';
import { readAuthConfig } from './project-config.ts';
import { restRoutes } from './rest/routes.ts';
import { every } from './schedule.ts';
import { loadSecrets, randomText } from './secrets.ts';
import type { StackSecrets } from './secrets.ts';

/** Where the data lives. */
export type DataPlace =
  | { readonly kind: 'memory' }
  | { readonly kind: 'folder'; readonly path: string }
  | { readonly kind: 'server'; readonly url: string };

/** What answers the chat. */
export type ModelBackend =
  /** Text without intelligence. `chunksPerSecond` is its pace; Infinity for as fast as it is read. */
  | { readonly kind: 'built-in'; readonly chunksPerSecond?: number }
  | ({ readonly kind: 'upstream' } & Upstream)
  /** A real LiteLLM proxy; the stack then emulates none. */
  | { readonly kind: 'litellm'; readonly url: string; readonly masterKey: string };

export interface LocalStackOptions {
  readonly data?: DataPlace;
  readonly models?: ModelBackend;
  /** Port of the Supabase side; 0 (the default) takes a free one. */
  readonly port?: number;
  /** Port of the model endpoint; 0 (the default) takes a free one. */
  readonly modelPort?: number;
  /** How long an access token is good, as JWT_EXP of Supabase. One hour by default. */
  readonly accessTokenTtlSeconds?: number;
  /** True (the default): a new account is signed in at once. False: it has to confirm its e-mail address. */
  readonly autoConfirm?: boolean;
  /** A person gets at most one mail of a kind in this time, as max_frequency of Supabase. One minute by default. */
  readonly mailRestSeconds?: number;
  /** How many mails the whole stack sends in an hour before it refuses. No limit by default. */
  readonly mailsPerHour?: number;
  /** How often usage-sync runs, in place of the operator's schedule. Never by itself by default. */
  readonly syncSeconds?: number;
  readonly clock?: Clock;
}

/** A running stack. */
export interface LocalStack {
  readonly supabaseUrl: string;
  readonly publishableKey: string;
  /** Stands for service_role: for tests and tools, never for a client. */
  readonly secretKey: string;
  readonly litellmUrl: string;
  /** The model endpoint's master key: for tests and tools, never for a client. */
  readonly masterKey: string;
  /** The database as its superuser sees it. */
  readonly db: Database;
  /** What answers the chat, for people. */
  readonly modelDescription: string;
  /** The models' names; empty when they cannot be told, as with a real LiteLLM. */
  readonly models: readonly string[];
  /** What the edge functions run with. */
  readonly functionsEnv: Env;
  close(): Promise<void>;
}

/** About as fast as a hosted model writes. */
const DEFAULT_CHUNKS_PER_SECOND = 30;

/** Starts the whole backend in this process, on the loopback interface. Throws PortInUse and DataFolderInUse. */
export async function startLocalStack(options: LocalStackOptions = {}): Promise<LocalStack> {
  const listeners: Listener[] = [];
  const databases: Database[] = [];
  const calls = new CallsInFlight();
  let schedule: { stop(): Promise<void> } | undefined;
  const close = async (): Promise<void> => {
    await schedule?.stop();
    // First nobody can come in, then what is under way ends and writes what it cost, then the database goes.
    await Promise.all(listeners.splice(0).map((listener) => listener.close()));
    await calls.idle();
    await Promise.all(databases.splice(0).map((db) => db.close()));
  };
  try {
    // The ports come first: a taken one is then said at once, and the addresses are known to all that follows.
    const listener = await listen(options.port ?? 0);
    listeners.push(listener);
    const modelListener = options.models?.kind === 'litellm' ? undefined : await listen(options.modelPort ?? 0);
    listeners.push(...(modelListener === undefined ? [] : [modelListener]));
    const db = await openDatabase(options.data ?? { kind: 'memory' });
    databases.push(db);
    await migrate(db);
    const secrets = await loadSecrets(db);
    const clock = options.clock ?? systemClock;
    const endpoint = await modelEndpoint(
      options.models ?? { kind: 'built-in' },
      modelListener,
      db,
      secrets,
      clock,
      calls,
    );
    const functionsEnv = await serveSupabase(listener, db, secrets, endpoint, clock, options);
    if (options.syncSeconds !== undefined && options.syncSeconds > 0) {
      schedule = every(options.syncSeconds, () => usageSync(syncRequest(functionsEnv), functionsEnv));
    }
    return {
      supabaseUrl: listener.origin,
      publishableKey: secrets.publishableKey,
      secretKey: secrets.secretKey,
      litellmUrl: endpoint.url,
      masterKey: endpoint.masterKey,
      db,
      modelDescription: endpoint.description,
      models: endpoint.models,
      functionsEnv,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** The request of the operator's schedule. */
export function syncRequest(env: Env): Request {
  return new Request(`${env.get('SUPABASE_URL') ?? ''}/functions/v1/usage-sync`, {
    method: 'POST',
    headers: { authorization: `Bearer ${env.get('GODOTY_SYNC_SECRET') ?? ''}` },
  });
}

function openDatabase(place: DataPlace): Promise<Database> {
  switch (place.kind) {
    case 'memory':
      return openPglite(undefined);
    case 'folder':
      return openPglite(place.path);
    case 'server':
      return openPostgres(place.url);
  }
}

interface ModelEndpoint {
  readonly url: string;
  readonly masterKey: string;
  readonly description: string;
  readonly models: readonly string[];
}

async function modelEndpoint(
  backend: ModelBackend,
  listener: Listener | undefined,
  db: Database,
  secrets: StackSecrets,
  clock: Clock,
  calls: CallsInFlight,
): Promise<ModelEndpoint> {
  if (backend.kind === 'litellm' || listener === undefined) {
    if (backend.kind !== 'litellm') {
      throw new TypeError('an emulated model endpoint needs a port');
    }
    return {
      url: backend.url.replace(/\/+$/, ''),
      masterKey: backend.masterKey,
      description: 'a real LiteLLM proxy',
      models: [],
    };
  }
  const source: ModelSource =
    backend.kind === 'upstream'
      ? upstreamSource(backend, clock)
      : builtInSource(clock, backend.chunksPerSecond ?? DEFAULT_CHUNKS_PER_SECOND);
  const { masterKey } = secrets;
  const app = modelRoutes({
    keys: new VirtualKeys(db, clock),
    users: new ModelUsers(db),
    log: new SpendLog(db),
    clock,
    source,
    masterKey,
    calls,
  });
  listener.serve((request) => app.fetch(request));
  // An upstream that is not up yet must not keep the stack from starting.
  const models = await source.models().catch(() => []);
  return { url: listener.origin, masterKey, description: source.description, models: models.map(({ name }) => name) };
}

async function serveSupabase(
  listener: Listener,
  db: Database,
  secrets: StackSecrets,
  endpoint: ModelEndpoint,
  clock: Clock,
  options: LocalStackOptions,
): Promise<Env> {
  const { publishableKey, secretKey } = secrets;
  const url = listener.origin;
  const tokens = await AccessTokens.create(
    secrets.signingKey,
    `${url}/auth/v1`,
    options.accessTokenTtlSeconds ?? 3600,
    clock,
  );
  const config = readAuthConfig();
  const autoConfirm = options.autoConfirm ?? true;
  const mailbox = new Mailbox(db, clock, options.mailsPerHour ?? Infinity);
  const flows = new Flows(clock);
  const providers = new StandInProviders(db, url, config.providers, clock);
  const auth = authRoutes({
    db,
    tokens,
    sessions: new Sessions(db, tokens, clock, config.reuseIntervalMs),
    flows,
    proofs: new MailProofs(db, mailbox, flows, clock, {
      baseUrl: url,
      ttlMs: config.mailTokenTtlMs,
      restMs: (options.mailRestSeconds ?? 60) * 1000,
      autoConfirm,
    }),
    providers,
    redirects: new RedirectPolicy(`${url}/_confirmed`, config.redirectUrls),
    config,
    clock,
    autoConfirm,
  });
  const settings: Readonly<Record<string, string>> = {
    SUPABASE_URL: url,
    SUPABASE_SECRET_KEYS: JSON.stringify({ default: secretKey }),
    LITELLM_URL: endpoint.url,
    LITELLM_MASTER_KEY: endpoint.masterKey,
    GODOTY_SYNC_SECRET: randomText(32),
  };
  const functionsEnv = createEnv((name) => settings[name], {
    now: clock.now,
    wait: (milliseconds) => clock.sleep(milliseconds, new AbortController().signal),
  });
  const app = gateway({
    auth,
    rest: restRoutes({ db, tokens, publishableKey, secretKey }),
    functionsEnv,
    mailbox,
    providers,
    publishableKey,
    secretKey,
  });
  listener.serve((request) => app.fetch(request));
  return functionsEnv;
}
