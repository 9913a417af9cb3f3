// A new word over a frozen model: ids beyond the vocabulary take rows of a variable of their own. The model's table is
// never touched, so every other word keeps its vector, bit for bit.
import {
  createVariable,
  gatherRows,
  tf,
  type Adapter,
  type DiffusionModel,
  type Variable,
} from '@likeness/core';
import { tokenTable } from './tokenTable.ts';

export interface PlaceholderRows {
  /** `[vectors, width]` */
  readonly variable: Variable;
  readonly variableName: string;
  /** Takes the word out of the model again. */
  detach(): void;
}

/**
 * Teaches tokenizer and text encoder a new word, whose vectors are zero until they are written.
 * @throws ConfigError when the word, or one of its further tokens, is a token already
 */
export function attachPlaceholder(model: DiffusionModel, word: string, vectors: number): PlaceholderRows {
  const { path, width } = tokenTable(model);
  const { ids, remove } = model.tokenizer.addPlaceholder(word, vectors);
  const variableName = `textual_inversion.${word}`;
  const variable = createVariable({ name: variableName, shape: [vectors, width] });
  const takeOff = model.textEncoder.parameters.attach(path, rowsFrom(variable, ids[0] ?? 0, vectors));
  const detach = (): void => {
    takeOff();
    remove();
    variable.dispose();
  };
  return { variable, variableName, detach };
}

/** Ids `first` … `first + vectors - 1` read the variable, all others the layer below. */
function rowsFrom(variable: Variable, first: number, vectors: number): Adapter {
  const int = (value: number) => tf.scalar(value, 'int32');
  return ({ input, base }) => {
    const row = tf.sub(input, int(first)); // [B, T]
    const own = tf.logicalAnd(tf.greaterEqual(row, int(0)), tf.less(row, int(vectors)));
    const mask = tf.expandDims(tf.cast(own, 'float32'), -1); // [B, T, 1]
    const rows = gatherRows(variable, tf.minimum(tf.maximum(row, int(0)), int(vectors - 1))); // [B, T, D]
    return tf.add(tf.mul(mask, rows), tf.mul(tf.sub(1, mask), base()));
  };
}
