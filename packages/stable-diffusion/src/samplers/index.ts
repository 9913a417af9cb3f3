export { sampleDdim } from './ddim.ts';
export { sampleDdpm } from './ddpm.ts';
export { sampleDpmpp2m, sampleDpmpp2mKarras } from './dpmpp2m.ts';
export { sampleEuler } from './euler.ts';
export { sampleEulerAncestral } from './eulerAncestral.ts';
export { samplePndm } from './pndm.ts';
export {
  SAMPLER_NAMES,
  type Denoise,
  type SampleOptions,
  type Sampler,
  type SamplerName,
} from './sampler.ts';
export { SAMPLERS, samplerForConfig } from './samplers.ts';
export { sampleUnipc } from './unipc.ts';
