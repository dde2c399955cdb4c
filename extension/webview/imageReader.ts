/** Reads images with what browsers have. */
import type { ImageReader } from './attaching.ts';

/** The longer side of a thumbnail, in pixels: sharp at the size at which it is shown on dense screens. */
const THUMBNAIL_PX = 128;

export const browserImageReader: ImageReader = {
  bytes: async (blob) => new Uint8Array(await blob.arrayBuffer()),
  dataUrl: (blob) =>
    new Promise((resolve, reject) => {
      const reader = new FileReader();
      reader.onload = () => resolve(typeof reader.result === 'string' ? reader.result : '');
      reader.onerror = () => reject(new Error('the image could not be read', { cause: reader.error }));
      reader.readAsDataURL(blob);
    }),
  thumbnail: async (blob) => {
    let bitmap: ImageBitmap;
    try {
      bitmap = await createImageBitmap(blob);
    } catch {
      return null;
    }
    const scale = Math.min(1, THUMBNAIL_PX / Math.max(bitmap.width, bitmap.height));
    const canvas = document.createElement('canvas');
    canvas.width = Math.max(1, Math.round(bitmap.width * scale));
    canvas.height = Math.max(1, Math.round(bitmap.height * scale));
    canvas.getContext('2d')?.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
    bitmap.close();
    return canvas.toDataURL('image/webp', 0.8);
  },
};
