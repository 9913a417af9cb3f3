// All samplers by name, and which of them a diffusers scheduler is.
import { ConfigError } from '@likeness/engine';

import type { SchedulerConfig } from '../schedule/schedulerConfig.ts';
import { ddim } from './ddim.ts';
import { ddpm } from './ddpm.ts';
import { dpmpp2m, dpmpp2mKarras } from './dpmpp2m.ts';
import { euler } from './euler.ts';
import { eulerAncestral } from './eulerAncestral.ts';
import { pndm } from './pndm.ts';
import type { Sampler, SamplerName } from './sampler.ts';
import { unipc } from './unipc.ts';

export const SAMPLERS: Readonly<Record<SamplerName, Sampler>> = {
  ddim,
  ddpm,
  euler,
  'euler-ancestral': eulerAncestral,
  'dpmpp-2m': dpmpp2m,
  'dpmpp-2m-karras': dpmpp2mKarras,
  pndm,
  unipc,
};

const BY_CLASS_NAME: Readonly<Record<string, (config: SchedulerConfig) => Sampler>> = {
  DDIMScheduler: () => ddim,
  DDPMScheduler: () => ddpm,
  EulerDiscreteScheduler: () => euler,
  EulerAncestralDiscreteScheduler: () => eulerAncestral,
  PNDMScheduler: pndmOf,
  DPMSolverMultistepScheduler: dpmppOf,
  UniPCMultistepScheduler: () => unipc,
};

/**
 * The sampler that a scheduler_config.json names by `_class_name`, `algorithm_type`, `use_karras_sigmas` and
 * `skip_prk_steps`. Throws a `ConfigError` for schedulers without a counterpart. To use another sampler with the same
 * config, take it from `SAMPLERS`: fields that only chose the old one no longer count then.
 */
export function samplerForConfig(config: SchedulerConfig, where = 'scheduler_config.json'): Sampler {
  const className = config._class_name;
  // the name comes from a file: `constructor` is no scheduler
  const choose =
    className !== undefined && Object.hasOwn(BY_CLASS_NAME, className) ? BY_CLASS_NAME[className] : undefined;
  if (choose === undefined) {
    throw new ConfigError('no sampler does what this scheduler does', {
      code: 'sampler/no-counterpart',
      where: `${where}: _class_name`,
      expected: Object.keys(BY_CLASS_NAME).join(', '),
      got: className ?? 'nothing',
      hint: `choose a sampler by name: ${Object.keys(SAMPLERS).join(', ')}`,
    });
  }
  return choose(config);
}

function dpmppOf(config: SchedulerConfig): Sampler {
  const { algorithm_type: algorithm = 'dpmsolver++', use_karras_sigmas: useKarrasSigmas } = config;
  // The reference runs `deis` as dpmsolver++, too.
  if (algorithm !== 'dpmsolver++' && algorithm !== 'deis') {
    throw new ConfigError('no sampler does what this scheduler does', {
      code: 'sampler/no-counterpart',
      where: 'scheduler_config.json: algorithm_type',
      expected: 'dpmsolver++',
      got: algorithm,
      hint: 'choose the sampler dpmpp-2m by name',
    });
  }
  return useKarrasSigmas ? dpmpp2mKarras : dpmpp2m;
}

function pndmOf({ skip_prk_steps: skipPrkSteps = false }: SchedulerConfig): Sampler {
  if (!skipPrkSteps) {
    throw new ConfigError('no sampler does what this scheduler does', {
      code: 'sampler/no-counterpart',
      where: 'scheduler_config.json: skip_prk_steps',
      expected: 'true, as Stable Diffusion has it',
      got: 'false, the default',
      hint: 'set skip_prk_steps to true, or choose a sampler by name',
    });
  }
  return pndm;
}
