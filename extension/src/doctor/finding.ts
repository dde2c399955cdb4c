/** What the doctor looks at, and what it finds. */
import { l10n } from 'vscode';

import type { ErrorDetail } from '../../../crate/wasm/pkg/godoty_core.js';
import { detailOf } from '../core/errors.ts';
import { action, wordsFor } from '../words.ts';
import type { ActionId } from '../words.ts';

export type Status =
  | 'ok'
  | 'warning'
  | 'failed'
  /** Something that it rests on is missing, or it was cancelled. */
  | 'skipped'
  /** It takes the user's consent: a button begins it. */
  | 'manual';

/** A remedy, or the beginning of a test that takes the user's consent. */
export type StepId = ActionId | TestId;
export type TestId = 'testWayBack' | 'testAnswer';

export interface Step {
  readonly id: StepId;
  readonly label: string;
}

/** No text of it may hold a secret: all of it is in the report that people paste. */
export interface Finding {
  readonly status: Status;
  /** What was found, as a sentence. */
  readonly text: string;
  readonly facts?: readonly string[];
  /** The codes of an error, which read the same in every language. */
  readonly code?: string;
  readonly steps?: readonly Step[];
}

export type GroupId = 'installation' | 'storage' | 'network' | 'account' | 'wayBack';

/** Something that is looked at by itself. */
export interface Check {
  readonly id: string;
  readonly group: GroupId;
  readonly title: string;
  /** Rejects with what went wrong where that is all there is to say. */
  run(signal: AbortSignal): Promise<Finding>;
  readonly test?: Test;
}

/** What a button of the line begins. */
export interface Test {
  readonly id: TestId;
  /** How long it may take, in milliseconds. */
  readonly limitMs: number;
  run(signal: AbortSignal): Promise<Finding>;
  /** What it means that it took longer. */
  late(): Finding;
}

export const ok = (text: string, facts: readonly string[] = []): Finding => ({ status: 'ok', text, facts });

export const skipped = (text: string): Finding => ({ status: 'skipped', text });

export function warning(text: string, ...steps: readonly ActionId[]): Finding {
  return { status: 'warning', text, steps: steps.map(step) };
}

export function failed(text: string, ...steps: readonly ActionId[]): Finding {
  return { status: 'failed', text, steps: steps.map(step) };
}

/** What was thrown, in words. */
export const failure = (error: unknown): Finding => failureOf(detailOf(error));

/** An error of the core, in words. A server's own are left out: nobody knows what it quotes. */
export function failureOf(detail: ErrorDetail): Finding {
  const bare: { -readonly [Key in keyof ErrorDetail]: ErrorDetail[Key] } = { ...detail };
  delete bare.serverMessage;
  const { message, actions } = wordsFor(bare);
  const steps = actions.map(({ id }) => id).filter((id) => id !== 'doctor');
  return { ...failed(message, ...steps), code: codesOf(detail) };
}

/** Whether it says that a server could not be reached. */
export const isUnreachable = ({ code = '' }: Finding): boolean => /^(?:NETWORK_ERROR|TIMEOUT)/u.test(code);

/** A stranger's word, such as the issuer of a certificate: short, and without what Markdown or a terminal would obey. */
export function plain(text: string): string {
  return text.replaceAll(/[^\p{L}\p{N}_ .,:()&'+/-]/gu, '').slice(0, 80);
}

function codesOf({ code, status, network }: ErrorDetail): string {
  return [code, status === undefined ? '' : `HTTP ${status}`, network ?? ''].filter((part) => part !== '').join(' ');
}

function step(id: ActionId): Step {
  return id === 'retry' ? { id, label: l10n.t('Check Again') } : action(id);
}
