/** Only real browsers decode images: here each one can be, except those that say that they are broken. */
import type { ImageReader } from '../../../extension/webview/attaching.ts';
import { browserImageReader } from '../../../extension/webview/imageReader.ts';

const read = (blob: Blob): Promise<ArrayBuffer> =>
  new Promise((resolve) => {
    const reader = new FileReader();
    reader.onload = () => {
      resolve(reader.result as ArrayBuffer);
    };
    reader.readAsArrayBuffer(blob);
  });

export const readerInTests: ImageReader = {
  bytes: async (blob) => new Uint8Array(await read(blob)),
  dataUrl: browserImageReader.dataUrl,
  thumbnail: async (blob) =>
    new TextDecoder().decode(await read(blob)).includes('broken') ? null : 'data:image/webp;base64,AA==',
};
