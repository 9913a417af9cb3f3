// Compiles functions written in plain tfjs into one program. The functions are traced here, without values
// (`recording/`), changed by graph passes (`graph/`), written out (`emit/`) and run in the engine process (`child/`).
import { createHash } from 'node:crypto';
import type { FunctionDeclaration, NamedSpec } from './child/protocol.ts';
import { emitFunction } from './emit/functionDef.ts';
import type { Engine } from './engineProcess.ts';
import { EngineError } from './errors.ts';
import { pruneGraph, type Graph, type Value } from './graph/graph.ts';
import { toMixedPrecision } from './graph/mixedPrecision.ts';
import { rematerialise } from './graph/rematerialise.ts';
import { simplify } from './graph/simplify.ts';
import { Program, type OnCompile, type ResolvedMode } from './program.ts';
import { trace, type FunctionDefinition } from './recording/trace.ts';
import { liveVariables, type VariableInfo } from './variables.ts';

export type Mode = ResolvedMode | 'auto';

export interface CompileOptions {
  readonly engine: Engine;
  /**
   * `xla`: one compiled function, fastest steps. `graph`: TensorFlow's own executor, starts at once. `eager`: op by op.
   * `auto`: decided by `expectedRuns`.
   */
  readonly mode?: Mode;
  /** How often each function will run in all (one number: every function). Decides `auto`; never what remains of a run. */
  readonly expectedRuns?: number | Readonly<Record<string, number>>;
  /** `bf16`: matrix products and convolutions round their operands to bfloat16; sums, norms and weights stay float32. */
  readonly precision?: 'fp32' | 'bf16';
  /** Names of variables to keep in bfloat16: half the memory, for what does not train. Traced code still sees float32. */
  readonly inBfloat16?: ReadonlySet<string>;
  /** Compute the inner values of `checkpointed` blocks again in the backward pass, instead of keeping them. Needs `xla`. */
  readonly gradientCheckpointing?: boolean;
  readonly onCompile?: OnCompile;
  /**
   * A program of the same engine whose variables this one uses where names agree, with the values they have: the same
   * weights under other adapters. It must outlive this one.
   */
  readonly sharing?: Program;
}

/** Below this many runs, compiling with XLA costs more than it saves (small UNet: 5 s against 0.1 s a step). */
const RUNS_WORTH_COMPILING = 40;

/** Fills `auto` in. */
export function resolveMode(mode: Mode, expectedRuns = 0): ResolvedMode {
  if (mode !== 'auto') return mode;
  return expectedRuns >= RUNS_WORTH_COMPILING ? 'xla' : 'graph';
}

type Definitions = Readonly<Record<string, FunctionDefinition>>;

/**
 * Traces functions and loads them as one program; variables they use are shared and start at zero.
 * @throws EngineError naming the op and the tfjs call when a function cannot be traced or compiled
 */
export async function compile<D extends Definitions>(
  functions: D,
  {
    engine,
    mode = 'auto',
    expectedRuns = 0,
    precision = 'fp32',
    gradientCheckpointing = false,
    inBfloat16,
    onCompile,
    sharing,
  }: CompileOptions,
): Promise<Program<keyof D & string>> {
  const modes = Object.fromEntries(
    Object.keys(functions).map((name) => {
      const runs = typeof expectedRuns === 'number' ? expectedRuns : expectedRuns[name];
      return [name, resolveMode(mode, runs)] as const;
    }),
  ) as Record<keyof D & string, ResolvedMode>;
  const start = performance.now();
  const hash = createHash('sha256');
  const graphs = Object.entries(functions).map(([name, definition]) => {
    const forXla = modes[name] === 'xla';
    const { graph, blocks } = trace(name, definition, { forXla });
    const rounded = precision === 'bf16' ? toMixedPrecision(graph) : graph;
    // A block with a backward pass: what only predicts keeps nothing.
    const rematerialised = gradientCheckpointing ? rematerialise(rounded, blocks) : rounded;
    if (rematerialised !== rounded && !forXla) {
      throw new EngineError('gradient checkpointing needs XLA', {
        code: 'engine/needs-mode',
        where: name,
        expected: "mode 'xla'",
        got: `mode '${modes[name]}'`,
        hint: 'its barrier exists only there; switch gradient checkpointing off, or the mode to xla',
      });
    }
    return pruneGraph(simplify(rematerialised));
  });
  const variables = usedVariables(graphs);
  const storage = new Map(
    variables.map(({ name, dtype, storage: own }) => [
      name,
      dtype === 'float32' && inBfloat16?.has(name) ? 'bfloat16' : own,
    ]),
  );
  const definitions = graphs.map((graph): FunctionDeclaration => {
    const { name, inputs, outputs } = graph;
    const emitted = emitFunction(
      graph,
      (variable) => storage.get(variable) ?? 'float32',
      modes[name] === 'xla',
    );
    const code =
      modes[name] === 'eager' ? { graph } : { ...emitted, variables: graph.variables.map((use) => use.name) };
    hash.update(emitted.name);
    return { name, inputs: namedSpecs(inputs), outputs: namedSpecs(outputs), code };
  });
  const traceSeconds = (performance.now() - start) / 1000;
  const id = await engine.request('load', {
    variables: variables.map(({ name, shape, dtype, storage: own }) => ({
      name,
      shape,
      dtype,
      storage: storage.get(name) ?? own,
    })),
    functions: definitions,
    ...(sharing === undefined ? {} : { sharing: sharing.id }),
  });
  const nodes = graphs.reduce((sum, graph) => sum + graph.nodes.length, 0);
  const identity = { modes, precision, threads: engine.threads, tensorflow: engine.info.tensorflow };
  const names = variables.map(({ name }) => name);
  const facts = { hash: hash.digest('hex'), nodes, traceSeconds, identity };
  return new Program(engine, id, definitions, names, facts, onCompile);
}

/** @throws EngineError for a type that cannot leave the engine process */
function namedSpecs(values: ReadonlyMap<string, Value>): NamedSpec[] {
  return [...values].map(([key, { shape, dtype }]) => {
    if (dtype === 'bfloat16' || dtype === 'int64') {
      throw new EngineError('an output has a type without a typed array', {
        code: 'engine/not-traceable',
        where: key,
        got: dtype,
      });
    }
    return { key, shape, dtype };
  });
}

/** Variables any function uses, in order of creation. @throws EngineError when two have one name */
function usedVariables(graphs: readonly Graph[]): VariableInfo[] {
  const used = new Set(graphs.flatMap((graph) => graph.variables.map(({ read }) => read.id)));
  const variables = [...liveVariables().values()].filter(({ read }) => used.has(read.id));
  const names = new Set<string>();
  const twice = variables.filter(({ name }) => names.has(name) || !names.add(name));
  if (twice.length > 0) {
    throw new EngineError('two variables of a program have one name', {
      code: 'engine/variables',
      details: twice.map(({ name }) => name),
    });
  }
  return variables;
}
