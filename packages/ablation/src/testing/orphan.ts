// A worker whose parent goes away while it is busy: it learns of that only after it has said something. `orphan FOLDER`.
import { killEngines } from '@likeness/core';
import { serveCells } from '../executors/serveCells.ts';
import { tinyWork } from './tinyWork.ts';

const BUSY_MS = 1000;

const [folder = ''] = process.argv.slice(2);
const work = await tinyWork({ folder });
process.send?.('busy');
Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, BUSY_MS);
await serveCells(work, killEngines);
