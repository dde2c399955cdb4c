/** Decides when to render: at most once a frame, and seldom enough to leave the reader most of the time. */

export interface PacerClock {
  /** Milliseconds that never go back. */
  now(): number;
  frame(callback: () => void): void;
  after(callback: () => void, delayMs: number): void;
}

/** After a rendering the panel rests this many times as long as it took. */
const REST = 3;
/** Renderings shorter than this need no rest. */
const CHEAP_MS = 6;

export class Pacer {
  readonly #clock: PacerClock;
  readonly #render: () => void;
  #asked = false;
  #notBefore = 0;

  constructor(clock: PacerClock, render: () => void) {
    this.#clock = clock;
    this.#render = render;
  }

  /** Renders soon. Many requests are one rendering. */
  request(): void {
    if (this.#asked) {
      return;
    }
    this.#asked = true;
    const rest = this.#notBefore - this.#clock.now();
    if (rest > 0) {
      this.#clock.after(() => this.#clock.frame(() => this.#run()), rest);
    } else {
      this.#clock.frame(() => this.#run());
    }
  }

  #run(): void {
    this.#asked = false;
    const start = this.#clock.now();
    this.#render();
    const cost = this.#clock.now() - start;
    this.#notBefore = cost > CHEAP_MS ? start + cost * (1 + REST) : 0;
  }
}
