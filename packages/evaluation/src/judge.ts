// Judges: networks that look at pictures for the metrics. What a metric needs is a role (`dino`, `clip`, `lpips`,
// `classifier`); which network plays it is a matter of the run, and its name and fingerprint stand in every record.
import type { RgbImage } from '@likeness/core';

/** What all judges say of themselves. */
export interface JudgeIdentity {
  /** For people: `DINO ViT-S/16`, `LPIPS alex`. */
  readonly name: string;
  /** sha256 over weights, configuration and preprocessing: whatever changes what it says of a picture. */
  readonly fingerprint: string;
}

/** Pictures, and with some networks texts, as points in one space. */
export interface Judge extends JudgeIdentity {
  /** Length of a feature. */
  readonly dimensions: number;
  /** One feature a picture, `[dimensions]`, not normalised. */
  imageFeatures(pictures: readonly RgbImage[]): Promise<Float32Array[]>;
  /** One feature a text, in the space of the pictures. */
  textFeatures?(texts: readonly string[]): Promise<Float32Array[]>;
  close?(): Promise<void>;
}

/** A judge that reads texts as well: CLIP. */
export type TextJudge = Judge & Required<Pick<Judge, 'textFeatures'>>;

/** How different two pictures look: LPIPS. */
export interface DistanceJudge extends JudgeIdentity {
  /** One distance a pair; 0 for equal pictures. */
  distances(pairs: readonly (readonly [RgbImage, RgbImage])[]): Promise<number[]>;
  close?(): Promise<void>;
}

/** Names what a picture shows. */
export interface Classifier extends JudgeIdentity {
  readonly classes: readonly string[];
  /** The probability of each class, in the order of `classes`; one row a picture. */
  classify(pictures: readonly RgbImage[]): Promise<Float32Array[]>;
  close?(): Promise<void>;
}

/** The judges of an evaluation, by the role they play. A metric without its judge is left out, and the record says so. */
export interface Judges {
  readonly dino?: Judge;
  readonly clip?: TextJudge;
  readonly lpips?: DistanceJudge;
  readonly classifier?: Classifier;
}

export type JudgeRole = keyof Judges;

export const JUDGE_ROLES: readonly JudgeRole[] = ['dino', 'clip', 'lpips', 'classifier'];
