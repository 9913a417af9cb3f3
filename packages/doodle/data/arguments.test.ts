import { expect, it } from 'vitest';
import { readArguments } from './arguments.ts';
import { USUAL_SHARES } from './plan.ts';

it('pictures need a folder and how many; the rest is usual', () => {
  expect(readArguments(['out', '--count', '10', '--workers', '3'])).toEqual({
    make: 'pictures',
    request: { outputDir: 'out', split: 'train', count: 10, seed: 0, sizePx: 64, shares: USUAL_SHARES },
    workers: 3,
  });
  expect(readArguments(['out', '--make', 'subjects'])).toEqual({ make: 'subjects', outputDir: 'out' });
});

it.each([
  [['--count', '10'], 'one folder is needed'],
  [['out'], '--count'],
  [['out', '--count', '1', '--sized', '2'], 'from 0 to 1'],
  [['out', '--count', '1', '--often', 'unicorn'], 'no such choice'],
  [['out', '--count', '1', '--colour', 'red'], 'Unknown option'],
  [['out', '--make', 'cake'], 'pictures, subjects, sheets, vocabulary'],
  [['out', '--make', 'subjects', '--seed', '1'], '--seed would change nothing'],
  [
    ['out', '--count', '1', '--split', 'heldout', '--often', 'dog', '--recoloured', '1'],
    '--recoloured and --often would change nothing',
  ],
])('%j is refused', (argv, why) => {
  expect(() => readArguments(argv)).toThrow(why);
});
