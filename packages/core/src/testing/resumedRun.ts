// A process to be killed: one run of the tiny method, told line by line. Its input is the run's settings as JSON,
// `modelFolder` among them; until they come it waits, ready.
import { writeSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { modelFacts, resolveConfig } from '../config/resolveConfig.ts';
import { runPipeline } from '../pipeline.ts';
import { openTinyModel } from './tinyModel.ts';
import { tinyMethod } from './tinyMethod.ts';

const { modelFolder, ...values } = JSON.parse(await text(process.stdin)) as Record<string, unknown>;
const model = await openTinyModel(String(modelFolder));
const { config, plugins } = resolveConfig({
  plugins: [tinyMethod()],
  layers: [{ name: 'arguments', values }],
  model: modelFacts(model),
});
runPipeline({ config, plugins, model }).subscribe({
  // At once: what a killed process has said, its parent hears.
  next: (event) => writeSync(1, `${JSON.stringify(event)}\n`),
  error: (error: unknown) => {
    process.stderr.write(String(error));
    process.exitCode = 1;
  },
});
