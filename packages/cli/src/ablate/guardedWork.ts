// Cells that others ask for, through a queue: their settings are data. What would load code, or write anywhere but into
// the worker's own folders, is refused before anything is looked up.
import type { CellWork } from '@likeness/ablation';
import { ConfigError } from '@likeness/core';

/** Settings that name a folder something is written into. */
const WRITTEN: readonly string[] = ['outputDir', 'cacheDir', 'classDataDir'];

/** @param plugins that whoever started the worker has named */
export function guardedWork(work: CellWork, plugins: readonly string[]): CellWork {
  return {
    ...work,
    prepare: async (request) => {
      refuse(request.values, plugins);
      return work.prepare(request);
    },
  };
}

/** @throws ConfigError `ablation/not-for-data` */
function refuse(values: Readonly<Record<string, unknown>>, plugins: readonly string[]): void {
  const listed = values['plugins'];
  const strange = (Array.isArray(listed) ? listed : listed === undefined ? [] : [listed]).filter(
    (plugin: unknown) => typeof plugin !== 'string' || !plugins.includes(plugin),
  );
  const options = Object.values(isMap(values['pluginOptions']) ? values['pluginOptions'] : {});
  const written = [values, ...options.filter(isMap)].flatMap((given) =>
    WRITTEN.filter((name) => given[name] !== undefined && given[name] !== null),
  );
  if (strange.length === 0 && written.length === 0) return;
  throw new ConfigError('the queue asks for what only a person may ask of this machine', {
    code: 'ablation/not-for-data',
    details: [
      ...strange.map((plugin) => `plugins: ${JSON.stringify(plugin)}, which would run its code`),
      ...new Set(written.map((name) => `${name}: a folder to write into`)),
    ],
    hint: 'name plugins when the worker is started (--plugin), and leave folders away',
  });
}

const isMap = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
