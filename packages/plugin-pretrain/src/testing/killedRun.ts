// A process to be killed: one run of pretraining on the tiny model, told line by line. Its input is JSON: the network and
// the settings; until it comes it waits, ready.
import { writeSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import type { NetworkName } from '../config.ts';
import { tinyRun } from './tinyRun.ts';

const { network, ...values } = JSON.parse(await text(process.stdin)) as { network: NetworkName };
try {
  // At once: what a killed process has said, its parent hears.
  await tinyRun(network, values, (event) => writeSync(1, `${JSON.stringify(event)}\n`));
} catch (error) {
  process.stderr.write(String(error));
  process.exitCode = 1;
}
