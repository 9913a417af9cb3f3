import { isAbsolute } from 'node:path';

/** Whether an entry of `plugins` names a file instead of a plugin or a package. */
export function isPath(entry: string): boolean {
  return entry.startsWith('.') || isAbsolute(entry) || /\.[mc]?[jt]s$/i.test(entry);
}
