import { it } from 'vitest';

import type { Workbench } from './workbench.ts';

/** A test. Its name is a sentence about behaviour. `timeout` is in milliseconds; the suite has one for those that say none. */
export type Step = (name: string, action: () => Promise<void>, timeout?: number) => void;

/** Steps, and those that some conditions leave out. */
export interface Steps extends Step {
  skipIf(condition: boolean): Step;
}

/**
 * Tests of one `describe` that build on one another: once a step has failed, the others are skipped, since they would only fail
 * for the same reason, later. A failure leaves a picture of each window that is open by then.
 */
export function steps(windows: () => readonly (Workbench | undefined)[]): Steps {
  let broken = false;
  const step: Step = (name, action, timeout) => {
    it(
      name,
      async (context) => {
        if (broken) context.skip('an earlier step failed');
        // Also true of a step that never ends.
        broken = true;
        await pictured(windows, action);
        broken = false;
      },
      timeout,
    );
  };
  return Object.assign(step, { skipIf: (condition: boolean): Step => (condition ? it.skip : step) });
}

/** Tests of one `describe` that stand for themselves. A failure leaves a picture of each window. */
export function apart(windows: () => readonly (Workbench | undefined)[]): Step {
  return (name, action, timeout) => {
    it(
      name,
      async () => {
        await pictured(windows, action);
      },
      timeout,
    );
  };
}

async function pictured(windows: () => readonly (Workbench | undefined)[], action: () => Promise<void>): Promise<void> {
  try {
    await action();
  } catch (error) {
    // A window that is gone can't be pictured, and must not hide what went wrong.
    await Promise.allSettled(windows().map(async (window, at) => await window?.picture(`failure-${at + 1}`)));
    throw error;
  }
}
