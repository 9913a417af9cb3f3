// One small picture in every kind of file that is read.
import sharp from 'sharp';

const [WIDTH, HEIGHT] = [24, 16];

/** Bytes of JPEG (plain, and progressive and turned), PNG, WebP, AVIF, GIF and TIFF. */
export function encodedPictures(): Promise<Buffer[]> {
  const data = Buffer.from(Array.from({ length: WIDTH * HEIGHT * 3 }, (_, i) => (i * 37) % 256));
  const picture = () => sharp(data, { raw: { width: WIDTH, height: HEIGHT, channels: 3 } });
  return Promise.all([
    picture().jpeg().toBuffer(),
    picture().withMetadata({ orientation: 6 }).jpeg({ progressive: true }).toBuffer(),
    picture().png().toBuffer(),
    picture().webp().toBuffer(),
    picture().avif({ effort: 0 }).toBuffer(),
    picture().gif().toBuffer(),
    picture().tiff({ compression: 'lzw' }).toBuffer(),
  ]);
}
