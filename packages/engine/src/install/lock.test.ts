import { describe, expect, it } from 'vitest';
import lock from '../../tensorflow.lock.json' with { type: 'json' };
import { EngineError } from '../errors.ts';
import { chooseWheels, wheelTags } from './lock.ts';

describe('chooseWheels', () => {
  it('takes the small CPU wheel on x64 Linux', () => {
    const { id, wheels } = chooseWheels('cpu', 'linux', 'x64');
    expect(id).toBe('linux-x64-cpu');
    expect(wheels.map(({ name }) => name)).toEqual(['tensorflow-cpu']);
  });

  it('takes the CUDA build together with all of NVIDIA’s libraries it requires', () => {
    const [first, ...others] = chooseWheels('cuda', 'linux', 'x64').wheels;
    expect(first.name).toBe('tensorflow');
    expect(others).toHaveLength(12); // Requires-Dist of tensorflow[and-cuda] 2.21.0
    expect(others.every(({ name }) => name.startsWith('nvidia-'))).toBe(true);
  });

  it.each([
    ['linux', 'arm64'],
    ['darwin', 'arm64'],
  ] as const)('has a wheel for %s %s', (platform, arch) => {
    expect(chooseWheels('cpu', platform, arch).wheels).toHaveLength(1);
  });

  it('refuses a machine without a wheel and lists those with one', () => {
    expect(() => chooseWheels('cpu', 'win32', 'x64')).toThrow(EngineError);
    expect(() => chooseWheels('cuda', 'darwin', 'arm64')).toThrow(
      /darwin-arm64-cuda[\s\S]*linux-x64-cuda[\s\S]*'cpu'/,
    );
  });
});

describe('the lock', () => {
  const wheels = Object.values(lock.targets).flat();

  it.each(wheels)('pins $filename', (wheel) => {
    expect(wheel.sha256).toMatch(/^[0-9a-f]{64}$/);
    expect(wheel.filename.startsWith(`${wheel.name.replaceAll('-', '_')}-${wheel.version}-`)).toBe(true);
    expect(wheelTags(wheel).platform).toMatch(/^(manylinux|macosx)/);
  });
});

describe('wheelTags', () => {
  it('reads the tags of a wheel for one Python and of one for any', () => {
    const wheel = { name: 'n', version: '1', sha256: '' };
    expect(wheelTags({ ...wheel, filename: 'n-1-cp311-cp311-manylinux_2_27_x86_64.whl' })).toEqual({
      pythonVersion: '3.11',
      abi: 'cp311',
      platform: 'manylinux_2_27_x86_64',
    });
    expect(
      wheelTags({ ...wheel, filename: 'n-1-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl' }),
    ).toEqual({
      pythonVersion: '3.11',
      abi: 'none',
      platform: 'manylinux2014_x86_64',
    });
  });
});
