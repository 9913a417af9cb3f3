// Texts in PNG files of other tools, with checksums that are right: what is damaged is inside.
import { crc32, deflateSync } from 'node:zlib';
import { encodePng, readPngText } from '../../packages/core/src/pictures/png.ts';
import { fuzz } from '../fuzz.ts';
import { mutateBytes, oneOf } from '../mutate.ts';

const HEADER_END = 33;

function chunk(type: string, data: Uint8Array): Buffer {
  const typed = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  sum.writeUInt32BE(crc32(typed));
  return Buffer.concat([length, typed, sum]);
}

fuzz('png-text', {
  about: 'texts in PNG files',
  open: async () => {
    const image = { width: 2, height: 2, data: new Uint8Array(12) };
    const png = Buffer.from(await encodePng(image, { parameters: 'a cat', likeness: '{"käse": "🙂"}' }));
    const packed = deflateSync('a photo of a dog, Steps: 20');
    const texts = [
      ['tEXt', Buffer.from('parameters\0a cat')],
      ['zTXt', Buffer.concat([Buffer.from('parameters\0\0'), packed])],
      ['iTXt', Buffer.concat([Buffer.from('parameters\0\u0001\0en\0\0'), packed])],
      ['iTXt', Buffer.from('__proto__\0\0\0\0\0text')],
    ] as const;
    return async (random) => {
      const [type, data] = oneOf(random, texts);
      const added = chunk(type, mutateBytes(random, data));
      const whole = Buffer.concat([png.subarray(0, HEADER_END), added, png.subarray(HEADER_END)]);
      await readPngText(oneOf(random, [whole, mutateBytes(random, whole)]));
    };
  },
});
