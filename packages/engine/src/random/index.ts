export { createRng, type RandomStream, type Rng } from './philox.ts';
export { torchGenerator, type TorchGenerator } from './torch.ts';
