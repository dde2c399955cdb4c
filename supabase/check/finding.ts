/** What a check found. A warning is something to decide; a failure keeps somebody from working, or lets them too far. */
export type Status = 'pass' | 'warn' | 'fail';

export interface Finding {
  readonly status: Status;
  /** What was looked at, for example "database: record_usage". */
  readonly subject: string;
  readonly detail: string;
  /** What to do about it. */
  readonly remedy?: string;
}

export function pass(subject: string, detail: string): Finding {
  return { status: 'pass', subject, detail };
}

export function warn(subject: string, detail: string, remedy: string): Finding {
  return { status: 'warn', subject, detail, remedy };
}

export function fail(subject: string, detail: string, remedy: string): Finding {
  return { status: 'fail', subject, detail, remedy };
}
