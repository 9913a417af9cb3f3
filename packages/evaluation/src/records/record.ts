// What an evaluation knows of its pictures once they are made and judged. Every measure is a function of this alone, so
// measures can be made again, and new ones added, without sampling or judging anything again.
import type { JudgeRole } from '../judge.ts';

/**
 * What a picture was made for:
 * `reference`  the subject itself, as photographed: what pictures are compared with
 * `subject`    the subject by its evaluation prompts
 * `class`      its class, by a prompt that names no subject
 * `unrelated`  something else, which training should have left alone
 */
export type PictureSet = 'reference' | 'subject' | 'class' | 'unrelated';

/** Who made it: the model under evaluation, its base model before training, or nobody. */
export type PictureMaker = 'run' | 'base' | 'given';

export interface PictureRecord {
  readonly set: PictureSet;
  readonly maker: PictureMaker;
  /** As the model was asked; absent for references. */
  readonly prompt?: string;
  /** The prompt without the word that names the subject, as CLIP is asked. */
  readonly text?: string;
  readonly seed?: number;
  /** sha256 over `WIDTHxHEIGHT\n` and the RGB bytes: of the picture, however its file is compressed. */
  readonly sha256: string;
  /** The picture's file, relative to the folder of the evaluation; references and base pictures are kept elsewhere. */
  readonly file?: string;
  /** What judges see in it, not normalised; a classifier's are probabilities. */
  readonly features: Readonly<Partial<Record<JudgeRole, Float32Array>>>;
  /** LPIPS to each picture before it of the same set, maker and prompt, in order. */
  readonly distances?: readonly number[];
  /** What metrics read off the pixels, by metric and name. */
  readonly looks: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

/** Who judged, for the record. */
export interface JudgeRecord {
  readonly name: string;
  readonly fingerprint: string;
  /** Of a classifier. */
  readonly classes?: readonly string[];
}

export interface Evidence {
  readonly pictures: readonly PictureRecord[];
  /** CLIP's features of the texts of records. */
  readonly texts: ReadonlyMap<string, Float32Array>;
  readonly judges: Readonly<Partial<Record<JudgeRole, JudgeRecord>>>;
  /** What the subject is: `robot`. */
  readonly classNoun?: string;
  /** Size of what was exported and how many numbers were trained, where that is known. */
  readonly facts: Readonly<Record<string, number>>;
}

/** Records of one kind, in order. */
export function select(
  { pictures }: Evidence,
  set: PictureSet,
  maker: PictureMaker = set === 'reference' ? 'given' : 'run',
): PictureRecord[] {
  return pictures.filter((picture) => picture.set === set && picture.maker === maker);
}

/** Records by their prompt, in order of appearance. */
export function byPrompt(records: readonly PictureRecord[]): Map<string, PictureRecord[]> {
  const groups = new Map<string, PictureRecord[]>();
  for (const record of records) {
    const prompt = record.prompt ?? '';
    const group = groups.get(prompt);
    if (group) group.push(record);
    else groups.set(prompt, [record]);
  }
  return groups;
}

/** A judge's features of records; those it has not seen are left out. */
export function featuresOf(records: readonly PictureRecord[], role: JudgeRole): Float32Array[] {
  return records.flatMap(({ features }) => features[role] ?? []);
}
