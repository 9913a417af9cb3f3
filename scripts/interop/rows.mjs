// What `npm run interop` exports, and how the result is opened: models of every origin through every way out, adapters
// and words in every spelling.

import { join } from 'node:path';

const TRAINED = ['--subject', 'robot', '--no-samples', '--max-train-steps', '1', '--train-batch-size', '1'];
const FAST = ['--mode', 'graph', '--quiet'];
const LORA_FILES = {
  diffusers: 'pytorch_lora_weights.safetensors',
  kohya: 'lora.safetensors',
  peft: '',
};

/**
 * All rows. A row has `commands` (words of `pipeline`, run in order), `ours` (what `generate` draws), `open` (how the
 * reference opens the result) and `truth` (what it has to equal: the original, opened by the reference).
 * @param {{ tiny: string, cases: string, out: string }} folders
 */
export function interopRows({ tiny, cases, out }) {
  const bases = basesIn(tiny, cases);
  return [
    ...bases.flatMap((base) => converted(base, out)),
    ...bases.flatMap((base, i) => trained(base, out, i === 0)),
    ...merged(bases, cases, out),
    ...readAdapters(tiny, cases),
    ...respelled(tiny, cases, out),
    ...trainedAdapters(bases, out),
    ...words(tiny, out),
    ...ownSamplers(tiny, cases),
  ];
}

/** Models as people have them; `truth` is how the reference opens them. */
function basesIn(tiny, cases) {
  const folder = (name, path, options = {}) => {
    const model = join(cases, path, 'model');
    return { name, model, config: model, truth: { folder: model, ...options } };
  };
  const single = (name, path, config, prediction) => {
    const model = join(cases, path);
    return { name, model, config, isFile: true, truth: { file: model, config, prediction } };
  };
  return [
    { name: 'fp32', model: tiny, config: tiny, truth: { folder: tiny } },
    folder('fp16', 'M47b-fp16-plain', { isHalf: true }),
    folder('fp16 variant', 'M47-fp16-variant', { variant: 'fp16' }),
    folder('bf16 variant in shards', 'M47c-bf16-variant-sharded', { variant: 'bf16' }),
    folder('fp32 in shards', 'M47e-sharded'),
    folder('DPM-Solver', 'M56-scheduler-dpmpp'),
    folder('v-prediction', 'M48-v-folder'),
    folder('bf16 variant in shards, DPM-Solver, v', 'M47d-bf16-variant-sharded-dpmpp-v', { variant: 'bf16' }),
    single(
      'SD 1.x file, v by .yaml',
      'M49-v-single-yaml/foreign-v.safetensors',
      join(cases, 'foreign-sd1', 'model'),
      'v_prediction',
    ),
    single(
      'SD 2.x file, noise by .yaml',
      'M49b-base-single/foreign-base.safetensors',
      join(cases, 'foreign-sd2', 'model'),
      'epsilon',
    ),
  ];
}

/** An exported model: a folder, or a file whose sizes the reference takes from the base. */
function openedModel(base, format, path) {
  return format === 'ldm' ? { file: path, config: base.config } : { folder: path };
}

function converted(base, out) {
  return ['diffusers', 'ldm'].map((format) => {
    const path = join(out, slug(`convert ${base.name} ${format}`)) + (format === 'ldm' ? '.safetensors' : '');
    return {
      name: `convert, ${base.name} → ${format}`,
      commands: [['convert', base.model, path, '--to', format, '--quiet']],
      ours: [path],
      open: openedModel(base, format, path),
      truth: base.truth,
    };
  });
}

function trained(base, out, all) {
  const some = [
    ['fp32', 'diffusers'],
    ['fp16', 'ldm'],
  ];
  const every = ['fp32', 'fp16', 'bf16'].flatMap((dtype) => [
    [dtype, 'diffusers'],
    [dtype, 'ldm'],
  ]);
  return (all ? every : some).map(([dtype, format]) => {
    const run = join(out, slug(`dreambooth ${base.name} ${dtype} ${format}`));
    const path = join(run, 'export', ...(format === 'ldm' ? ['model.safetensors'] : []));
    return {
      name: `run dreambooth, ${base.name} → ${dtype} ${format}`,
      commands: [
        [
          ...['run', 'dreambooth', '--pretrained-model', base.model, ...TRAINED, ...FAST],
          ...['--learning-rate', '1e-3', '--export-dtype', dtype, '--export-format', format],
          ...['--output-dir', run],
        ],
      ],
      ours: [path],
      open: openedModel(base, format, path),
    };
  });
}

