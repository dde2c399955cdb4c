/** What the shell and the doctor's page say to each other, and the page's texts. */
import * as v from 'valibot';

const text = v.string();

const line = v.object({
  id: text,
  title: text,
  tone: v.picklist(['checking', 'ok', 'warning', 'failed', 'skipped', 'manual']),
  /** The tone in a word. */
  status: text,
  text,
  facts: v.array(text),
  steps: v.array(v.object({ id: text, label: text })),
});

const pageState = v.object({
  /** The checks that have ended, and all of them. */
  done: v.number(),
  total: v.number(),
  summary: text,
  groups: v.array(v.object({ title: text, lines: v.array(line) })),
});

type Frozen<T> = T extends readonly (infer Item)[]
  ? readonly Frozen<Item>[]
  : T extends object
    ? { readonly [Key in keyof T]: Frozen<T[Key]> }
    : T;

export type LineView = Frozen<v.InferOutput<typeof line>>;
export type PageState = Frozen<v.InferOutput<typeof pageState>>;

const hostMessage = v.variant('type', [
  v.object({ type: v.literal('state'), state: pageState }),
  v.object({ type: v.literal('copied') }),
]);

export type HostMessage = Frozen<v.InferOutput<typeof hostMessage>>;

/** What the shell sends, or null when it is nothing of ours. */
export function parseHostMessage(raw: unknown): HostMessage | null {
  const result = v.safeParse(hostMessage, raw);
  return result.success ? result.output : null;
}

const pageMessage = v.variant('type', [
  v.object({ type: v.picklist(['ready', 'again', 'cancel', 'copy']) }),
  v.object({ type: v.literal('step'), id: v.pipe(text, v.maxLength(40)) }),
]);

export type PageMessage = v.InferOutput<typeof pageMessage>;

export function parsePageMessage(raw: unknown): PageMessage | null {
  const result = v.safeParse(pageMessage, raw);
  return result.success ? result.output : null;
}

const pageStrings = v.object({ title: text, progress: text, again: text, cancel: text, copy: text, copied: text });

export type PageStrings = v.InferOutput<typeof pageStrings>;

/** @throws when one is missing: the page and its script come from different versions. */
export function parsePageStrings(json: string): PageStrings {
  return v.parse(pageStrings, JSON.parse(json));
}
