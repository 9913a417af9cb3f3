// What is told as written is whole after a power cut, whenever that comes: after every operation on files the folder is
// looked at as a cut would leave it.
import { existsSync, mkdirSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileWhole, writeSafetensors } from '@likeness/engine';
import { describe, expect, it } from 'vitest';
import { openRunFolder, readRunRecord } from '../runFolder/runFolder.ts';
import { readEvents } from '../runFolder/eventLog.ts';
import { openCheckpoints } from '../runFolder/checkpoints.ts';
import { cuttableDisk, type NamesOf } from '../testing/powerCut.ts';
import { temporaryFolder } from '../testing/trial.ts';
import { openCache } from './cache.ts';
import { removeUnfinished } from './unfinished.ts';
import { beginFolder, readWholeFolder } from './wholeFolder.ts';

/** What must hold of a folder after a cut: as it was told last. */
type Told = (left: string) => Promise<void>;
type Work = (root: string, tell: (told: Told) => Promise<void>) => Promise<void>;

/** @returns how many cuts were tried */
async function cutEverywhere(names: NamesOf, work: Work): Promise<number> {
  const place = realpathSync(temporaryFolder());
  const [root, left] = [join(place, 'disk'), join(place, 'left')];
  mkdirSync(root);
  const disk = cuttableDisk(root);
  let told: Told = () => Promise.resolve();
  let cuts = 0;
  const look = async (): Promise<void> => {
    rmSync(left, { recursive: true, force: true });
    disk.whatIsLeft(left, names);
    await told(left);
    cuts++;
  };
  disk.afterEach = look;
  try {
    await work(root, async (next) => {
      told = next;
      await look();
    });
  } finally {
    disk.close();
  }
  return cuts;
}

const weights = (value: number) => [
  { name: 'w', dtype: 'F32', shape: [64], data: () => new Float32Array(64).fill(value) } as const,
];

/** As a run does it: its folder, then checkpoints, of which two are kept. */
const checkpoints: Work = async (root, tell) => {
  const run = await openRunFolder({
    outputDir: join(root, 'runs', 'a'),
    recipe: 'method',
    hash: '',
    checkpointsTotalLimit: 2,
  });
  const config = { recipe: 'method', maxTrainSteps: 4, prompts: { instancePrompt: 'x' } };
  await run.events.rewindTo(-1);
  await run.writeConfig(config);
  const isRun: Told = async (left) => {
    expect((await readRunRecord(join(left, 'runs', 'a'))).config).toEqual(config);
  };
  await tell(isRun);
  for (const step of [1, 2, 3]) {
    const { folder, bytes } = await run.checkpoints.save(step, async (draft) => {
      await writeSafetensors(join(draft, 'state.safetensors'), weights(step));
      await writeFile(join(draft, 'state.json'), JSON.stringify({ step }));
    });
    run.events.append({ type: 'checkpoint-saved', step, folder, bytes });
    await tell(async (left) => {
      await isRun(left);
      const at = join(left, 'runs', 'a');
      const found = await openCheckpoints(at).latest();
      expect(found?.step).toBeGreaterThanOrEqual(step);
      expect(JSON.parse(readFileSync(join(found?.folder ?? '', 'state.json'), 'utf8'))).toEqual({
        step: found?.step,
      });
      expect(readEvents(at).filter(({ type }) => type === 'checkpoint-saved')).toHaveLength(step);
    });
  }
  await run.writeModelCard('# card');
  await tell((left) => {
    expect(readFileSync(join(left, 'runs', 'a', 'README.md'), 'utf8')).toBe('# card');
    return Promise.resolve();
  });
};

/** One export takes the place of another. */
const exports: Work = async (root, tell) => {
  const target = join(root, 'run', 'export');
  let told = 0;
  for (const version of [1, 2]) {
    const unfinished = await beginFolder(target);
    mkdirSync(join(unfinished.folder, 'unet'));
    await writeSafetensors(join(unfinished.folder, 'unet', 'model.safetensors'), weights(version));
    await writeFile(join(unfinished.folder, 'version'), String(version));
    await unfinished.commit();
    told = version;
    await tell(async (left) => {
      const at = join(left, 'run', 'export');
      // Between two renames the old one stands aside.
      if (!existsSync(at)) await removeUnfinished(join(left, 'run'));
      expect(await readWholeFolder(at, 'contents')).toBeDefined();
      expect(Number(readFileSync(join(at, 'version'), 'utf8'))).toBeGreaterThanOrEqual(told);
    });
  }
};

const cacheEntries: Work = async (root, tell) => {
  const done: number[] = [];
  for (const seed of [1, 2]) {
    await openCache(join(root, 'cache')).getOrCreate('latents', { seed }, (folder) =>
      writeFile(join(folder, 'a'), String(seed)),
    );
    done.push(seed);
    await tell(async (left) => {
      for (const one of done)
        expect(await openCache(join(left, 'cache')).find('latents', { seed: one })).toBeDefined();
    });
  }
};

/** Records of queues and results: one file each, replaced whole. */
const files: Work = async (root, tell) => {
  const path = join('matrix', 'cells', 'queue.json');
  for (const version of [1, 2, 3]) {
    await writeFileWhole(join(root, path), String(version));
    await tell((left) => {
      expect(Number(readFileSync(join(left, path), 'utf8'))).toBeGreaterThanOrEqual(version);
      return Promise.resolve();
    });
  }
};

describe.each([['forgets'], ['keeps']] as const)('on a disk that %s names not flushed', (names) => {
  it.each([
    ['checkpoints, config, log and model card', checkpoints, 100],
    ['exports', exports, 40],
    ['cache entries', cacheEntries, 30],
    ['files', files, 15],
  ] as const)('%s that were told survive a power cut', async (_, work, least) => {
    expect(await cutEverywhere(names, work)).toBeGreaterThan(least);
  });
});
