import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { shellQuote } from './shellQuote.ts';

it.each([
  'runs/20250131-142501-dreambooth+ppl-1a2b3c4d',
  'sp ace/run 1',
  'it\'s "quoted" $HOME `id` \\ !!',
  "don't!",
  'tab\tand\nline',
  '',
  '~/x',
  '*',
])('a shell gives %j back', (text) => {
  expect(execFileSync('sh', ['-c', `printf %s ${shellQuote(text)}`], { encoding: 'utf8' })).toBe(text);
});
