// Type tests: checked by tsc with everything else; every `@ts-expect-error` must be an error.
import type { Provide, Token } from './tokens.ts';
import { all, optional, token } from './tokens.ts';

interface Animal {
  readonly legs: number;
}
interface Dog extends Animal {
  bark(): string;
}
declare const provide: Provide;
declare const dog: Dog;
declare const animal: Animal;
const DOG = token<Dog>('DOG');
const ANIMAL = token<Animal>('ANIMAL');
const TEXT = token<string>('TEXT');

provide(TEXT, [DOG, all(ANIMAL), optional(TEXT)], (one, many, perhaps) => {
  const inferred: [Dog, Animal[], string | undefined] = [one, many, perhaps];
  return inferred[0].bark();
});
provide(ANIMAL, [], () => dog);
provide(TEXT, [DOG], () => 'dependencies may go unused');

// @ts-expect-error -- an animal is not a dog
provide(DOG, [], () => animal);
// @ts-expect-error -- a number is not text
provide(TEXT, [], () => 1);
// @ts-expect-error -- the dependency of `one` is missing
provide(TEXT, [], (one: Dog) => one.bark());
// @ts-expect-error -- DOG is no string
provide(TEXT, [DOG], (one: string) => one);
// @ts-expect-error -- all() gives a list
provide(TEXT, [all(DOG)], (one: Dog) => one.bark());
// @ts-expect-error -- may be undefined
provide(TEXT, [optional(TEXT)], (perhaps) => perhaps);
// @ts-expect-error -- a token of animals is none of dogs
export const wrong: Token<Dog> = ANIMAL;
