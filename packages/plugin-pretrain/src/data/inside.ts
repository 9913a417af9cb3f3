// Names that come from files: what a file says must not reach out of its folder.
import { isAbsolute, relative, resolve, sep } from 'node:path';

/** Whether a name stays within its folder. */
export function isInside(folder: string, name: string): boolean {
  const way = relative(resolve(folder), resolve(folder, name));
  return (
    way !== '' && way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way) && !name.includes('\0')
  );
}
