// Which files of a Hub repository a model needs: configs, tokenizer, safetensors. Not pickles, ONNX or other frameworks' copies.

import { WeightsError } from '@likeness/engine';
import type { ComponentName } from './modelFiles.ts';
import { chooseWeightFiles, pickleFiles } from './weightFiles.ts';

const TOKENIZER_FILES = [
  'vocab.json',
  'merges.txt',
  'tokenizer.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'added_tokens.json',
];
const COMPONENTS: readonly ComponentName[] = ['unet', 'vae', 'text_encoder'];

/**
 * @param paths all files of the repository, with `/`
 * @throws WeightsError naming every part the repository lacks
 */
export function chooseHubFiles(repository: string, paths: readonly string[], variant?: string): string[] {
  if (!paths.includes('model_index.json')) throw notDiffusers(repository, paths);
  const chosen = ['model_index.json', 'scheduler/scheduler_config.json'];
  chosen.push(...TOKENIZER_FILES.map((name) => `tokenizer/${name}`).filter((path) => paths.includes(path)));
  const problems: string[] = [];
  for (const component of COMPONENTS) {
    const names = paths
      .filter((path) => path.startsWith(`${component}/`))
      .map((path) => path.slice(component.length + 1))
      .filter((name) => !name.includes('/'));
    const choice = chooseWeightFiles(component, names, variant);
    if (choice === undefined) {
      const pickles = pickleFiles(names);
      const found = pickles.length > 0 ? `only pickles, which can run code: ${pickles.join(', ')}` : 'none';
      problems.push(`${component}: no safetensors (${found})`);
      continue;
    }
    const files = ['config.json', ...(choice.index === undefined ? [] : [choice.index]), ...choice.files];
    chosen.push(...files.map((name) => `${component}/${name}`));
  }
  problems.push(...chosen.filter((path) => !paths.includes(path)).map((path) => `${path} is missing`));
  if (!chosen.some((path) => path.startsWith('tokenizer/'))) problems.push('tokenizer: no files');
  if (problems.length === 0) return chosen;
  throw new WeightsError('the repository holds no usable model', {
    code: 'hub/no-model',
    where: repository,
    details: problems,
    hint: 'Choose a Stable Diffusion 1.x or 2.x repository with safetensors, or another revision.',
  });
}

function notDiffusers(repository: string, paths: readonly string[]): WeightsError {
  const single = paths.filter((path) => path.endsWith('.safetensors'));
  return new WeightsError('the repository is not a diffusers model', {
    code: 'hub/no-model',
    where: repository,
    expected: 'a model_index.json',
    got: paths.length === 0 ? 'an empty repository' : `${paths.length} files without one`,
    hint:
      single.length > 0
        ? `Download one of its single files (${single.slice(0, 5).join(', ')}) and give the path of that.`
        : 'Choose a repository in the diffusers layout.',
  });
}
