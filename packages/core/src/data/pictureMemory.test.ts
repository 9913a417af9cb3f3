import { expect, test } from 'vitest';
import { pictureMemory } from './pictureMemory.ts';

test('what was asked for longest ago is forgotten when there is no room', () => {
  const picture = { width: 1, height: 1, data: new Uint8Array(30), mask: new Uint8Array(10) };
  const memory = pictureMemory(100);
  memory.keep('a', picture);
  memory.keep('b', picture);
  memory.get('a');
  memory.keep('c', picture);
  expect(['a', 'b', 'c'].filter((key) => memory.get(key) !== undefined)).toEqual(['a', 'c']);
  // Kept anew it counts once.
  memory.keep('a', picture);
  memory.keep('a', picture);
  expect(memory.get('c')).toBe(picture);
});
