// DreamBooth and prior preservation. Recipes name them: `dreambooth`, `dreambooth+ppl`.
export { dreambooth, trainWholeModel, type WholeModelOptions } from './dreambooth.ts';
export { ppl, priorPreservationTerm } from './ppl.ts';
export { priorPreservationLoss } from './priorPreservationLoss.ts';
