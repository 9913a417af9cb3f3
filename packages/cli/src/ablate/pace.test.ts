import { describe, expect, it } from 'vitest';
import { threadsOfCell, workersFor } from './pace.ts';

/** A model of so many numbers. */
const model = (parameters: number): Parameters<typeof threadsOfCell>[0] => {
  const component = (size: number) => ({ tensors: new Map([['weight', { shape: [size] }]]) });
  return {
    noisePredictor: component(parameters),
    latentCodec: component(0),
    textEncoder: component(0),
  } as unknown as Parameters<typeof threadsOfCell>[0];
};
const DOODLE = model(22.6e6);
const SD15 = model(1.07e9);
const machine = (cores: number, gigabytes: number, hasGpu = false): Parameters<typeof workersFor>[1] => ({
  cores,
  memoryBytes: gigabytes * 1e9,
  hasGpu,
});

describe('pace', () => {
  it('small models: a thread a cell, a cell a core', () => {
    expect(threadsOfCell(DOODLE, machine(2, 24))).toBe(1);
    expect(threadsOfCell(DOODLE, machine(16, 64))).toBe(1);
    // Memory for five of them: three threads each.
    expect(threadsOfCell(DOODLE, machine(16, 14))).toBe(3);
  });

  it('a model that fills the memory has all cores', () => {
    expect(threadsOfCell(SD15, machine(2, 24))).toBe(2);
    expect(threadsOfCell(SD15, machine(16, 64))).toBe(8);
  });

  it('a GPU works off one cell at a time', () => {
    expect(threadsOfCell(DOODLE, machine(16, 64, true))).toBe(16);
    expect(workersFor([{ config: { threads: 1 } }, { config: { threads: 1 } }], machine(16, 64, true))).toBe(
      1,
    );
  });

  it('as many workers as threads leave room for, and no more than cells', () => {
    const cells = (threads: number, count: number): { config: { threads: number } }[] =>
      Array.from({ length: count }, () => ({ config: { threads } }));
    expect(workersFor(cells(1, 9), machine(4, 64))).toBe(4);
    expect(workersFor(cells(2, 9), machine(5, 64))).toBe(2);
    expect(workersFor(cells(1, 3), machine(8, 64))).toBe(3);
    expect(workersFor(cells(8, 3), machine(4, 64))).toBe(1);
  });
});
