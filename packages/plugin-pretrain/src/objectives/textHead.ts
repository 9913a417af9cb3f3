// Networks that stand beside the text encoder while it trains and are not exported: their parameters and first values.
import { defineFunction, Parameters, torchWeight, traceShapes } from '@likeness/core';
import type { FunctionDefinition, ModelComponent, ParameterGroup, Tensor, Variable } from '@likeness/core';

export interface Head {
  readonly parameters: Parameters;
  /** The text encoder and the head. */
  readonly groups: readonly ParameterGroup[];
  readonly initialValues: ReadonlyMap<string, Float32Array>;
}

/** @param declare asks for every parameter once; traced for that alone */
export function createHead(
  textEncoder: ModelComponent,
  seed: number,
  inputs: FunctionDefinition['inputs'],
  declare: (parameters: Parameters, inputs: Readonly<Record<string, Tensor>>) => Record<string, Tensor>,
): Head {
  const parameters = new Parameters({ component: 'text_head' });
  traceShapes(defineFunction(inputs, (fed) => declare(parameters, fed)));
  const variablesOf = (of: Parameters): Variable[] =>
    [...of.entries().values()].map(({ variable }) => variable);
  const keys = [...parameters.entries().keys()];
  return {
    parameters,
    groups: [
      { name: textEncoder.name, variables: variablesOf(textEncoder.parameters) },
      { name: 'text_head', variables: variablesOf(parameters) },
    ],
    initialValues: new Map(
      keys.map((key) => [parameters.variableName(key), torchWeight(parameters, key, seed)]),
    ),
  };
}
