// `@likeness/evaluation/testing`: for those who write metrics. Nothing here needs a test runner of its own.
export { testMetric, type TestMetricOptions } from './testMetric.ts';
export { madeUpEvidence } from './madeUpEvidence.ts';
