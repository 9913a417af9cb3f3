// Resized pictures that stay in memory, up to a number of bytes: a subject's few pictures are decoded once, ten thousand
// one by one.
import type { ResizedPicture } from './datasetItem.ts';

const MOST_BYTES = 256 * 2 ** 20;

export interface PictureMemory {
  /** Remembers a picture, and forgets those asked for longest ago when there is no room. */
  keep(key: string, picture: ResizedPicture): void;
  get(key: string): ResizedPicture | undefined;
}

export function pictureMemory(mostBytes = MOST_BYTES): PictureMemory {
  const kept = new Map<string, ResizedPicture>();
  let bytes = 0;
  return {
    keep(key, picture) {
      const before = kept.get(key);
      if (before !== undefined) bytes -= sizeOf(before);
      kept.delete(key);
      kept.set(key, picture);
      bytes += sizeOf(picture);
      for (const [oldest, { data, mask }] of kept) {
        if (bytes <= mostBytes) return;
        kept.delete(oldest);
        bytes -= sizeOf({ data, mask });
      }
    },
    get(key) {
      const picture = kept.get(key);
      if (picture === undefined) return undefined;
      // Maps are in the order of setting.
      kept.delete(key);
      kept.set(key, picture);
      return picture;
    },
  };
}

const sizeOf = ({ data, mask }: Pick<ResizedPicture, 'data' | 'mask'>): number =>
  data.length + (mask?.length ?? 0);
