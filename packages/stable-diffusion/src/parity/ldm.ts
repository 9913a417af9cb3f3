// The single-file checkpoint of a fixtures folder against its diffusers folder, read and written. Both hold the same weights, so
// after rounding to the file's dtype every value must be equal: tolerance zero.

import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  bfloat16ToFloat32,
  float16ToFloat32,
  float32ToBfloat16,
  float32ToFloat16,
  readSafetensorsHeader,
  readTensor,
  type TensorEntry,
} from '@likeness/engine';
import { z } from 'zod';
import {
  componentsOf,
  detectTextLayout,
  ldmKeyMap,
  openDiffusersFolder,
  openLdmFile,
  writeLdmFile,
  type ComponentFiles,
  type ModelFiles,
  type TextLayout,
} from '../weights/index.ts';
import { compareArrays, notCovered, type Comparison } from './comparison.ts';
import { findModelFolder, isFile } from './modelFolder.ts';

const EXACT = { atol: 0, rtol: 0 };
const description = z.looseObject({ key_map: z.record(z.string(), z.string()) });

/** Compares `ldm-checkpoint/` with the model of the folder: key map, reading, writing. Yields a line per component and per excess. */
export async function* checkLdmFile(folder: string): AsyncIterable<Comparison> {
  const place = join(folder, 'ldm-checkpoint');
  const names = await readdir(place).catch(() => []);
  const file = names.find((name) => name.endsWith('.safetensors'));
  if (file === undefined) {
    yield notCovered('ldm', 'the folder has no ldm-checkpoint');
    return;
  }
  const modelFolder = await findModelFolder(folder);
  const model = await openDiffusersFolder(modelFolder);
  const reference = join(place, file);
  const ldm = await openLdmFile(reference, { configFolder: modelFolder });
  const { tensors } = await readSafetensorsHeader(reference);
  const textLayout = detectTextLayout(tensors, reference);

  const json = join(place, 'ldm-checkpoint.json');
  if (await isFile(json)) yield await checkKeyMap(model, textLayout, json);
  for (const [i, component] of componentsOf(ldm).entries()) {
    yield* compareComponent('ldm/read', component, componentsOf(model)[i]);
  }
  yield* checkWriting(model, textLayout, tensors);
}

async function checkKeyMap(model: ModelFiles, textLayout: TextLayout, path: string): Promise<Comparison> {
  const { key_map: want } = description.parse(JSON.parse(await readFile(path, 'utf8')));
  const map = ldmKeyMap({ unet: model.components.unet.config, vae: model.components.vae.config, textLayout });
  const wrong: string[] = [];
  for (const { name: component, tensors } of componentsOf(model)) {
    for (const key of tensors.keys()) {
      const to = map.toLdm({ component, key });
      const wanted = to === undefined ? undefined : want[to.name];
      // several keys share a stacked tensor, for which the reference names no single source
      const agrees = wanted === `${component}.${key}` || (wanted !== undefined && /OpenCLIP/.test(wanted));
      const back = to === undefined ? undefined : map.fromLdm(to.name)?.[to.part];
      if (!agrees || back?.key !== key || back.component !== component)
        wrong.push(`${component}.${key} -> ${to?.name ?? 'nothing'}`);
    }
  }
  const covered = new Set(
    componentsOf(model).flatMap(({ name: component, tensors }) =>
      [...tensors.keys()].map((key) => map.toLdm({ component, key })?.name),
    ),
  );
  wrong.push(
    ...Object.keys(want)
      .filter((name) => !covered.has(name))
      .map((name) => `nothing -> ${name}`),
  );
  return verdict(`ldm/key map of ${Object.keys(want).length} tensors`, wrong);
}

async function* checkWriting(
  model: ModelFiles,
  textLayout: TextLayout,
  want: ReadonlyMap<string, TensorEntry>,
): AsyncIterable<Comparison> {
  const folder = await mkdtemp(join(tmpdir(), 'likeness-parity-'));
  try {
    const path = join(folder, 'model.safetensors');
    const dtype = [...want.values()][0]?.dtype;
    await writeLdmFile(path, model.components, {
      dtype: dtype === 'BF16' || dtype === 'F32' ? dtype : 'F16',
      textLayout,
    });
    const { tensors: got } = await readSafetensorsHeader(path);
    yield* compareTensors('ldm/write', got, want);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function* compareComponent(
  prefix: string,
  got: ComponentFiles,
  want?: ComponentFiles,
): AsyncIterable<Comparison> {
  yield* compareTensors(`${prefix}/${got.name}`, got.tensors, want?.tensors ?? new Map());
}

/** One line for all tensors that agree, and one for each that does not. */
async function* compareTensors(
  name: string,
  got: ReadonlyMap<string, TensorEntry>,
  want: ReadonlyMap<string, TensorEntry>,
): AsyncIterable<Comparison> {
  const strays = [...got.keys()]
    .filter((key) => !want.has(key))
    .map((key) => `${key} is not in the reference`);
  let agreeing = 0;
  for (const [key, expected] of want) {
    const actual = got.get(key);
    if (actual === undefined) {
      strays.push(`${key} is missing`);
      continue;
    }
    if (actual.shape.join() !== expected.shape.join()) {
      strays.push(`${key} is [${actual.shape.join(', ')}], not [${expected.shape.join(', ')}]`);
      continue;
    }
    const values = roundTo(actual.dtype, await readTensor(expected));
    const comparison = compareArrays(`${name}/${key}`, await readTensor(actual), values, EXACT);
    if (comparison.ok) agreeing++;
    else yield comparison;
  }
  yield verdict(`${name}: ${agreeing} tensors`, strays);
}

function roundTo(dtype: string, values: Float32Array): Float32Array {
  if (dtype === 'F16') return float16ToFloat32(float32ToFloat16(values));
  return dtype === 'BF16' ? bfloat16ToFloat32(float32ToBfloat16(values)) : values;
}

function verdict(name: string, problems: readonly string[]): Comparison {
  const ok = problems.length === 0;
  const result = { name, maxAbs: ok ? 0 : NaN, maxRel: ok ? 0 : NaN, tolerance: 'exact', ok };
  return ok ? result : { ...result, note: `${problems.length} wrong: ${problems.slice(0, 5).join('; ')}` };
}
