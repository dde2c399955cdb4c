/** A sign-in that has begun and waits for something from outside: a browser that comes back, or the code of an e-mail. */
import { ProgressLocation, UIKind, Uri, env, window } from 'vscode';

import type { GodotyClient, SignInDone } from '../../../crate/wasm/pkg/godoty_core.js';
import { schedule } from '../core/host.ts';
import type { Loopback } from '../platform.ts';

const PATIENCE_MS = 500;

export interface Pending {
  /** What its callback bears: a UUID. */
  readonly nonce: string;
  /** Where the browser is to go, if one is needed. */
  readonly url: string | undefined;
  /** Settles when the flow has ended, in whichever window. */
  readonly ended: Promise<SignInDone>;
  readonly signal: AbortSignal;
  /** Gives it up. */
  readonly abort: () => void;
}

/** Waits for a flow that has begun; a port that was opened for it is closed when it has ended. */
export function waitFor(
  client: GodotyClient,
  { nonce, url }: { readonly nonce: string; readonly url?: string },
  outer: AbortSignal,
  port: Loopback | undefined,
): Pending {
  const own = new AbortController();
  const signal = AbortSignal.any([outer, own.signal]);
  const ended = client.awaitSignIn(nonce, signal);
  const close = (): void => port?.close();
  // Whoever waits hears of a failure; between two steps nobody does.
  ended.then(close, close);
  return { nonce, url, ended, signal, abort: () => own.abort() };
}

/** The address that leads to the URI handler of a window, whatever the host. */
export async function callbackAddress(): Promise<string> {
  const address = await env.asExternalUri(Uri.parse(`${env.uriScheme}://godoty.godoty/auth/callback`));
  return address.toString(true);
}

/** False when the user, or the host, would not have a browser opened. */
export async function openBrowser(url: string): Promise<boolean> {
  // A Uri would decode the query once, and with it the address inside. VS Code takes the text and opens just that.
  return await env.openExternal((await asTheBrowserSees(url)) as unknown as Uri);
}

/**
 * A web host reaches a backend on its own machine by an address of its own. Left to find that out when it opens the browser, it
 * would decode the query after all.
 */
async function asTheBrowserSees(url: string): Promise<string> {
  if (env.uiKind === UIKind.Desktop) {
    return url;
  }
  const { origin, pathname, search } = new URL(url);
  try {
    const address = await env.asExternalUri(Uri.parse(origin));
    return `${address.toString(true).replace(/\/$/, '')}${pathname}${search}`;
  } catch {
    // The host knows of no other address.
    return url;
  }
}

/** As {@link showProgress}, for what is mostly over before anybody wonders: then it shows nothing. */
export async function showLongProgress<T>(title: string, task: Promise<T>): Promise<T | 'cancelled'> {
  let cancel = (): void => undefined;
  const quick = await Promise.race([
    task.then(
      () => true,
      () => true,
    ),
    new Promise<false>((resolve) => {
      cancel = schedule(() => resolve(false), PATIENCE_MS);
    }),
  ]);
  cancel();
  return quick ? await task : await showProgress(title, task);
}

/** Shows that something is under way until it has ended; 'cancelled' when the user does not want to wait. */
export async function showProgress<T>(title: string, task: Promise<T>): Promise<T | 'cancelled'> {
  return await window.withProgress(
    { location: ProgressLocation.Notification, title, cancellable: true },
    async (_, token) =>
      await Promise.race([
        task,
        new Promise<'cancelled'>((resolve) => {
          token.onCancellationRequested(() => resolve('cancelled'));
        }),
      ]),
  );
}
