// Captions and prompt files in every encoding, damaged.
import { decodeText } from '../../packages/core/src/data/readText.ts';
import { fuzz } from '../fuzz.ts';
import { mutateBytes, oneOf } from '../mutate.ts';

const TEXT = 'a photo of sks robot, café\r\nein Foto, Ура 🙂\n\n';
const INPUTS = [
  Buffer.from(TEXT),
  Buffer.from(TEXT, 'latin1'),
  Buffer.concat([Buffer.of(0xef, 0xbb, 0xbf), Buffer.from(TEXT)]),
  Buffer.concat([Buffer.of(0xff, 0xfe), Buffer.from(TEXT, 'utf16le')]),
  Buffer.concat([Buffer.of(0xfe, 0xff), Buffer.from(TEXT, 'utf16le').swap16()]),
];

fuzz('text', {
  about: 'captions and prompts',
  open: () => (random) => decodeText(mutateBytes(random, oneOf(random, INPUTS)), 'caption.txt'),
});
