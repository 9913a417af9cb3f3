// Flags of every command that opens a model.
import { Option } from 'commander';

/** How a model is opened, as typed. */
export interface ModelFlags {
  readonly predictionType?: string;
}

/** A single file may not say what its network predicts. */
export const predictionTypeOption = (): Option =>
  new Option(
    '--prediction-type <type>',
    'what the model predicts, where its file does not say it or is wrong',
  ).choices(['epsilon', 'v_prediction', 'sample']);
