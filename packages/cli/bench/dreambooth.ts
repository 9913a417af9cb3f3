// `npm run bench -- dreambooth`: a DreamBooth step of the bundled model (instance and class pictures, AdamW, clipping,
// fp32) in our modes and in PyTorch.
import { dreambooth, ppl } from '@likeness/plugin-dreambooth';
import { benchStep } from './step/benchStep.ts';

const script = new URL('../../bench/step/step.py', import.meta.url);
await benchStep({ script, methods: [dreambooth, ppl], pythonModules: ['torch', 'diffusers'] });
