//! What the host gives: a clock, timers, the session store, and ears for events.

use js_sys::{Function, Promise};
use wasm_bindgen::prelude::*;

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = r"
/** How an exclusive update of the session store ends. */
export type StoreChange =
  | { readonly kind: 'keep' }
  | { readonly kind: 'replace'; readonly text: string }
  | { readonly kind: 'erase' };

/** Who is signed in. */
export interface Account {
  readonly sessionId: string;
  readonly userId: string;
  readonly email: string;
}

/** What the core tells without being asked. */
export type CoreEvent =
  | { readonly kind: 'signedIn'; readonly account: Account }
  | { readonly kind: 'refreshed'; readonly account: Account }
  | { readonly kind: 'signedOut'; readonly account: Account; readonly reason: 'user' | 'expired' | 'elsewhere' }
  | { readonly kind: 'storedSessionUnreadable' }
  | { readonly kind: 'storeFailed' }
  | { readonly kind: 'usageChanged' };

/** What the core needs of its host. It has no clock, no timers and no storage of its own. */
export interface CoreHost {
  /** Milliseconds since the Unix epoch. */
  now(): number;
  /** How many minutes the user's clock is ahead of UTC at a moment, given in milliseconds since the Unix epoch. */
  utcOffsetMinutes(at: number): number;
  /** A random UUID (RFC 9562, version 4). */
  randomUuid(): string;
  /** A random whole number from 0 to 1000. */
  jitter(): number;
  /** Calls back after so many milliseconds. */
  setTimer(milliseconds: number, callback: () => void): number;
  clearTimer(timer: number): void;
  /** The stored session's text. Rejects when the store does not work. */
  readStore(): Promise<string | undefined>;
  /**
   * Runs `change` on the stored text while nobody else writes, and carries out what it returns. Rejects when the store
   * does not work.
   */
  updateStore(change: (current: string | undefined) => Promise<StoreChange>): Promise<void>;
  onEvent(event: CoreEvent): void;
  /** What earlier windows of this user could not send any more: texts that `saveUsageQueue` was given. */
  loadUsageQueues(userId: string): Promise<readonly string[]>;
  /**
   * Keeps this window's queue of usage records, and then forgets the queues that were loaded: their records are in it.
   * The text holds no secret.
   */
  saveUsageQueue(userId: string, text: string): Promise<void>;
  /**
   * The price map that ships with the extension, as text. It is asked for when a server leaves open what its models cost
   * or take. Rejects when it can't be read; the core goes on without.
   */
  loadPriceMap(): Promise<string>;
}
";

#[wasm_bindgen]
unsafe extern "C" {
    /// The host of TypeScript's `CoreHost`.
    #[wasm_bindgen(typescript_type = "CoreHost")]
    #[derive(Clone)]
    pub type CoreHost;

    #[wasm_bindgen(method)]
    pub(crate) fn now(this: &CoreHost) -> f64;

    #[wasm_bindgen(method, js_name = utcOffsetMinutes)]
    pub(crate) fn utc_offset_minutes(this: &CoreHost, at: f64) -> i32;

    #[wasm_bindgen(method, js_name = randomUuid)]
    pub(crate) fn random_uuid(this: &CoreHost) -> String;

    #[wasm_bindgen(method)]
    pub(crate) fn jitter(this: &CoreHost) -> u32;

    #[wasm_bindgen(method, js_name = setTimer)]
    pub(crate) fn set_timer(this: &CoreHost, milliseconds: f64, callback: &Function) -> f64;

    #[wasm_bindgen(method, js_name = clearTimer)]
    pub(crate) fn clear_timer(this: &CoreHost, timer: f64);

    #[wasm_bindgen(method, catch, js_name = readStore)]
    pub(crate) fn read_store(this: &CoreHost) -> Result<Promise, JsValue>;

    #[wasm_bindgen(method, catch, js_name = updateStore)]
    pub(crate) fn update_store(this: &CoreHost, change: &JsValue) -> Result<Promise, JsValue>;

    #[wasm_bindgen(method, catch, js_name = loadUsageQueues)]
    pub(crate) fn load_usage_queues(this: &CoreHost, user_id: &str) -> Result<Promise, JsValue>;

    #[wasm_bindgen(method, catch, js_name = saveUsageQueue)]
    pub(crate) fn save_usage_queue(this: &CoreHost, user_id: &str, text: &str) -> Result<Promise, JsValue>;

    #[wasm_bindgen(method, catch, js_name = loadPriceMap)]
    pub(crate) fn load_price_map(this: &CoreHost) -> Result<Promise, JsValue>;

    #[wasm_bindgen(method, catch, js_name = onEvent)]
    pub(crate) fn on_event(this: &CoreHost, event: &JsValue) -> Result<(), JsValue>;
}
