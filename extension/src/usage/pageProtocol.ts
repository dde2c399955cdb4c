/** What the shell and the usage page say to each other, and the page's texts. */
import * as v from 'valibot';

const text = v.string();

const card = v.object({ title: text, cost: text, requests: text, tokens: text, notes: v.array(text) });
const modelRow = v.object({ model: text, cells: v.array(v.object({ cost: text, detail: text })) });
const requestRow = v.object({
  id: text,
  time: text,
  iso: text,
  model: text,
  tokensIn: text,
  tokensOut: text,
  inDetail: text,
  outDetail: text,
  cost: text,
  /** What the cost rests on. */
  source: text,
  outcome: text,
  tone: v.picklist(['good', 'partial', 'bad']),
});
const quota = v.object({
  plan: text,
  bars: v.array(v.object({ label: text, text, used: v.number(), limit: v.number() })),
  /** Empty when requests are not blocked. */
  blocked: text,
});

const pageState = v.variant('kind', [
  v.object({ kind: v.literal('loading') }),
  v.object({ kind: v.literal('signedOut') }),
  v.object({
    kind: v.literal('ready'),
    busy: v.boolean(),
    notice: v.nullable(v.object({ text, actions: v.array(v.object({ id: text, label: text })) })),
    quota: v.nullable(quota),
    cards: v.array(card),
    models: v.array(modelRow),
    /** Newest first. */
    days: v.array(v.object({ label: text, rows: v.array(requestRow) })),
    /** Empty when all requests are listed. */
    older: text,
    /** Empty when the account knows of all requests. */
    unsent: text,
  }),
]);

type Frozen<T> = T extends readonly (infer Item)[]
  ? readonly Frozen<Item>[]
  : T extends object
    ? { readonly [Key in keyof T]: Frozen<T[Key]> }
    : T;

export type Card = Frozen<v.InferOutput<typeof card>>;
export type ModelRow = Frozen<v.InferOutput<typeof modelRow>>;
export type RequestRow = Frozen<v.InferOutput<typeof requestRow>>;
export type QuotaView = Frozen<v.InferOutput<typeof quota>>;
export type PageState = Frozen<v.InferOutput<typeof pageState>>;

const hostMessage = v.object({ type: v.literal('state'), state: pageState });

/** The state that the shell sends, or null when it is none. */
export function parseState(raw: unknown): PageState | null {
  const result = v.safeParse(hostMessage, raw);
  return result.success ? result.output.state : null;
}

const pageMessage = v.variant('type', [
  v.object({ type: v.literal('ready') }),
  v.object({ type: v.literal('refresh') }),
  v.object({ type: v.literal('export') }),
  v.object({ type: v.literal('action'), id: v.pipe(text, v.maxLength(40)) }),
]);

export type PageMessage = v.InferOutput<typeof pageMessage>;

export function parsePageMessage(raw: unknown): PageMessage | null {
  const result = v.safeParse(pageMessage, raw);
  return result.success ? result.output : null;
}

const pageStrings = v.object({
  title: text,
  refresh: text,
  refreshing: text,
  refreshed: text,
  export: text,
  loading: text,
  signedOutTitle: text,
  signedOutText: text,
  signIn: text,
  emptyTitle: text,
  emptyText: text,
  newChat: text,
  models: text,
  model: text,
  /** The columns of the periods. */
  periods: v.array(text),
  requests: text,
  time: text,
  tokensIn: text,
  tokensOut: text,
  cost: text,
  outcome: text,
  legend: text,
});

export type PageStrings = v.InferOutput<typeof pageStrings>;

/** @throws when one is missing: the page and its script come from different versions. */
export function parsePageStrings(json: string): PageStrings {
  return v.parse(pageStrings, JSON.parse(json));
}
