/**
 * Who may take a lock that is a folder of files, one for each time it was held. The file with the highest number belongs to the
 * holder; whoever comes next makes the file with the next number, which a file system lets only one do. Nobody ever removes the
 * highest file, so a number is never given twice, and a holder that was given up finds out by a higher one.
 */
export interface Entry {
  readonly number: number;
  /** Whether the holder has let go. */
  readonly free: boolean;
  /** Changes while the holder lives. */
  readonly beat: number;
}

/** One who waits. Patience is counted in looks, not in time: a machine that sleeps does not look. */
export class Waiting {
  readonly #patience: number;
  #seen: Entry | undefined;
  #looks = 0;

  /** A holder that shows no sign of life for so many looks is given up. */
  constructor(patience: number) {
    this.#patience = patience;
  }

  /** The number to take now, or undefined to go on waiting. */
  next(highest: Entry | undefined): number | undefined {
    if (highest === undefined) {
      return 1;
    }
    const same = this.#seen?.number === highest.number && this.#seen.beat === highest.beat;
    this.#looks = same ? this.#looks + 1 : 0;
    this.#seen = highest;
    return highest.free || this.#looks >= this.#patience ? highest.number + 1 : undefined;
  }
}
