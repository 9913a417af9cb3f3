// Python files with the names of modules that set-up uses, as they may lie about where a command is started.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Makes a folder with such files under `parent`; whoever imports or runs one of them leaves the file `mark`.
 * @param names of modules
 */
export function plantModules(parent: string, ...names: string[]): { folder: string; mark: string } {
  const folder = join(parent, 'planted');
  const mark = join(folder, 'mark');
  mkdirSync(folder);
  for (const name of names)
    writeFileSync(join(folder, `${name}.py`), `open(${JSON.stringify(mark)}, 'w').close()\n`);
  return { folder, mark };
}
