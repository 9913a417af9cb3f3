// All scenes, in the order of their numbers: a new one goes to the end, or every drawn scene changes.
import { grass, mountains, rainbow, snow, volcano } from './lands.ts';
import { beach, desert, sunset, underwater, water } from './shores.ts';
import {
  bookshelf,
  brickWall,
  carpet,
  party,
  polkaDots,
  stripes,
  tablecloth,
  woodenTable,
} from './surfaces.ts';
import { night, rain, sky, space } from './skies.ts';
import { city, kitchen, road, room, stage } from './towns.ts';
import { autumn, farm, flowers, forest } from './woods.ts';
import type { Scene } from './scene.ts';

export const SCENES: readonly Scene[] = [
  beach,
  snow,
  grass,
  night,
  brickWall,
  woodenTable,
  water,
  desert,
  forest,
  city,
  sunset,
  mountains,
  room,
  tablecloth,
  space,
  sky,
  autumn,
  rain,
  flowers,
  road,
  underwater,
  stage,
  bookshelf,
  kitchen,
  volcano,
  rainbow,
  farm,
  party,
  polkaDots,
  stripes,
  carpet,
];
