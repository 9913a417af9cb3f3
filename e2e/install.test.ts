import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { commandIn, installed, type PackageManager } from './support/installed.ts';

const MANAGERS: readonly PackageManager[] = ['npm', 'pnpm'];

describe.each(MANAGERS)('the packed packages, installed by %s in an empty folder', (manager) => {
  const pipeline = (...args: string[]): ReturnType<typeof spawnSync> =>
    spawnSync(process.execPath, [commandIn(installed(manager)), ...args], {
      cwd: installed(manager),
      encoding: 'utf8',
    });

  it('have a working command', () => {
    const { status, stdout } = pipeline('--help');
    expect(status).toBe(0);
    expect(stdout).toContain('Teaches a text-to-image diffusion model one subject');
    expect(pipeline('--version').stdout).toBe('0.1.0\n');
  });

  it('find TensorFlow, and nothing wrong with this machine', () => {
    const { status, stdout } = pipeline('doctor', '--json');
    const checks = JSON.parse(String(stdout)) as { name: string; state: string }[];
    expect(checks.filter(({ state }) => state === 'wrong')).toEqual([]);
    expect(checks.map(({ name }) => name)).toContain('compile mode');
    expect(status).toBe(0);
  });
});
