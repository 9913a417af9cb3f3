// Metrics of others, found as plugins are: packages called `likeness-metric-NAME`, or paths of files.
import { loadExtension, PluginError } from '@likeness/core';
import { isMetric, type Metric } from './metric.ts';

const PREFIX = 'likeness-metric-';

/**
 * @param names what settings or `--metric` say
 * @param cwd where the command runs
 * @throws PluginError for a package that is not there, or exports no metric
 */
export async function findMetrics(names: readonly string[], cwd: string = process.cwd()): Promise<Metric[]> {
  const metrics: Metric[] = [];
  for (const name of names) {
    // A file beside the runs finds this package where the command has it.
    const modules = { '@likeness/evaluation': await import('../index.ts') };
    const module = await loadExtension(name, { cwd, prefix: PREFIX, modules });
    const found = [...new Set([module['default'], ...Object.values(module)].flat())].filter(isMetric);
    if (found.length === 0) {
      throw new PluginError('it exports no metric', {
        code: 'evaluation/bad-metric',
        where: `metric ${name}`,
        expected: 'export default defineMetric({ … })',
        got: `exports ${Object.keys(module).join(', ') || 'nothing'}`,
      });
    }
    metrics.push(...found);
  }
  return metrics;
}
