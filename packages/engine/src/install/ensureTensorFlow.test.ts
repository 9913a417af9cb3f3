// What can be held without the 274 MB: the choice of tools, and that a finished installation is found, a
// damaged one noticed. The whole path runs whenever somebody sets the project up.

import {
  cpSync,
  mkdtempSync,
  rmSync,
  statSync,
  truncateSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { EngineError } from '../errors.ts';
import { bindingVersion } from './compileBinding.ts';
import { ensureTensorFlow, installFolder, readInstall } from './ensureTensorFlow.ts';
import { chooseWheels } from './lock.ts';
import { tensorFlowStatus } from './tensorFlowStatus.ts';
import { findToolchain } from './tools.ts';

describe('ensureTensorFlow', () => {
  it('finds what is set up, at once, and the binding tells the version of the lock', async () => {
    const install = await ensureTensorFlow(); // set up by `npm test` before vitest starts
    const start = performance.now();
    expect(await ensureTensorFlow()).toEqual(install);
    expect(performance.now() - start).toBeLessThan(500);
    expect(existsSync(join(install.libraryDir, readdirSync(install.libraryDir)[0] ?? ''))).toBe(true);
    expect(await bindingVersion(install.bindingPath, install.libraryPaths)).toBe(install.version);
    const status = tensorFlowStatus();
    expect(status.install).toEqual(install);
    expect(status.folders.find(({ inUse }) => inUse)?.bytes).toBeGreaterThan(1e8);
  });

  it('notices a missing stamp and a truncated file', async () => {
    const install = await ensureTensorFlow({ variant: 'cpu' });
    const target = chooseWheels('cpu');
    const cache = mkdtempSync(join(dirname(dirname(dirname(install.libraryDir))), 'test-'));
    try {
      const source = dirname(install.libraryDir);
      const copy = installFolder(target, cache);
      hardLinkTree(source, copy);
      expect(readInstall(target, copy)?.version).toBe(install.version);
      const binding = readInstall(target, copy)?.bindingPath ?? '';
      rmSync(binding);
      cpSync(install.bindingPath, binding); // a copy of its own: the links share the original's bytes
      truncateSync(binding, statSync(binding).size - 1);
      expect(readInstall(target, copy)).toBeUndefined();
      cpSync(install.bindingPath, binding);
      expect(readInstall(target, copy)).toBeDefined();
      rmSync(join(copy, 'library.json'));
      expect(readInstall(target, copy)).toBeUndefined();
    } finally {
      rmSync(cache, { recursive: true });
    }
  });
});

describe('findToolchain', () => {
  it('names every missing tool at once, with one command that installs them', async () => {
    const path = process.env['PATH'];
    const empty = mkdtempSync(join(tmpdir(), 'likeness-path-'));
    process.env['PATH'] = empty;
    try {
      const error = await findToolchain({}).catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(EngineError);
      expect(String(error)).toMatch(/python3, pip.*C\+\+ compiler/);
      expect(String(error)).toMatch(
        /hint: (sudo apt-get install -y python3 python3-pip g\+\+|brew install python gcc)/,
      );
    } finally {
      process.env['PATH'] = path;
      rmSync(empty, { recursive: true });
    }
  });

  it('takes the compiler that CXX names', async () => {
    const { compiler } = await findToolchain();
    expect(await findToolchain({ CXX: compiler })).toEqual({ compiler });
  });
});

function hardLinkTree(from: string, to: string): void {
  mkdirSync(to, { recursive: true });
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) hardLinkTree(source, target);
    else linkSync(source, target);
  }
}