function merged(bases, cases, out) {
  const lora = join(cases, 'C31-save_lora_weights', LORA_FILES.diffusers);
  const folders = bases.filter(({ isFile }) => isFile !== true);
  const rows = folders.map((base) => [base, 'diffusers', []]);
  const [fp32] = folders;
  rows.push([fp32, 'ldm', []], [fp32, 'ldm', ['--dtype', 'fp16']], [fp32, 'diffusers', ['--dtype', 'bf16']]);
  return rows.map(([base, format, flags]) => {
    const path =
      join(out, slug(`merge ${base.name} ${format} ${flags.join(' ')}`)) +
      (format === 'ldm' ? '.safetensors' : '');
    const isRounded = flags.length > 0 || base.truth.variant !== undefined || base.truth.isHalf === true;
    return {
      name: `merge, ${base.name} + LoRA → ${[format, ...flags.slice(1)].join(' ')}`,
      commands: [
        [
          ...['merge', base.model, '--lora', lora, '--output-dir', path, '--export-format', format],
          ...[...flags, '--quiet'],
        ],
      ],
      ours: [path],
      open: openedModel(base, format, path),
      // Where sums are rounded to 16 bits, the reference's own sum is another.
      ...(isRounded ? {} : { truth: { ...base.truth, loras: [lora] } }),
    };
  });
}

/** Files of other writers over a model: how strongly they count. */
const ADAPTERS = {
  'C30c-save_lora_adapter': LORA_FILES.diffusers,
  'C30c-save_lora_adapter-rslora': LORA_FILES.diffusers,
  'C30c-save_lora_adapter-patterns': LORA_FILES.diffusers,
  'C30c-save_lora_adapter-dora': LORA_FILES.diffusers,
  'C31-save_lora_weights': LORA_FILES.diffusers,
  'C31-save_lora_weights-rslora': LORA_FILES.diffusers,
  'C31-save_lora_weights-dora': LORA_FILES.diffusers,
  'C32-peft': '',
  'C32-peft-rslora': '',
  'C32-peft-dora': '',
  'C30-diffusers-to-kohya': 'pytorch_lora_weights_kohya.safetensors',
  'C36-dora-half-dotted': 'pytorch_lora_weights_kohya.safetensors',
  'C37-alpha-int64.safetensors': '',
  'C37-alpha-float64.safetensors': '',
  'C37-weights-float64.safetensors': '',
};

/** How the reference opens one of them. It cannot read its own converter's file of DoRA: that one's source stands in. */
function originalAdapter(cases, name) {
  if (/^C3[06]-/.test(name)) return { loras: [join(cases, `${name}-source`, LORA_FILES.diffusers)] };
  const isUnprefixed = name.startsWith('C30c');
  // diffusers knows kohya's alpha as a float only; the weights are the same.
  const known = name.replace(/C37-(alpha|weights)-\w+/, 'C37-alpha-float32');
  return { loras: [join(cases, known, ADAPTERS[name] ?? '')], ...(isUnprefixed ? { unprefixed: true } : {}) };
}

function readAdapters(tiny, cases) {
  return Object.entries(ADAPTERS).map(([name, file]) => {
    const truth = { folder: tiny, ...originalAdapter(cases, name) };
    return {
      name: `generate --lora ${name}`,
      commands: [],
      ours: [tiny, '--lora', join(cases, name, file)],
      open: truth,
    };
  });
}

