// `pnpm bench dreambooth`: a DreamBooth step of the bundled model (instance and class pictures, AdamW, clipping, fp32)
// in our modes and in PyTorch.
import { dreambooth, ppl } from '@likeness/plugin-dreambooth';
import { benchStep } from './step/benchStep.ts';

await benchStep({ methods: [dreambooth, ppl], pythonModules: ['torch', 'diffusers'] });
