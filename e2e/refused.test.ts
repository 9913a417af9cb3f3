// What cannot work is refused with where, what and a hint, and leaves nothing half-done.
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { installed } from './support/installed.ts';
import { pipeline, TINY } from './support/pipeline.ts';

const cwd = mkdtempSync(join(tmpdir(), 'likeness-refused-'));
afterAll(() => {
  rmSync(cwd, { recursive: true, force: true });
});
const robot = (): string =>
  join(installed('npm'), 'node_modules', '@likeness', 'doodle', 'subjects', 'robot');
const tiny = ['--max-train-steps', '2', '--no-samples', ...TINY];

describe('pipeline run', () => {
  it('names an unknown flag, the nearest known one, and exits with 2', async () => {
    const { code, stderr, stdout } = await pipeline(['run', '--max-train-stepz', '3'], { cwd });
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain("unknown option '--max-train-stepz'\n(Did you mean --max-train-steps?)");
  });

  it('names the plugin a flag belongs to', async () => {
    const { code, stderr } = await pipeline(['run', 'dreambooth', '--num-class-images', '3'], { cwd });
    expect(code).toBe(2);
    expect(stderr).toContain('--num-class-images is an option of ppl: pipeline run dreambooth+ppl');
  });

  it('tells all wrong settings at once', async () => {
    const { code, stderr } = await pipeline(['run', '--seed', '1.5', '--learning-rate', 'fast'], { cwd });
    expect(code).toBe(2);
    expect(stderr).toContain('--learning-rate: expected a number, got "fast"');
    expect(stderr).toContain('--seed: expected a whole number, got "1.5"');
  });

  it('tells every picture that cannot be used, in one error', async () => {
    const photos = join(cwd, 'photos');
    cpSync(robot(), photos, { recursive: true });
    writeFileSync(join(photos, '02.png'), 'not a picture');
    writeFileSync(join(photos, '03.png'), '');
    cpSync(join(photos, '04.png'), join(photos, '04-again.png'));
    const args = ['run', 'dreambooth', '--instance-data-dir', photos, '--class-noun', 'robot', ...tiny];
    const { code, stderr } = await pipeline(args, { cwd });
    expect(code).toBe(1);
    for (const name of ['02.png', '03.png', '04.png']) expect(stderr).toContain(name);
    expect(stderr).toContain('hint:');
    expect(stderr).not.toContain('    at ');
    expect(existsSync(join(cwd, 'runs'))).toBe(false);
  });

  // Whoever may write everywhere writes into a read-only folder, too: as root the command runs as nobody.
  const uid = process.getuid?.() === 0 ? 65_534 : undefined;

  it('says what to do when it may not write', async () => {
    const folder = join(cwd, 'read-only');
    mkdirSync(folder);
    chmodSync(cwd, 0o755);
    chmodSync(folder, 0o555);
    const args = ['run', 'dreambooth', '--output-dir', join(folder, 'run'), ...tiny];
    const { code, stderr } = await pipeline(args, { cwd, ...(uid === undefined ? {} : { uid }) });
    expect(code).toBe(1);
    expect(stderr).toContain(join(folder, 'run'));
    expect(stderr).toContain('hint:');
    expect(stderr).toContain('code: file/no-permission');
    expect(readdirSync(folder)).toEqual([]);
  });
});

/** A file system of its own with a size; undefined where this user may not mount one. */
function smallDisk(name: string, megabytes: number): string | undefined {
  const folder = join(cwd, name);
  mkdirSync(folder);
  const options = ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', folder];
  return spawnSync('mount', options).status === 0 ? folder : undefined;
}

describe('a full disk', () => {
  const disk = smallDisk('small-disk', 120);
  afterAll(() => {
    if (disk !== undefined) spawnSync('umount', [disk]);
  });

  it('ends the run with a hint and without a torn checkpoint; with room it goes on', async ({ skip }) => {
    skip(disk === undefined, 'this user may not mount a small file system');
    const folder = join(disk ?? '', 'run');
    const full = await pipeline(['run', 'dreambooth', '--output-dir', folder, ...tiny], { cwd });
    expect(full.code).toBe(1);
    expect(full.stderr).toMatch(/ENOSPC|no space left/i);
    expect(full.stderr).not.toContain('this is a bug');
    const checkpoints = join(folder, 'checkpoints');
    expect(
      existsSync(checkpoints) ? readdirSync(checkpoints).filter((name) => name.startsWith('step-')) : [],
    ).toEqual([]);
    spawnSync('mount', ['-o', 'remount,size=600m', disk ?? '']);
    const resumed = await pipeline(['resume', folder], { cwd });
    expect(resumed).toMatchObject({ code: 0 });
  });
});