function respelled(tiny, cases, out) {
  const names = [
    'C30c-save_lora_adapter',
    'C31-save_lora_weights-rslora',
    'C32-peft',
    'C36-dora-half-dotted',
  ];
  return names.flatMap((name) =>
    ['diffusers', 'peft', 'kohya'].map((format) => {
      const path = join(out, slug(`${name} ${format}`)) + (format === 'peft' ? '' : '.safetensors');
      const lora = join(cases, name, ADAPTERS[name]);
      return {
        name: `convert, ${name} → ${format}`,
        commands: [['convert', lora, path, '--to', format, '--pretrained-model', tiny, '--quiet']],
        ours: [tiny, '--lora', path],
        // diffusers reads no DoRA in kohya's spelling.
        open: format === 'kohya' && name.includes('dora') ? undefined : { folder: tiny, loras: [path] },
        truth: { folder: tiny, ...originalAdapter(cases, name) },
      };
    }),
  );
}

function trainedAdapters(bases, out) {
  const [fp32] = bases;
  const v = bases.find(({ name }) => name === 'v-prediction') ?? fp32;
  const rows = [
    ...Object.keys(LORA_FILES).map((format) => [fp32, format, ['--train-text-encoder']]),
    [fp32, 'diffusers', ['--rank', '2', '--lora-alpha', '8']],
    [fp32, 'diffusers', ['--dora']],
    [fp32, 'peft', ['--dora']],
    [fp32, 'diffusers', ['--export-dtype', 'fp16']],
    [v, 'diffusers', []],
  ];
  return rows.map(([base, format, flags]) => {
    const run = join(out, slug(`lora ${base.name} ${format} ${flags.join(' ')}`));
    const path = join(run, 'export', LORA_FILES[format]);
    return {
      name: `run lora ${flags.join(' ')}, ${base.name} → ${format}`.replace(' ,', ','),
      commands: [
        [
          ...[
            'run',
            'lora',
            '--pretrained-model',
            base.model,
            ...TRAINED,
            ...FAST,
            '--learning-rate',
            '0.05',
          ],
          ...[...flags, '--lora-format', format, '--output-dir', run],
        ],
      ],
      ours: [base.model, '--lora', path],
      open: { ...base.truth, loras: [path] },
    };
  });
}

function words(tiny, out) {
  const word = '<my-robot>';
  const run = (vectors) => join(out, `word-${vectors}`);
  const learned = (vectors) => join(run(vectors), 'export', 'learned_embeds.safetensors');
  const train = (vectors) => [
    ...[
      'run',
      'textual-inversion',
      '--pretrained-model',
      tiny,
      ...TRAINED,
      ...FAST,
      '--learning-rate',
      '0.5',
    ],
    ...['--placeholder-token', word, '--num-vectors', String(vectors), '--output-dir', run(vectors)],
  ];
  const drawn = { prompt: `a photo of ${word} on the beach` };
  return [1, 3].flatMap((vectors) => {
    const a1111 = join(out, `word-${vectors}.safetensors`);
    return [
      {
        name: `run textual-inversion, ${vectors} vectors`,
        commands: [train(vectors)],
        ours: [tiny, '--embedding', learned(vectors)],
        open: { folder: tiny, embedding: learned(vectors) },
        draw: drawn,
      },
      {
        name: `convert, ${vectors} vectors → kohya`,
        commands: [['convert', learned(vectors), a1111, '--to', 'kohya', '--quiet']],
        ours: [tiny, '--embedding', `${a1111}=${word}`],
        // A1111 takes the word from the file's name: the reference is told it.
        open: { folder: tiny, embedding: a1111, word },
        truth: { folder: tiny, embedding: learned(vectors) },
        draw: drawn,
      },
    ];
  });
}

/** Schedulers that a model was saved with and that we have too: without --sampler both draw by them. */
function ownSamplers(tiny, cases) {
  return ['dpmpp', 'euler', 'unipc', 'dpmpp-trailing-v'].map((name) => {
    const folder = join(cases, `M56-scheduler-${name}`, 'model');
    return {
      name: `generate, saved with ${name}`,
      commands: [],
      ours: [folder],
      open: { folder },
      draw: { sampler: 'own' },
    };
  });
}

function slug(text) {
  return text.replace(/[^\w.]+/g, '-').replace(/-+$/, '');
}
