import { existsSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';

const DRIVER_VERSION_FILE = '/proc/driver/nvidia/version';

/** Whether an NVIDIA driver is loaded, or its command is on the PATH (as under WSL, which has no such file). */
export function hasNvidiaDriver(): boolean {
  if (existsSync(DRIVER_VERSION_FILE)) return true;
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  return folders.some((folder) => existsSync(join(folder, 'nvidia-smi')));
}

/** The driver's version, e.g. `570.86.15`, where the kernel tells it. */
export function nvidiaDriverVersion(): string | undefined {
  if (!existsSync(DRIVER_VERSION_FILE)) return undefined;
  return /Module\s+(?:for \S+\s+)?([\d.]+)/.exec(readFileSync(DRIVER_VERSION_FILE, 'utf8'))?.[1];
}
