// `npm start`: sets everything up, then teaches the bundled model a bundled subject. Further arguments go to
// the command: `npm start -- --subject robot`.

import { runAsCommand } from './setup.mjs';
import { runWithSetUp } from './with-setup.mjs';

await runAsCommand(() =>
  runWithSetUp('packages/cli/bin/pipeline.js', ['run', 'dreambooth+ppl', ...process.argv.slice(2)]),
);
