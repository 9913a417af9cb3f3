// Stage 2: what does not change while this network trains is computed once, or found in the cache.
import { progressReporter, type Stage } from '@likeness/core';
import { ENCODED_TOGETHER } from '../objectives/unetFunctions.ts';
import type { ComputeSetting, Prepared } from './context.ts';

export const encodingStage: Stage<undefined, undefined, Prepared<ComputeSetting>> = {
  name: 'encoding',
  async run(_, state) {
    const { cache, machine, objective, signal } = state;
    const { modes, ...identity } = machine.program.facts.identity;
    const used = Object.entries(modes).filter(([name]) => name.startsWith('encode'));
    await objective.encode?.({
      cache,
      program: machine.program,
      identity: { ...identity, modes: Object.fromEntries(used), together: ENCODED_TOGETHER },
      together: ENCODED_TOGETHER,
      onProgress: progressReporter(state, 'encoding', 'records'),
      signal,
    });
    return undefined;
  },
};
