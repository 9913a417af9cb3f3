import { expect, it } from 'vitest';
import { createContainer } from './provide.ts';
import { all, optional, token } from './tokens.ts';

const NAME = token<string>('NAME');
const COUNT = token<number>('COUNT');
const LINE = token<string>('LINE');

it('injects one, all in the order of binding, or none', () => {
  const container = createContainer([
    {
      name: 'a',
      bind: (provide) => (
        provide(LINE, [NAME, all(COUNT)], (name, counts) => `${name} ${counts.join()}`),
        provide(COUNT, [], () => 1)
      ),
    },
    {
      name: 'b',
      bind: (provide) => (
        provide(COUNT, [], () => 2),
        provide(NAME, [optional(token<boolean>('NONE'))], (none) => String(none))
      ),
    },
  ]);
  expect(container.get(LINE)).toBe('undefined 1,2');
  expect(container.get(all(COUNT))).toEqual([1, 2]);
  expect(container.get(all(token<number>('OTHER')))).toEqual([]);
  expect(container.get(optional(token<number>('OTHER')))).toBeUndefined();
});

it('makes a service once and only when asked', () => {
  let made = 0;
  const container = createContainer([{ name: 'a', bind: (provide) => provide(COUNT, [], () => ++made) }]);
  expect(made).toBe(0);
  expect([container.get(COUNT), container.get(COUNT)]).toEqual([1, 1]);
});

it('names a service that nobody or several provide, before anything is made', () => {
  const two = createContainer([
    { name: 'a', bind: (provide) => provide(COUNT, [], () => 1) },
    { name: 'b', bind: (provide) => provide(COUNT, [], () => 2) },
  ]);
  expect(() => two.get(COUNT)).toThrow('COUNT, which several provide: a, b');
  expect(() => two.get(NAME)).toThrow('NAME, which nobody provides');
  const incomplete = () =>
    createContainer([{ name: 'a', bind: (provide) => provide(LINE, [NAME], (name) => name) }]);
  expect(incomplete).toThrow('a: LINE needs NAME, which nobody provides');
});

it("lets a factory's own error through", () => {
  const fails = createContainer([
    {
      name: 'a',
      bind: (provide) =>
        provide(NAME, [], () => {
          throw new RangeError('mine');
        }),
    },
  ]);
  expect(() => fails.get(NAME)).toThrow(/mine/);
});
