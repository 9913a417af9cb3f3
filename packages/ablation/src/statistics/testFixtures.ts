// Test helper: the reference libraries' numbers, and comparing with them.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readSafetensorsHeader, readTensorRaw } from '@likeness/core';
import { expect } from 'vitest';

const FOLDER = join(import.meta.dirname, '../../../../fixtures/statistics');

/** A number as the files write it: JSON has no NaN and no infinities. */
export type Written = number | 'nan' | 'inf' | '-inf';

export function readFixture<T>(name: string): T {
  return JSON.parse(readFileSync(join(FOLDER, `${name}.json`), 'utf8')) as T;
}

interface DataSet {
  readonly a: number[];
  readonly b: number[];
  readonly subject?: number[];
}

export function readDataSets(): Readonly<Record<string, DataSet>> {
  return readFixture<{ datasets: Record<string, DataSet> }>('datasets').datasets;
}

const ARRAYS: Readonly<
  Record<string, Int8ArrayConstructor | Int32ArrayConstructor | Float64ArrayConstructor>
> = { I8: Int8Array, I32: Int32Array, F64: Float64Array };

/** Rows of a two-dimensional tensor, or the numbers of a flat one as rows of one. */
export async function readRows(name: string): Promise<{ rows: number[][]; shape: readonly number[] }> {
  const { tensors } = await readSafetensorsHeader(join(FOLDER, 'resamples.safetensors'));
  const entry = tensors.get(name);
  if (entry === undefined) throw new Error(`no ${name}`);
  const { buffer } = await readTensorRaw(entry);
  const numbers = ARRAYS[entry.dtype];
  if (numbers === undefined) throw new Error(`${name}: ${entry.dtype}`);
  const flat = Array.from(new numbers(buffer as ArrayBuffer));
  const width = flat.length / (entry.shape[0] ?? 1);
  return {
    rows: Array.from({ length: entry.shape[0] ?? 0 }, (_, row) => flat.slice(row * width, (row + 1) * width)),
    shape: entry.shape,
  };
}

export function numberOf(written: Written): number {
  return typeof written === 'number'
    ? written
    : { nan: Number.NaN, inf: Number.POSITIVE_INFINITY, '-inf': Number.NEGATIVE_INFINITY }[written];
}

/**
 * Fails unless `|actual - expected| <= atol + rtol * |expected|`; NaN and infinities must be the same.
 * The files' own tolerance: 1e-9 and 1e-12; rtol 1e-7 where a reference goes through tails of F, t and noncentral t.
 */
export function expectClose(
  actual: number | undefined,
  expected: Written | undefined,
  what: string,
  { rtol = 1e-9, atol = 1e-12 } = {},
): void {
  if (expected === undefined) throw new Error(`the fixtures say nothing of ${what}`);
  const wanted = numberOf(expected);
  if (!Number.isFinite(wanted)) {
    expect(actual, what).toBe(wanted);
    return;
  }
  const off = Math.abs((actual ?? Number.NaN) - wanted);
  expect(off <= atol + rtol * Math.abs(wanted), `${what}: ${actual}, expected ${wanted}`).toBe(true);
}

export function expectAllClose(
  actual: readonly number[],
  expected: readonly Written[],
  what: string,
  tolerance?: { rtol?: number; atol?: number },
): void {
  expect(actual.length, `${what}: how many`).toBe(expected.length);
  expected.forEach((value, index) => expectClose(actual[index], value, `${what}[${index}]`, tolerance));
}
