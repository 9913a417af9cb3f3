// Class pictures are the base model's, whatever lies over it while the run prepares.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { PipelineEvent } from '../events.ts';
import { createTrial } from '../testing/index.ts';
import { shiftMethod } from '../testing/shiftMethod.ts';
import { tinyMethod } from '../testing/tinyMethod.ts';

const pictures = (events: readonly PipelineEvent[]): Promise<Buffer[]> =>
  Promise.all(events.flatMap((event) => (event.type === 'prior-image' ? [readFile(event.path)] : [])));

it.each(['graph', 'xla'] as const)(
  "are the same bytes with adapters as without, and one run's serve the other (%s)",
  async (mode) => {
    const whole = await createTrial({ plugins: [tinyMethod({ numClassImages: 3 })] });
    const adapted = await createTrial({ plugins: [shiftMethod({ numClassImages: 3 })] });
    expect(adapted.model.fingerprint).toBe(whole.model.fingerprint);
    const cacheDir = join(whole.folder, 'shared');
    const values = { mode, maxTrainSteps: 1 };
    const made = await pictures(await whole.run({ ...values, cacheDir }));
    expect(made.length).toBe(3);
    expect(await pictures(await adapted.run(values))).toEqual(made);
    const again = await adapted.run({ ...values, cacheDir, outputDir: join(adapted.folder, 'again') });
    expect(again.filter(({ type }) => type.startsWith('prior')).map(({ type }) => type)).toEqual([
      'prior-reused',
    ]);
  },
);
