// The README.md of a pretraining run: data, steps, measures, settings. Holds no time and no absolute path.
import { portableSettings } from './identity.ts';
import { ENCODERS, type NetworkName, type PretrainConfig } from './config.ts';

export interface ModelCardFacts {
  readonly network: NetworkName;
  readonly config: PretrainConfig;
  /** What the run began with. */
  readonly baseModel: string;
  readonly step: number;
  readonly measures: Readonly<Record<string, number>>;
  readonly data: { readonly pictures: number; readonly hash: string };
  /** Relative to the run folder. */
  readonly sheet?: string;
}

const NAMES = {
  vae: 'Autoencoder',
  'text-encoder': 'Text encoder',
  unet: 'Noise predictor',
  'image-encoder': 'Encoder of individuals',
  'image-text': 'Encoder of pictures and captions',
  classifier: 'Classifier',
} as const satisfies Record<NetworkName, string>;

const HEADERS = {
  model:
    '---\nlibrary_name: diffusers\npipeline_tag: text-to-image\ntags:\n  - text-to-image\n  - diffusers\n  - likeness\n---',
  encoder: '---\nlibrary_name: transformers\ntags:\n  - likeness\n---',
} as const;

export function modelCard({ network, config, step, measures, data, sheet }: ModelCardFacts): string {
  const isEncoder = (ENCODERS as readonly string[]).includes(network);
  const rows = Object.entries(measures).map(([name, value]) => `| ${name} | ${value.toPrecision(4)} |`);
  const lines = [
    HEADERS[isEncoder ? 'encoder' : 'model'],
    `# ${NAMES[network]}, pretrained`,
    `${step} steps on ${data.pictures} captioned pictures (sha256 \`${data.hash.slice(0, 16)}\`), with Likeness.`,
    sheet === undefined ? '' : `![As it stands at the last step](${encodeURI(sheet)})`,
    rows.length === 0 ? '' : `| on held-out pictures | |\n|---|---|\n${rows.join('\n')}`,
    '## Use',
    isEncoder ? encoderUsage(network) : usage(config),
    '## Settings',
    `\`\`\`json\n${JSON.stringify(portableSettings(config, network), undefined, 2)}\n\`\`\``,
  ];
  return `${lines.filter((line) => line !== '').join('\n\n')}\n`;
}

function usage({ exportFormat, numInferenceSteps, guidanceScale }: PretrainConfig): string {
  const load =
    exportFormat === 'ldm'
      ? 'StableDiffusionPipeline.from_single_file("export/model.safetensors")'
      : 'StableDiffusionPipeline.from_pretrained("export")';
  return [
    '```python',
    'from diffusers import StableDiffusionPipeline',
    `pipe = ${load}`,
    `pipe("a dog", num_inference_steps=${numInferenceSteps}, guidance_scale=${guidanceScale}).images[0]`,
    '```',
  ].join('\n');
}

const CLASSES: Readonly<Partial<Record<NetworkName, string>>> = {
  'image-encoder': 'ViTModel',
  'image-text': 'CLIPModel',
  classifier: 'ViTForImageClassification',
};

function encoderUsage(network: NetworkName): string {
  const name = CLASSES[network] ?? 'AutoModel';
  return `\`\`\`python\nfrom transformers import ${name}\nencoder = ${name}.from_pretrained("export")\n\`\`\``;
}
