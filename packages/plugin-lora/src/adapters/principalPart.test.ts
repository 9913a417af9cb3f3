// The principal part against full decompositions, on the shapes of layers.
import { createRng } from '@likeness/core';
import { Matrix, SVD } from 'ml-matrix';
import { expect, it } from 'vitest';
import { principalPart } from './principalPart.ts';

const stream = createRng(1).stream('start', 0, 0);
const draw = (count: number): Float32Array => stream.normal(count);
const product = (up: Float32Array, down: Float32Array, rows: number, rank: number): Matrix =>
  Matrix.from1DArray(rows, rank, up).mmul(Matrix.from1DArray(rank, down.length / rank, down));

function truncated(weight: Float32Array, rows: number, rank: number): Matrix {
  const svd = new SVD(Matrix.from1DArray(rows, weight.length / rows, weight), { autoTranspose: true });
  const values = Matrix.diag(svd.diagonal.slice(0, rank));
  const columns = Array.from({ length: rank }, (_, i) => i);
  const vectors = (matrix: Matrix): Matrix => matrix.subMatrixColumn(columns);
  return vectors(svd.leftSingularVectors).mmul(values).mmul(vectors(svd.rightSingularVectors).transpose());
}

it.each([
  [96, 96, 4, 1],
  [160, 40, 8, 0.5],
  [24, 216, 3, 2],
  [5, 7, 5, 1],
  [7, 5, 5, 1],
])('of [%i, %i] at rank %i, scale %d, is the best approximation', (rows, columns, rank, scale) => {
  const weight = createRng(0)
    .stream('weight', rows, columns)
    .normal(rows * columns);
  const { down, up } = principalPart(weight, rows, rank, scale, draw);
  const difference = Matrix.sub(product(up, down, rows, rank).mul(scale), truncated(weight, rows, rank));
  expect(Math.max(difference.max(), -difference.min())).toBeLessThan(2e-6);
  // The roots are shared: both carry the same lengths.
  const length = (values: Float32Array): number => values.reduce((sum, value) => sum + value * value, 0);
  expect(length(down)).toBeCloseTo(length(up), 3);
});

it('finds equal singular values, and no more than there are', () => {
  const identity = Float32Array.from({ length: 64 }, (_, i) => (i % 9 === 0 ? 3 : 0));
  const { down, up } = principalPart(identity, 8, 8, 1, draw);
  const whole = product(up, down, 8, 8);
  expect(Math.max(...whole.to1DArray().map((value, i) => Math.abs(value - identity[i]!)))).toBeLessThan(1e-6);
  const single = Float32Array.from({ length: 40 * 30 }, (_, i) => (1 + Math.floor(i / 30)) * ((i % 30) - 7));
  const one = principalPart(single, 40, 3, 1, draw);
  const again = product(one.up, one.down, 40, 3).to1DArray();
  expect(Math.max(...again.map((value, i) => Math.abs(value - single[i]!)))).toBeLessThan(1e-3);
  expect([...principalPart(new Float32Array(12), 3, 2, 1, draw).up].map(Math.abs)).toEqual([
    0, 0, 0, 0, 0, 0,
  ]);
});
