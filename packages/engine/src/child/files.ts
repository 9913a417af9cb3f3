// Weights between files and variables, one tensor at a time: no second copy of a model in memory.
import type { TypedData } from '../graph/graph.ts';
import { hwioToOihw, oihwToHwio, readTensor } from '../safetensors/index.ts';
import type { FileLayout, LoadFromFile, VariableDeclaration } from './protocol.ts';

/** The tensor of a file as its variable holds it. */
export async function readForVariable({ entry, layout }: LoadFromFile): Promise<Float32Array> {
  const data = await readTensor(entry);
  return layout === 'oihw' ? oihwToHwio(data, entry.shape) : data;
}

/** Shape a variable's tensor has in a file. */
export function fileShape(shape: readonly number[], layout: FileLayout): number[] {
  if (layout === 'oihw') return [3, 2, 0, 1].map((axis) => shape[axis] ?? 1);
  return layout === 'oihw1x1' ? [...shape, 1, 1] : [...shape];
}

/** A variable's value in the layout of the file; the writer rounds it to the file's type. */
export function valueForFile(
  value: TypedData,
  variable: VariableDeclaration,
  layout: FileLayout,
): Float32Array {
  const floats = value instanceof Float32Array ? value : Float32Array.from(value);
  return layout === 'oihw' ? hwioToOihw(floats, variable.shape) : floats;
}
