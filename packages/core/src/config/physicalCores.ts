// The default number of threads: two threads on one core only disturb each other in matrix products.
import { readdirSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';

/** Physical cores this process may use; where the system does not tell, the logical ones. */
export function physicalCores(topology = '/sys/devices/system/cpu'): number {
  const available = availableParallelism();
  try {
    const cores = new Set<string>();
    for (const cpu of readdirSync(topology)) {
      if (/^cpu\d+$/.test(cpu))
        cores.add(readFileSync(`${topology}/${cpu}/topology/thread_siblings_list`, 'utf8').trim());
    }
    return cores.size === 0 ? available : Math.min(cores.size, available);
  } catch {
    return available;
  }
}
