/** Keeps the end of a growing text in view, as long as the reader is there. */

/** Within this many pixels of the end the reader counts as being at the end. */
const NEAR_PX = 24;

export class Scroller {
  readonly #area: HTMLElement;
  readonly #onChange: (follows: boolean) => void;
  readonly #onMove: () => void;
  /** Whether the content has an end to follow. */
  #grows = true;
  #sticks = true;
  #lastTop = 0;

  /** `onChange` learns whether the view follows the end, `onMove` that the reader may be somewhere else. */
  constructor(area: HTMLElement, onChange: (follows: boolean) => void, onMove: () => void = () => undefined) {
    this.#area = area;
    this.#onChange = onChange;
    this.#onMove = onMove;
    area.addEventListener('scroll', () => {
      this.#onScroll();
    });
  }

  /** How far down the reader is, in pixels; null while the view follows the end. */
  get place(): number | null {
    return this.#sticks ? null : this.#area.scrollTop;
  }

  /** Other content is there: a text that grows, whose end is to be seen, or one that stands, with its beginning. */
  begin(grows: boolean): void {
    this.#grows = grows;
    this.#setSticks(true);
    this.#area.scrollTop = 0;
    this.contentChanged();
  }

  /** Goes to a place that was read at before, and stays there. */
  goTo(place: number): void {
    this.#setSticks(false);
    this.#area.scrollTop = place;
    this.#lastTop = this.#area.scrollTop;
  }

  /** To be called when the content or the area has changed its size. */
  contentChanged(): void {
    if (this.#grows && this.#sticks) {
      this.#area.scrollTop = this.#area.scrollHeight;
      this.#lastTop = this.#area.scrollTop;
    }
  }

  /** Goes to the end and follows it again. */
  toEnd(): void {
    this.#setSticks(true);
    this.contentChanged();
  }

  #onScroll(): void {
    if (!this.#grows) {
      return;
    }
    const { scrollTop, scrollHeight, clientHeight } = this.#area;
    const isNear = scrollHeight - scrollTop - clientHeight <= NEAR_PX;
    // Growing content moves the end away without the reader's doing; only going up is a wish to stay.
    if (isNear) {
      this.#setSticks(true);
    } else if (scrollTop < this.#lastTop) {
      this.#setSticks(false);
    }
    this.#lastTop = scrollTop;
    this.#onMove();
  }

  #setSticks(sticks: boolean): void {
    if (sticks !== this.#sticks) {
      this.#sticks = sticks;
      this.#onChange(sticks);
    }
  }
}
