/** The bytes of the images of one conversation. They are kept in memory alone, and no more of them than go out at once. */
import { MAX_KEPT_CHARS } from './images.ts';

export class ImageShelf {
  /** Data URLs by the image's id, oldest first. */
  readonly #images = new Map<string, string>();
  #chars = 0;

  /** Keeps an image; the ids of those that had to go for it come back. */
  add(id: string, data: string): string[] {
    this.#images.set(id, data);
    this.#chars += data.length;
    const gone: string[] = [];
    for (const oldest of this.#images.keys()) {
      if (this.#chars <= MAX_KEPT_CHARS || oldest === id) {
        break;
      }
      this.remove(oldest);
      gone.push(oldest);
    }
    return gone;
  }

  get(id: string): string | undefined {
    return this.#images.get(id);
  }

  remove(id: string): void {
    this.#chars -= this.#images.get(id)?.length ?? 0;
    this.#images.delete(id);
  }

  /** Forgets all but these. */
  keepOnly(ids: ReadonlySet<string>): void {
    for (const id of [...this.#images.keys()].filter((id) => !ids.has(id))) {
      this.remove(id);
    }
  }
}
