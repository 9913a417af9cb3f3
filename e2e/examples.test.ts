// examples/subscribe.ts runs as it stands, in a folder where the packed packages are installed.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { installed } from './support/installed.ts';

it('examples/subscribe.ts subscribes to a run from code', () => {
  const folder = mkdtempSync(join(installed('npm'), 'example-'));
  onTestFinished(() => {
    rmSync(folder, { recursive: true, force: true });
  });
  const script = join(folder, 'subscribe.ts');
  cpSync(resolve(import.meta.dirname, '..', 'examples', 'subscribe.ts'), script);
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--import', 'jiti/register', script], {
    cwd: folder,
    encoding: 'utf8',
  });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(stdout.match(/^step \d: loss \d/gm)).toHaveLength(5);
  expect(stdout).toMatch(/the model lies in .*export$/m);
});
