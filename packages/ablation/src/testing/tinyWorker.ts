// A process that serves cells of the tiny model: `tinyWorker FOLDER`, or `tinyWorker FOLDER REDIS STORE` for a queue.
import { killEngines } from '@likeness/core';
import { serveCells } from '../executors/serveCells.ts';
import { tinyWork } from './tinyWork.ts';

const [folder = ''] = process.argv.slice(2);
await serveCells(await tinyWork({ folder }), killEngines);
