/** The model calls that are under way, so that nothing is closed under them. */
export class CallsInFlight {
  readonly #open = new Set<symbol>();
  readonly #waiting: (() => void)[] = [];

  /** Notes a call; to be ended by the function that this answers, once or more often. */
  begin(): () => void {
    const call = Symbol('call');
    this.#open.add(call);
    return () => {
      this.#open.delete(call);
      if (this.#open.size === 0) {
        for (const resolve of this.#waiting.splice(0)) {
          resolve();
        }
      }
    };
  }

  /** Resolves when no call is under way. */
  idle(): Promise<void> {
    return this.#open.size === 0
      ? Promise.resolve()
      : new Promise((resolve) => {
          this.#waiting.push(resolve);
        });
  }
}
