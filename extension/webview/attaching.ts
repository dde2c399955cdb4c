/** Takes images that were pasted, dropped or picked: checks them, makes a small picture, hands them to the host. */
import { imageTypeOf, isThumbnail, MAX_IMAGE_BYTES, MAX_IMAGES } from '../src/chat/images.ts';
import type { PanelMessage } from '../src/chat/protocol.ts';
import { fill } from '../src/chat/strings.ts';
import type { PanelStrings } from '../src/chat/strings.ts';

/** The page's means of reading images; a port, since only a real browser has them. */
export interface ImageReader {
  readonly bytes: (blob: Blob) => Promise<Uint8Array>;
  readonly dataUrl: (blob: Blob) => Promise<string>;
  /** A small picture as a data URL, or null when the image can't be decoded. */
  readonly thumbnail: (blob: Blob) => Promise<string | null>;
}

/** What the host's state says about attaching. */
export interface AttachState {
  readonly count: number;
  /** The name of the model, and whether it sees images. */
  readonly model: { readonly label: string; readonly vision: boolean };
}

/** What was given. Without bytes it is too large. */
export interface GivenFile {
  readonly name: string;
  readonly blob: Blob | null;
}

/**
 * Attaches what can be attached.
 *
 * @returns what to tell the user of the first file that can't; null when there is none
 */
export async function attachImages(
  files: readonly GivenFile[],
  { count, model }: AttachState,
  reader: ImageReader,
  strings: PanelStrings,
  attach: (message: Extract<PanelMessage, { readonly type: 'attach' }>) => void,
): Promise<string | null> {
  if (!model.vision) {
    return fill(strings.imageNoVision, model.label);
  }
  let complaint: string | null = null;
  let attached = count;
  for (const { name, blob } of files) {
    if (attached >= MAX_IMAGES) {
      return complaint ?? fill(strings.imageTooMany, String(MAX_IMAGES));
    }
    // What was a file a moment ago may be gone, or a folder.
    const image = await prepared(name, blob, reader, strings).catch(() => fill(strings.imageBroken, name));
    if (typeof image === 'string') {
      complaint ??= image;
    } else {
      attach({ type: 'attach', name, ...image });
      attached += 1;
    }
  }
  return complaint;
}

async function prepared(
  name: string,
  blob: Blob | null,
  reader: ImageReader,
  strings: PanelStrings,
): Promise<string | { readonly data: string; readonly thumbnail: string }> {
  if (blob === null || blob.size > MAX_IMAGE_BYTES) {
    return fill(strings.imageTooLarge, name, String(MAX_IMAGE_BYTES / 1024 / 1024));
  }
  const bytes = await reader.bytes(blob);
  const type = imageTypeOf(bytes);
  if (type === null) {
    return fill(strings.imageType, name);
  }
  const image = new Blob([bytes as Uint8Array<ArrayBuffer>], { type });
  const thumbnail = await reader.thumbnail(image);
  return thumbnail === null || !isThumbnail(thumbnail)
    ? fill(strings.imageBroken, name)
    : { data: await reader.dataUrl(image), thumbnail };
}
