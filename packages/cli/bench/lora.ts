// `npm run bench -- lora`: a LoRA step of the bundled model (rank 4 on the UNet's attention, AdamW, clipping, fp32) in
// our modes and with PEFT in PyTorch.
import { lora } from '@likeness/plugin-lora';
import { benchStep } from './step/benchStep.ts';

const rank = 4;
const script = new URL('../../bench/step/step.py', import.meta.url);
await benchStep({
  script,
  methods: [() => lora({ rank })],
  pythonModules: ['torch', 'diffusers', 'peft'],
  rank,
});
