// metadata.jsonl of captioned pictures, in files: fewer cases than elsewhere.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findCaptionedPictures } from '../../packages/plugin-pretrain/src/data/captionedPictures.ts';
import { fuzz } from '../fuzz.ts';
import { below, mutateBytes, mutateJsonText } from '../mutate.ts';

const LINE = { file_name: 'a/1.png', text: 'a dog', noun: 'dog', seed: 3 };

fuzz('metadata', {
  about: 'metadata.jsonl',
  cases: 4000,
  open: (folder) => async (random) => {
    const text = `${JSON.stringify(LINE)}\n${mutateJsonText(random, LINE)}\n`;
    const bytes = below(random, 2) === 0 ? mutateBytes(random, Buffer.from(text)) : text;
    await writeFile(join(folder, 'metadata.jsonl'), bytes);
    for (const { path } of await findCaptionedPictures(folder))
      if (!path.startsWith(join(folder, '/'))) throw new Error(`a picture outside of the folder: ${path}`);
  },
});
