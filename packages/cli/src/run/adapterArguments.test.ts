// `FILE[:weight]`: where the path ends and the weight begins.
import { expect, it } from 'vitest';
import { parseAdapterArgument } from './adapterArguments.ts';

it.each([
  ['robot.safetensors', 'robot.safetensors', 1],
  ['robot.safetensors:0.8', 'robot.safetensors', 0.8],
  ['robot.safetensors:-1', 'robot.safetensors', -1],
  ['robot.safetensors:0', 'robot.safetensors', 0],
  ['robot.safetensors:.5', 'robot.safetensors', 0.5],
  ['robot.safetensors:1e-3', 'robot.safetensors', 0.001],
  ['loras/peft-folder:2', 'loras/peft-folder', 2],
  ['C:\\loras\\robot.safetensors', 'C:\\loras\\robot.safetensors', 1],
  ['C:\\loras\\robot.safetensors:0.5', 'C:\\loras\\robot.safetensors', 0.5],
  ['a:b.safetensors', 'a:b.safetensors', 1],
  ['12:30.safetensors:0.7', '12:30.safetensors', 0.7],
])('%s', (text, path, weight) => {
  expect(parseAdapterArgument(text)).toEqual({ path, weight });
});

it.each([
  '',
  ':0.5',
  'robot.safetensors:',
  'robot.safetensors:heavy',
  'robot.safetensors:0,8',
  'robot.safetensors:1e999',
])('refuses “%s”', (text) => {
  expect(() => parseAdapterArgument(text)).toThrow(/FILE:weight/);
});
