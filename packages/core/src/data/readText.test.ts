import { expect, test } from 'vitest';
import { decodeText } from './readText.ts';

const TEXT = 'a photo of sks robot, café\r\nУра 🙂';

test.each([
  ['UTF-8', Buffer.from(TEXT)],
  ['UTF-8 with its mark', Buffer.concat([Buffer.of(0xef, 0xbb, 0xbf), Buffer.from(TEXT)])],
  ['UTF-16 LE', Buffer.concat([Buffer.of(0xff, 0xfe), Buffer.from(TEXT, 'utf16le')])],
  ['UTF-16 BE', Buffer.concat([Buffer.of(0xfe, 0xff), Buffer.from(TEXT, 'utf16le').swap16()])],
])('%s is read as it is meant', (_, bytes) => {
  expect(decodeText(bytes, 'a.txt')).toBe(TEXT);
});

test.each([
  [
    'cp1252',
    Buffer.from('fine\nun café'.normalize('NFC'), 'latin1'),
    /^cp\.txt, line 2: .*\n.*\n.*0xE9 in "un caf\?"/,
  ],
  ['cp1252', Buffer.from('café', 'latin1'), /iconv -f WINDOWS-1252 -t UTF-8 'cp\.txt' > converted/],
  ['UTF-16 without its mark', Buffer.from('robot', 'utf16le'), /iconv -f UTF-16LE -t UTF-8/],
  ['UTF-16 BE without its mark', Buffer.from('robot', 'utf16le').swap16(), /iconv -f UTF-16BE/],
  ['UTF-16 cut short', Buffer.of(0xff, 0xfe, 0x61), /damaged or cut short/],
  ['UTF-32', Buffer.of(0xff, 0xfe, 0, 0, 0x61, 0, 0, 0), /iconv -f UTF-32/],
])('%s is refused with the place and the command that converts it', (_, bytes, message) => {
  const read = (): string => decodeText(bytes, 'cp.txt');
  expect(read).toThrow(message);
  expect(read).toThrow(expect.objectContaining({ code: 'data/unknown-encoding' }));
});
