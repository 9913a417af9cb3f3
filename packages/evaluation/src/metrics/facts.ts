// What a result costs to keep and to train: no judgement, and no time, which would differ between equal runs.
import { defineMetric, type Metric } from './metric.ts';

export const exportBytes: Metric = defineMetric({
  name: 'exportBytes',
  description: 'size of the exported files',
  better: 'lower',
  isFact: true,
  needs: [],
  compute: ({ facts }) => facts['exportBytes'],
});

export const trainedParameters: Metric = defineMetric({
  name: 'trainedParameters',
  description: 'numbers that were trained',
  better: 'lower',
  isFact: true,
  needs: [],
  compute: ({ facts }) => facts['trainedParameters'],
});
