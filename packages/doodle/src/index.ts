// The model and the pictures that come along, as paths: data like any other.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

// src/ and dist/ both lie beside model/ and subjects/.
const packageDir = fileURLToPath(new URL('..', import.meta.url));

/** The bundled model: a diffusers folder. */
export const modelDir: string = join(packageDir, 'model');

/** How the model is made: settings of `pipeline pretrain`. */
export const pretrainConfig: string = join(packageDir, 'pretrain.yaml');

/** An example subject. */
export interface Subject {
  /** Folder with five pictures of it. */
  readonly instanceDataDir: string;
  /** What it is, in the model's vocabulary. */
  readonly classNoun: string;
}

interface SubjectFacts {
  readonly classNoun: string;
}

const facts = JSON.parse(readFileSync(join(packageDir, 'subjects', 'subjects.json'), 'utf8')) as Record<
  string,
  SubjectFacts
>;

/** The example subjects by name. */
export const subjects: Readonly<Record<string, Subject>> = Object.fromEntries(
  Object.entries(facts).map(([name, { classNoun }]) => [
    name,
    { instanceDataDir: join(packageDir, 'subjects', name), classNoun },
  ]),
);

/** What a run takes when nobody names a subject. */
export const defaultSubject = 'robot';

/**
 * Five more pictures of an example subject, for measuring: never to be trained on.
 * @throws RangeError for a name that is no example subject
 */
export function furtherDir(name: string): string {
  const subject = subjects[name];
  if (subject === undefined) {
    throw new RangeError(`expected one of ${Object.keys(subjects).join(', ')}, got ${name}`);
  }
  return join(subject.instanceDataDir, 'further');
}
