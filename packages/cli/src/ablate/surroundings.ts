// What a matrix asks of the command: which options a recipe has, which pictures a subject.
import { resolve } from 'node:path';
import type { SubjectFacts, Surroundings } from '@likeness/ablation';
import { ConfigError, didYouMean, findPictures, flagsFromSchema, resolvePlugins } from '@likeness/core';
import { builtIns, defaultSubject, exampleStyles, exampleSubjects } from '../composition.ts';
import { DEFAULT_RECIPE } from '../run/prepareRun.ts';

export function surroundingsOf(cwd: string = process.cwd()): Surroundings {
  return {
    defaultRecipe: DEFAULT_RECIPE,
    optionsOf: async (recipe) => flagsFromSchema(await resolvePlugins(recipe, { builtIns, cwd })),
    subject: (name, settings) =>
      name === undefined && settings['instanceDataDir'] !== undefined
        ? ownSubject(settings)
        : example(name, settings),
  };
}

/** @throws ConfigError for a name that is no example subject */
async function example(
  said: string | undefined,
  settings: Readonly<Record<string, unknown>>,
): Promise<SubjectFacts> {
  const inSettings = settings['subject'];
  const name = said ?? (typeof inSettings === 'string' ? inSettings : defaultSubject);
  const subject = exampleSubjects[name];
  const names = Object.keys(exampleSubjects);
  if (subject === undefined) {
    throw new ConfigError('no such subject', {
      code: 'usage/unknown-name',
      where: 'subjects',
      expected: `one of ${names.join(', ')}`,
      got: `${name}${didYouMean(name, names)}`,
      hint: 'own pictures are said in settings: instanceDataDir and classNoun',
    });
  }
  const { files } = await findPictures(subject.instanceDataDir, '.mask.png');
  // The next subject that is something else: the same one for every cell, and for everybody.
  const following = [...names.slice(names.indexOf(name) + 1), ...names]
    .filter((other) => !(other in exampleStyles))
    .map((other) => exampleSubjects[other]?.classNoun);
  return {
    name,
    classNoun: subject.classNoun,
    pictures: files.map(({ path }) => path),
    source: { subject: name },
    wrongNoun: following.find((noun) => noun !== subject.classNoun),
  };
}

async function ownSubject(settings: Readonly<Record<string, unknown>>): Promise<SubjectFacts> {
  const source = settings['instanceDataDir'] as string | readonly string[];
  const { files } = await findPictures(source, '.mask.png');
  const noun = settings['classNoun'];
  return {
    name: typeof source === 'string' ? (resolve(source).split(/[\\/]/).at(-1) ?? source) : 'pictures',
    classNoun: typeof noun === 'string' ? noun : undefined,
    pictures: files.map(({ path }) => path),
    source: { instanceDataDir: source },
    wrongNoun: Object.values(exampleSubjects)
      .map(({ classNoun }) => classNoun)
      .find((other) => other !== noun),
  };
}
