// Torch's random numbers against a folder of reference numbers. The folder's format: fixtures/README.md, `torch-rng/`.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { torchGenerator, type TorchGenerator } from '@likeness/engine';
import { z } from 'zod';

import { compareArrays, notCovered, type Comparison } from './comparison.ts';
import { readFixture } from './fixtureFile.ts';

const EXACT = { atol: 0, rtol: 0 };
/** `randint` entries without a bound in their name. */
const DEFAULT_RANDINT_HIGH = 1000;

const description = z.object({
  tolerance: z.object({ randn: z.object({ rtol: z.number(), atol: z.number() }) }),
});

/** All comparisons of a `torch-rng` folder: entries of `sequence` and `batch` share a generator, all others have one each. */
export async function* checkTorchRng(folder: string): AsyncIterable<Comparison> {
  const text = await readFile(join(folder, 'torch-rng.json'), 'utf8');
  const { tolerance } = description.parse(JSON.parse(text));
  const tensors = await readFixture(join(folder, 'torch-rng.safetensors'));
  const shared = new Map<string, TorchGenerator>();

  // Alphabetical, since that is the order in which the shared generators were used.
  for (const name of [...tensors.keys()].sort()) {
    const [seedPart = '', group = '', entry = ''] = name.split('.');
    const seed = /^seed(\d+)$/.exec(seedPart)?.[1];
    const isShared = group === 'sequence' || group === 'batch';
    const kind = kindOf(isShared ? entry : group);
    const want = tensors.get(name)?.data;
    if (seed === undefined || kind === undefined || want === undefined) {
      yield notCovered(name, 'the name says no known kind of random number');
      continue;
    }
    const generator = (isShared && shared.get(seedPart + group)) || torchGenerator(BigInt(seed));
    if (isShared) shared.set(seedPart + group, generator);
    const got = draw(generator, kind, want.length);
    yield compareArrays(name, got, want, kind.name.startsWith('randn') ? tolerance.randn : EXACT);
  }
}

interface Kind {
  name: 'rand' | 'rand64' | 'randn' | 'randn64' | 'randint' | 'randperm';
  high: number;
}

/** From `randint1000`, `b_randn5`, `noise`, … */
function kindOf(label: string): Kind | undefined {
  if (label === 'noise') return { name: 'randn', high: 0 };
  if (label === 'timesteps') return { name: 'randint', high: DEFAULT_RANDINT_HIGH };
  const [, name, count] = /^(?:[a-z]_)?(randn64|rand64|randint|randperm|randn|rand)(\d*)$/.exec(label) ?? [];
  if (name === undefined) return undefined;
  return { name: name as Kind['name'], high: Number(count) || DEFAULT_RANDINT_HIGH };
}

function draw(generator: TorchGenerator, { name, high }: Kind, n: number): ArrayLike<number> {
  switch (name) {
    case 'rand':
      return generator.rand(n);
    case 'rand64':
      return generator.randFloat64(n);
    case 'randn':
      return generator.randn(n);
    case 'randn64':
      return generator.randnFloat64(n);
    case 'randint':
      return generator.randint(0, high, n);
    case 'randperm':
      return generator.randperm(n);
  }
}
