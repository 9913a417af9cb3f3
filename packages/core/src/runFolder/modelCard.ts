// The README.md of a run: what was learned from what, how it looks, how to load it. Holds no time and no absolute path.
import { stringify } from 'yaml';
import type { SubjectPrompts } from '../contracts.ts';
import { portableConfig } from '../config/portableConfig.ts';
import type { ResolvedConfig } from '../config/resolveConfig.ts';

export interface ModelCardFacts {
  readonly config: ResolvedConfig;
  /** What the user named as the model. */
  readonly baseModel: string;
  /** Sample pictures, relative to the run folder. */
  readonly samples: readonly { readonly path: string; readonly prompt: string }[];
  /** Sheet of all samples beside the instance pictures, relative to the run folder. */
  readonly sheet?: string;
  /** Exported files or folder, relative to the run folder. */
  readonly exported: string;
  /** Lines of Python that put the export onto diffusers' pipeline `pipe`; none where it is a pipeline itself. */
  readonly loadInDiffusers?: readonly string[];
  /** Class pictures took part in training. */
  readonly withPrior: boolean;
  /** Sentences about the exported files. */
  readonly notes?: readonly string[];
  /** Last step and its loss. */
  readonly last?: { readonly step: number; readonly loss: number };
}

/** Markdown with the front matter that model hubs read. */
export function modelCard({
  config,
  baseModel,
  samples,
  sheet,
  exported,
  loadInDiffusers = [],
  withPrior,
  notes = [],
  last,
}: ModelCardFacts): string {
  const { prompts, recipe } = config;
  const frontMatter = stringify({
    base_model: nameOf(baseModel),
    library_name: 'diffusers',
    pipeline_tag: 'text-to-image',
    instance_prompt: prompts.instancePrompt,
    tags: ['text-to-image', 'diffusers', 'likeness', ...recipe.split('+')],
    ...(samples.length === 0
      ? {}
      : { widget: samples.map(({ path, prompt }) => ({ text: prompt, output: { url: path } })) }),
  });
  const title = prompts.classNoun === undefined ? 'A subject' : `A ${prompts.classNoun}`;
  const lines = [
    `---\n${frontMatter}---`,
    `# ${title}, taught to ${nameOf(baseModel)}`,
    `Made with Likeness, recipe \`${recipe}\`${last ? `, ${last.step} steps, last loss ${last.loss.toPrecision(4)}` : ''}.`,
    sheet === undefined ? '' : `![Samples beside the instance pictures](${encodeURI(sheet)})`,
    '## Prompts',
    promptLines(config.prompts, withPrior),
    '## Use',
    usage(config, baseModel, exported, loadInDiffusers),
    ...notes,
    samples.length === 0
      ? ''
      : `## Samples\n\n${samples.map(({ path, prompt }) => `![${prompt}](${encodeURI(path)})`).join('\n')}`,
    '## Settings',
    `\`\`\`json\n${JSON.stringify(portableConfig(config), undefined, 2)}\n\`\`\``,
    '## Licence',
    'The weights derive from the base model: its licence and terms of use apply. Rights in the instance pictures stay with their owners; ' +
      'ask before teaching a model somebody’s likeness.',
  ];
  return `${lines.filter((line) => line !== '').join('\n\n')}\n`;
}

function promptLines(prompts: SubjectPrompts, withPrior: boolean): string {
  const lines = [`- the subject: \`${prompts.instancePrompt}\``];
  if (prompts.classPrompt !== undefined) {
    const kept = withPrior ? ', kept as the base model knows it' : '';
    lines.push(`- its class: \`${prompts.classPrompt}\`${kept}`);
  }
  return lines.join('\n');
}

function usage(
  config: ResolvedConfig,
  baseModel: string,
  exported: string,
  loadInDiffusers: readonly string[],
): string {
  const { prompts, numInferenceSteps, guidanceScale, exportFormat } = config;
  const pipeline =
    loadInDiffusers.length > 0
      ? { from: 'pretrained', path: nameOf(baseModel) }
      : exportFormat === 'ldm'
        ? { from: 'single_file', path: exported }
        : { from: 'pretrained', path: exported };
  return [
    '```sh',
    `npx pipeline generate . --prompt "${prompts.instancePrompt}"`,
    '```',
    '```python',
    'from diffusers import StableDiffusionPipeline',
    `pipe = StableDiffusionPipeline.from_${pipeline.from}("${pipeline.path}")`,
    ...loadInDiffusers,
    `pipe("${prompts.instancePrompt}", num_inference_steps=${numInferenceSteps}, guidance_scale=${guidanceScale}).images[0]`,
    '```',
  ].join('\n');
}

function nameOf(model: string): string {
  const isHubId = /^[\w.-]+\/[\w.-]+$/.test(model);
  return isHubId ? model : (model.split(/[\\/]/).filter(Boolean).at(-1) ?? model);
}
