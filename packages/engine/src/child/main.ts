// Entry of the engine process: answers one request after the other. TensorFlow blocks this process only; signals,
// progress and pages live in the parent. The parent's end ends this process.
import { EngineError, LikenessError } from '../errors.ts';
import { writeSafetensors } from '../safetensors/index.ts';
import { loadBinding } from './binding.ts';
import { fileShape, readForVariable, valueForFile } from './files.ts';
import type { Method, Methods, ProgramDeclaration, Reply, Request } from './protocol.ts';
import { replayProgram } from './replayProgram.ts';
import { sessionProgram, type LoadedProgram } from './sessionProgram.ts';

interface Held {
  readonly declaration: ProgramDeclaration;
  readonly loaded: LoadedProgram;
  readonly indexOf: ReadonlyMap<string, number>;
}

const binding = loadBinding(process.env['LIKENESS_BINDING'] ?? '');
const programs = new Map<number, Held>();
let nextProgram = 1;

function held(program: number): Held {
  const found = programs.get(program);
  if (found === undefined) throw new EngineError('the program was disposed');
  return found;
}
function variable({ declaration, indexOf }: Held, name: string) {
  const index = indexOf.get(name) ?? -1;
  const info = declaration.variables[index];
  if (info === undefined) throw new EngineError('the program has no such variable', { where: name });
  return { index, info };
}

type Handlers = {
  [M in Method]: (
    params: Methods[M]['params'],
    progress: (done: number, total: number) => void,
  ) => Methods[M]['result'] | Promise<Methods[M]['result']>;
};

const handlers: Handlers = {
  info: () => ({ tensorflow: binding.TF_Version, gpu: binding.isUsingGpuDevice(), pid: process.pid }),
  stats: () => ({
    tensors: binding.getNumOfTensors(),
    rssBytes: process.memoryUsage.rss(),
    peakRssBytes: process.resourceUsage().maxRSS * 1024,
  }),
  load(declaration) {
    const { code, variables } = declaration;
    const loaded =
      'savedModel' in code
        ? sessionProgram(binding, code.savedModel, declaration)
        : replayProgram(binding, code.graphs, declaration);
    const indexOf = new Map(variables.map(({ name }, i) => [name, i]));
    programs.set(nextProgram, { declaration, loaded, indexOf });
    return nextProgram++;
  },
  run({ program, fn, feeds }) {
    const { declaration, loaded } = held(program);
    const found = declaration.functions.find(({ name }) => name === fn);
    if (found === undefined) throw new EngineError('the program has no such function', { where: fn });
    return loaded.run(found, feeds);
  },
  write({ program, values }) {
    const target = held(program);
    for (const [name, value] of values) {
      const { index, info } = variable(target, name);
      target.loaded.assign(index, info, value);
    }
  },
  writeRows({ program, name, firstRow, values }) {
    const target = held(program);
    const { index, info } = variable(target, name);
    const width = info.shape.slice(1).reduce((product, size) => product * size, 1);
    const whole = target.loaded.value(index);
    whole.set(values, firstRow * width);
    target.loaded.assign(index, info, whole);
  },
  zero({ program, names }) {
    const target = held(program);
    for (const name of names) {
      const { index, info } = variable(target, name);
      target.loaded.zero(index, info);
    }
  },
  read({ program, names }) {
    const source = held(program);
    return new Map(names.map((name) => [name, source.loaded.value(variable(source, name).index)]));
  },
  async loadFiles({ program, tensors }, progress) {
    const target = held(program);
    for (const [i, tensor] of tensors.entries()) {
      const { index, info } = variable(target, tensor.variable);
      target.loaded.assign(index, info, await readForVariable(tensor));
      if (i % 32 === 0) progress(i, tensors.length);
    }
  },
  async save({ program, path, tensors, metadata }, progress) {
    const source = held(program);
    const sources = tensors.map((tensor, i) => {
      const { index, info } = variable(source, tensor.variable);
      const data = (): Float32Array => {
        if (i % 32 === 0) progress(i, tensors.length);
        return valueForFile(source.loaded.value(index), info, tensor.layout);
      };
      return { name: tensor.key, dtype: tensor.dtype, shape: fileShape(info.shape, tensor.layout), data };
    });
    await writeSafetensors(path, sources, metadata);
  },
  dispose({ program }) {
    held(program).loaded.dispose();
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
    const handler = handlers[method] as (params: unknown, progress: (done: number, total: number) => void) => unknown;
    send({ id, result: await handler(params, progress) });
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    send({ id, error: { message, ...(error instanceof LikenessError ? { where: 'engine process' } : {}) } });
  }
}

// One request at a time, in the order they came: file reading must not interleave with steps.
let last: Promise<void> = Promise.resolve();
process.on('message', (request) => {
  last = last.then(() => answer(request as Request));
});
// Ctrl-C in a terminal reaches every process of the group; only the parent decides what it means.
process.on('SIGINT', () => undefined);
process.on('disconnect', () => process.exit(0));
