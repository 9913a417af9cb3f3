// The fields of diffusers' scheduler_config.json. Every one is honoured or refused by name: a field that is
// silently ignored would change what a model was trained on.
import { ConfigError } from '@likeness/engine';
import { z } from 'zod';

export const PREDICTION_TYPES = ['epsilon', 'v_prediction', 'sample'] as const;
export type PredictionType = (typeof PREDICTION_TYPES)[number];
export const TIMESTEP_SPACINGS = ['linspace', 'leading', 'trailing'] as const;
export type TimestepSpacing = (typeof TIMESTEP_SPACINGS)[number];

/** A field of a feature that is not built: only the value that leaves the feature off is allowed. */
function only<const T extends string | boolean | null>(...values: [T, ...T[]]) {
  return z.literal(values, {
    error: `only ${values.map((value) => JSON.stringify(value)).join(' or ')} is supported`,
  });
}

const optionalPositive = z.number().positive().nullable();

const schema = z
  .strictObject({
    // Who wrote the file.
    _class_name: z.string(),
    _diffusers_version: z.string(),

    // The diffusion process.
    num_train_timesteps: z.number().int().min(2).max(100_000),
    beta_start: z.number().positive().lt(1),
    beta_end: z.number().positive().lt(1),
    beta_schedule: z.enum(['linear', 'scaled_linear', 'squaredcos_cap_v2']),
    trained_betas: z.array(z.number().positive().lt(1)).nullable(),
    rescale_betas_zero_snr: z.boolean(),
    prediction_type: z.enum(PREDICTION_TYPES),

    // Which timesteps a sampler visits.
    timestep_spacing: z.enum(TIMESTEP_SPACINGS),
    steps_offset: z.number().int().min(0).max(100_000),
    set_alpha_to_one: z.boolean(),
    skip_prk_steps: z.boolean(),
    final_sigmas_type: z.enum(['zero', 'sigma_min']),
    use_karras_sigmas: z.boolean().nullable(),
    sigma_min: optionalPositive,
    sigma_max: optionalPositive,

    // What a sampler does in a step.
    clip_sample: z.boolean(),
    clip_sample_range: z.number().positive(),
    variance_type: z.enum(['fixed_small', 'fixed_small_log', 'fixed_large']).nullable(),
    algorithm_type: z.enum(['dpmsolver++', 'dpmsolver', 'sde-dpmsolver++', 'sde-dpmsolver', 'deis']),
    solver_order: z.number().int().min(1).max(3),
    solver_type: z.enum(['midpoint', 'heun', 'bh1', 'bh2', 'logrho']),
    lower_order_final: z.boolean(),
    euler_at_final: z.boolean(),
    disable_corrector: z.array(z.number().int()),

    // Not built. The last lines only shape features that are off.
    thresholding: only(false),
    use_exponential_sigmas: only(false, null),
    use_beta_sigmas: only(false, null),
    use_lu_lambdas: only(false, null),
    use_flow_sigmas: only(false, null),
    use_dynamic_shifting: only(false),
    shift_terminal: only(null),
    predict_x0: z.literal(true, { error: 'only true is supported' }),
    solver_p: only(null),
    interpolation_type: only('linear'),
    timestep_type: only('discrete'),
    lambda_min_clipped: z.literal([-Infinity, '-Infinity', null], { error: 'only -Infinity is supported' }),
    dynamic_thresholding_ratio: z.number(),
    sample_max_value: z.number(),
    flow_shift: z.number().nullable(),
    time_shift_type: z.string(),
  })
  .partial();

/** Fields that a file may leave out are undefined here: their defaults differ between samplers. */
export type SchedulerConfig = Readonly<z.infer<typeof schema>>;

/** Checks a parsed scheduler_config.json. Throws one `ConfigError` that lists every field that cannot be honoured. */
export function parseSchedulerConfig(config: unknown, where = 'scheduler_config.json'): SchedulerConfig {
  const parsed = schema.safeParse(config);
  if (!parsed.success) {
    throw new ConfigError('the noise schedule has fields that cannot be honoured', {
      code: 'model/unsupported-schedule',
      where,
      details: parsed.error.issues.flatMap(describeIssue),
      hint: 'use a model with a supported schedule, or change these fields if the model was not trained with them',
    });
  }
  const { trained_betas: betas, num_train_timesteps: steps } = parsed.data;
  if (betas && steps !== undefined && betas.length !== steps) {
    throw new ConfigError('trained_betas and num_train_timesteps disagree', {
      code: 'model/unsupported-schedule',
      where,
      expected: `${steps} betas`,
      got: `${betas.length}`,
    });
  }
  return parsed.data;
}

function describeIssue(issue: z.core.$ZodIssue): string[] {
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => `${key}: unknown field`);
  const { path, message } = issue;
  return [path.length === 0 ? message : `${path.join('.')}: ${message}`];
}
