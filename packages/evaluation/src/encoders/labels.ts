// Labels of several kinds in one linear layer, as `ViTForImageClassification` has it. transformers knows a flat list
// (`id2label`: `noun: cat`); which of them exclude each other stands in `label_columns`, a field of ours beside it.
import { WeightsError } from '@likeness/core';
import { z } from 'zod';

export type LabelColumns = Readonly<Record<string, readonly string[]>>;

const fields = z.looseObject({
  label_columns: z.record(z.string(), z.array(z.string()).min(1)).optional(),
  id2label: z.record(z.string(), z.string()).optional(),
  architectures: z.array(z.string()).nullish(),
});

/** Fields of `config.json` for labels. */
export function labelFields(columns: LabelColumns): Record<string, unknown> {
  const names = Object.entries(columns).flatMap(([column, values]) =>
    values.map((value) => `${column}: ${value}`),
  );
  return {
    architectures: ['ViTForImageClassification'],
    label_columns: columns,
    id2label: Object.fromEntries(names.map((name, id) => [String(id), name])),
    label2id: Object.fromEntries(names.map((name, id) => [name, id])),
  };
}

/**
 * The labels of a classifier; undefined for a network that has none.
 * @throws WeightsError when the two lists do not agree
 */
export function labelColumns(json: unknown, where: string): LabelColumns | undefined {
  const parsed = fields.safeParse(json);
  const { label_columns: columns, id2label = {}, architectures } = parsed.data ?? {};
  if (!(architectures ?? []).some((name) => name.endsWith('ForImageClassification'))) return undefined;
  const flat = Object.keys(id2label).map((id) => id2label[id] ?? id);
  if (columns === undefined) return { label: flat };
  const count = Object.values(columns).flat().length;
  if (count === flat.length) return columns;
  throw new WeightsError('says two numbers of labels', {
    code: 'evaluation/labels',
    where,
    expected: `${flat.length} labels in label_columns, as in id2label`,
    got: String(count),
  });
}
