/** Runs the checks: all at once, each with a limit of its own, and none held up by another. */
import { EventEmitter, l10n } from 'vscode';

import { failure, skipped, warning } from './finding.ts';
import type { Check, Finding, TestId } from './finding.ts';

/** Longer than the slowest of the core's calls. */
const LIMIT_MS = 20_000;

export interface DoctorPorts {
  /** The checks of a new run. */
  readonly checks: () => readonly Check[];
  readonly schedule: (run: () => void, milliseconds: number) => () => void;
  readonly report: (what: string, error: unknown) => void;
}

/** A check, and what it found; nothing while it is under way. */
export interface Line {
  readonly check: Check;
  readonly finding: Finding | undefined;
}

export class Doctor {
  readonly #ports: DoctorPorts;
  readonly #changed = new EventEmitter<void>();
  #lines: Line[] = [];
  #run = new AbortController();

  readonly onDidChange = this.#changed.event;

  constructor(ports: DoctorPorts) {
    this.#ports = ports;
  }

  get lines(): readonly Line[] {
    return this.#lines;
  }

  /** Begins anew; what is under way counts no more. */
  start(): void {
    this.#run.abort();
    this.#run = new AbortController();
    this.#lines = this.#ports.checks().map((check) => ({ check, finding: undefined }));
    for (const { check } of this.#lines) {
      void this.#take(check, (signal) => check.run(signal), LIMIT_MS, late);
    }
    this.#changed.fire();
  }

  /** Leaves what is under way; what was found stays. */
  cancel(): void {
    this.#run.abort();
  }

  /** Begins what takes the user's consent. */
  test(id: TestId): void {
    const line = this.#lines.find(({ check, finding }) => check.test?.id === id && finding !== undefined);
    const test = line?.check.test;
    if (line === undefined || test === undefined) {
      return;
    }
    if (this.#run.signal.aborted) {
      this.#run = new AbortController();
    }
    this.#settle(line.check, undefined);
    void this.#take(
      line.check,
      (signal) => test.run(signal),
      test.limitMs,
      () => test.late(),
    );
  }

  dispose(): void {
    this.#run.abort();
    this.#lines = [];
    this.#changed.dispose();
  }

  async #take(
    check: Check,
    look: (signal: AbortSignal) => Promise<Finding>,
    limitMs: number,
    onLimit: () => Finding,
  ): Promise<void> {
    const run = this.#run.signal;
    const limit = new AbortController();
    const stopTimer = this.#ports.schedule(() => limit.abort(), limitMs);
    const signal = AbortSignal.any([run, limit.signal]);
    const left = new Promise<Finding>((resolve) => {
      signal.addEventListener('abort', () => resolve(run.aborted ? skipped(l10n.t('Cancelled.')) : onLimit()));
    });
    const found = look(signal).catch((error: unknown) => {
      this.#ports.report(`the doctor (${check.id})`, error);
      return failure(error);
    });
    const finding = await Promise.race([left, found]);
    stopTimer();
    this.#settle(check, finding);
  }

  /** A check of an earlier run is in no line any more. */
  #settle(check: Check, finding: Finding | undefined): void {
    const at = this.#lines.findIndex((line) => line.check === check);
    if (at >= 0) {
      this.#lines[at] = { check, finding };
      this.#changed.fire();
    }
  }
}

function late(): Finding {
  return warning(l10n.t('This took longer than {0} seconds.', LIMIT_MS / 1000), 'retry', 'showLog');
}
