// A process to be killed: one run of the tiny method, told line by line. Its input is the run's settings as JSON,
// `modelFolder` among them, and `killAfter`, the event it is killed after; until they come it waits, ready.
import { writeSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { modelFacts, resolveConfig } from '../config/resolveConfig.ts';
import { runPipeline } from '../pipeline.ts';
import { openTinyModel } from './tinyModel.ts';
import { tinyMethod } from './tinyMethod.ts';

const { modelFolder, killAfter, ...values } = JSON.parse(await text(process.stdin)) as Record<
  string,
  unknown
>;
const model = await openTinyModel(String(modelFolder));
const { config, plugins } = resolveConfig({
  plugins: [tinyMethod()],
  layers: [{ name: 'arguments', values }],
  model: modelFacts(model),
});
let heard = 0;
runPipeline({ config, plugins, model }).subscribe({
  next: (event) => {
    // At once: what a killed process has said, its parent hears.
    writeSync(1, `${JSON.stringify(event)}\n`);
    if (event.type !== 'progress' && ++heard === killAfter) process.kill(process.pid, 'SIGKILL');
  },
  error: (error: unknown) => {
    process.stderr.write(String(error));
    process.exitCode = 1;
  },
});
