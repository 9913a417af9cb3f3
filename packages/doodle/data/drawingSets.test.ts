// The drawings: that they are there, whose they are, and that none is a copy of what is held out.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';

import { NOUNS } from './catalog.ts';
import { DRAWING_SETS } from './drawingSets.ts';
import { SUBJECTS } from './heldOut.ts';
import { isNearCopy, lookOf, neighbours } from './nearCopies.ts';
import { rasterize } from './raster.ts';
import { vocabulary } from './vocabulary.ts';

const trained = NOUNS.flatMap(({ drawings }) => drawings);
const inStyles = NOUNS.flatMap((noun) => noun.inStyles);
const subjects = SUBJECTS.map(({ drawing }) => drawing);

describe('the drawing sets', () => {
  it.each(DRAWING_SETS)('$id is under the licence its own package names', ({ npm, licence }) => {
    const path = createRequire(import.meta.url).resolve(`${npm}/package.json`);
    const manifest = JSON.parse(readFileSync(path, 'utf8')) as { license: string };
    const info = JSON.parse(readFileSync(join(dirname(path), 'info.json'), 'utf8')) as {
      license: { spdx: string };
    };
    expect(manifest.license).toBe(licence);
    expect(info.license.spdx).toBe(licence);
  });

  it('are all named in NOTICE and in the data card, with their authors', () => {
    const root = join(import.meta.dirname, '..', '..', '..');
    const card = readFileSync(join(import.meta.dirname, 'README.md'), 'utf8');
    const notice = readFileSync(join(root, 'NOTICE'), 'utf8');
    for (const { id, npm, author, licence } of DRAWING_SETS) {
      expect(card).toContain(npm);
      expect(card).toContain(licence);
      const ofSet = (ids: readonly string[]): number =>
        ids.filter((drawing) => drawing.startsWith(`${id}:`)).length;
      const counts = [trained, inStyles, subjects].map((ids) => String(ofSet(ids) || ''));
      expect(card, id).toContain(
        `| ${counts.join(' | ')} |`.replaceAll('|  |', '| |').replaceAll('|  |', '| |'),
      );
      expect(notice).toContain(author.split(',')[0]);
    }
  });
});

describe('the drawings', () => {
  it('can all be drawn, and each stands for one noun', async () => {
    const all = [
      ...trained,
      ...NOUNS.flatMap(({ inStyles }) => inStyles),
      ...SUBJECTS.map(({ drawing }) => drawing),
    ];
    expect(new Set(all).size).toBe(all.length);
    for (const id of all) {
      const [{ width, height }] = await rasterize(id, 64);
      expect(Math.max(width, height), id).toBeGreaterThan(40);
    }
  });

  it('that are trained on hold no near-copy of a held-out subject', async () => {
    const looks = await Promise.all(trained.map(lookOf));
    for (const drawing of subjects) {
      const copies = neighbours(await lookOf(drawing), looks).filter(isNearCopy);
      expect(copies, drawing).toEqual([]);
    }
  });

  it('that were redrawn from set to set count as near-copies', async () => {
    for (const name of ['bird', 'monkey-face', 'ghost']) {
      const [likeness] = neighbours(await lookOf(`noto:${name}`), [await lookOf(`noto-v1:${name}`)]);
      expect(likeness && isNearCopy(likeness), name).toBe(true);
    }
  });

  it('are close to themselves when mirrored', async () => {
    const look = await lookOf('noto:horse');
    const turned = { ...look, id: 'mirror', pixels: look.mirrored, lines: look.linesMirrored };
    const [likeness] = neighbours(look, [{ ...turned, mirrored: look.pixels, linesMirrored: look.lines }]);
    expect(likeness?.distance).toBeCloseTo(0, 6);
    expect(likeness?.lines).toBeCloseTo(1, 6);
  });
});

describe('vocabulary.json', () => {
  it('is what the recipe says (`npm run doodle-data -- packages/doodle --make vocabulary`)', () => {
    const path = join(import.meta.dirname, '..', 'vocabulary.json');
    expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual(JSON.parse(JSON.stringify(vocabulary())));
  });
});
