// Entry of the engine process: answers one request after the other. TensorFlow blocks this process only; signals,
// progress and pages live in the parent. The parent's end ends this process, whatever it computes.
import { EngineError } from '../errors.ts';
import { elements } from '../graph/graph.ts';
import { writeSafetensors } from '../safetensors/index.ts';
import { loadBinding } from './binding.ts';
import { fileShape, readForVariable, valueForFile } from './files.ts';
import { compiledFunction, type LoadedFunction } from './compiledFunction.ts';
import type { Method, Methods, Reply, Request } from './protocol.ts';
import { replayedFunction } from './replayedFunction.ts';
import { endWithParent } from './endWithParent.ts';
import { VariableStore } from './variableStore.ts';
import { toWire } from './wireError.ts';

interface Held {
  readonly variables: VariableStore;
  readonly functions: ReadonlyMap<string, LoadedFunction>;
}

const binding = loadBinding(process.env['LIKENESS_BINDING'] ?? '');
const programs = new Map<number, Held>();
let nextProgram = 1;

function held(program: number): Held {
  const found = programs.get(program);
  if (found === undefined) throw new EngineError('the program was disposed', { code: 'engine/no-program' });
  return found;
}

type Handlers = {
  [M in Method]: (
    params: Methods[M]['params'],
    progress: (done: number, total: number) => void,
  ) => Methods[M]['result'] | Promise<Methods[M]['result']>;
};

const handlers: Handlers = {
  info: () => ({ tensorflow: binding.TF_Version, devices: binding.devices(), pid: process.pid }),
  stats: () => ({
    tensors: binding.tensorCount(),
    rssBytes: process.memoryUsage.rss(),
    peakRssBytes: process.resourceUsage().maxRSS * 1024,
  }),
  load({ variables: declarations, functions: definitions, sharing }) {
    const lender = sharing === undefined ? undefined : held(sharing).variables;
    const variables = new VariableStore(binding, declarations, lender);
    const functions = definitions.map((definition): [string, LoadedFunction] => {
      const { name, code } = definition;
      return [
        name,
        'graph' in code
          ? replayedFunction(binding, definition, code.graph, variables)
          : compiledFunction(binding, definition, code, variables),
      ];
    });
    programs.set(nextProgram, { variables, functions: new Map(functions) });
    return nextProgram++;
  },
  run({ program, fn, feeds }) {
    const found = held(program).functions.get(fn);
    if (found === undefined)
      throw new EngineError('the program has no such function', { code: 'engine/no-program', where: fn });
    return found.run(feeds);
  },
  write({ program, values }) {
    const { variables } = held(program);
    for (const [name, value] of values) variables.write(name, value);
  },
  writeRows({ program, name, firstRow, values }) {
    const { variables } = held(program);
    const { shape } = variables.get(name).declaration;
    const whole = variables.values(name);
    whole.set(values, firstRow * elements(shape.slice(1)));
    variables.write(name, whole);
  },
  zero({ program, names }) {
    const { variables } = held(program);
    for (const name of names) variables.zero(name);
  },
  read({ program, names }) {
    const { variables } = held(program);
    return new Map(names.map((name) => [name, variables.values(name)]));
  },
  async loadFiles({ program, tensors }, progress) {
    const { variables } = held(program);
    for (const [i, tensor] of tensors.entries()) {
      variables.write(tensor.variable, await readForVariable(tensor));
      if (i % 32 === 0) progress(i, tensors.length);
    }
  },
  async save({ program, path, tensors, metadata }, progress) {
    const { variables } = held(program);
    const sources = tensors.map((tensor, i) => {
      const { declaration } = variables.get(tensor.variable);
      const data = (): Float32Array => {
        if (i % 32 === 0) progress(i, tensors.length);
        return valueForFile(variables.values(tensor.variable), declaration, tensor.layout);
      };
      return {
        name: tensor.key,
        dtype: tensor.dtype,
        shape: fileShape(declaration.shape, tensor.layout),
        data,
      };
    });
    await writeSafetensors(path, sources, metadata);
  },
  dispose({ program }) {
    const { variables, functions } = held(program);
    for (const fn of functions.values()) fn.dispose();
    variables.dispose();
    programs.delete(program);
  },
};

async function answer(request: Request): Promise<void> {
  const { id, method, params } = request;
  const send = (reply: Reply): void => void process.send?.(reply);
  const progress = (done: number, total: number): void => {
    send({ id, progress: { done, total } });
  };
  try {
    const handler = handlers[method] as (
      params: unknown,
      progress: (done: number, total: number) => void,
    ) => unknown;
    send({ id, result: await handler(params, progress) });
  } catch (error) {
    send({ id, error: toWire(error) });
  }
}

// One request at a time, in the order they came: file reading must not interleave with steps.
let last: Promise<void> = Promise.resolve();
process.on('message', (request) => {
  last = last.then(() => answer(request as Request));
});
// Ctrl-C in a terminal reaches every process of the group, as does what service managers and batch systems send; only the
// parent decides what it means.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);
process.on('disconnect', () => process.exit(0));
endWithParent();
