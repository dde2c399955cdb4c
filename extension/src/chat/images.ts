/** What images may be attached to a question. Pure: the page says no at once, and the host decides. */

/** An image that the user attached, as the panel shows it: its bytes stay with the host. */
export interface Attachment {
  readonly id: string;
  /** The name of its file. */
  readonly name: string;
  /** A small picture of it, as a data URL. */
  readonly thumbnail: string;
}

/** An image of a question that was sent. */
export interface SentImage extends Attachment {
  /** Whether the host still has its bytes. It keeps those of a few images, and none over a reload. */
  readonly available: boolean;
}

export type ImageType = 'image/png' | 'image/jpeg' | 'image/gif' | 'image/webp';

/** The largest image in bytes: of the large providers, the strictest takes no more. */
export const MAX_IMAGE_BYTES = 5 * 1024 * 1024;
/** The most images of one question: each is paid for again with every later question. */
export const MAX_IMAGES = 5;
/** The images of a conversation that the host keeps, in characters of base64; they go out with each question. */
export const MAX_KEPT_CHARS = 28_000_000;

/** The longest thumbnail, in characters: the conversation that is stored holds them. */
export const MAX_THUMBNAIL_CHARS = 20_000;
/** The longest data URL of an image. */
export const MAX_DATA_CHARS = Math.ceil(MAX_IMAGE_BYTES / 3) * 4 + 40;

/** The first bytes of each type; a dot stands for any byte. */
const SIGNATURES: readonly (readonly [ImageType, string])[] = [
  ['image/png', '\x89PNG\r\n\x1a\n'],
  ['image/jpeg', '\xff\xd8\xff'],
  ['image/gif', 'GIF87a'],
  ['image/gif', 'GIF89a'],
  ['image/webp', 'RIFF....WEBP'],
];

/** The type of an image by its first bytes, whatever its name says; null when it is none that providers take. */
export function imageTypeOf(bytes: Uint8Array): ImageType | null {
  const begins = (signature: string): boolean =>
    Array.from(signature).every((byte, index) => byte === '.' || byte.charCodeAt(0) === bytes[index]);
  return SIGNATURES.find(([, signature]) => begins(signature))?.[0] ?? null;
}

/** Whether a data URL holds an image of the type that it names, within the bounds. */
export function isImageData(url: string): boolean {
  const head = /^data:(image\/[a-z]+);base64,([A-Za-z0-9+/]{16})/u.exec(url);
  if (head === null || url.length > MAX_DATA_CHARS) {
    return false;
  }
  const bytes = Uint8Array.from(atob(head[2] ?? ''), (character) => character.charCodeAt(0));
  return imageTypeOf(bytes) === head[1];
}

/** Whether a text is a small picture and nothing else: it becomes the source of an image on the page. */
export function isThumbnail(url: string): boolean {
  return url.length <= MAX_THUMBNAIL_CHARS && /^data:image\/(?:png|jpeg|webp);base64,[A-Za-z0-9+/=]+$/u.test(url);
}
