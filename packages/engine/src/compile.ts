// Compiles functions written in plain tfjs into one program. The functions are traced here, without values
// (`recording/`), changed by graph passes (`graph/`), written out (`emit/`) and run in the engine process (`child/`).
import { createHash, randomBytes } from 'node:crypto';
import { access, mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ProgramDeclaration } from './child/protocol.ts';
import { emitSavedModel } from './emit/savedModel.ts';
import type { Engine } from './engineProcess.ts';
import { EngineError } from './errors.ts';
import { pruneGraph, type Graph } from './graph/graph.ts';
import { toMixedPrecision } from './graph/mixedPrecision.ts';
import { rematerialise } from './graph/rematerialise.ts';
import { cacheDir } from './install/index.ts';
import { Program, type ResolvedMode } from './program.ts';
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
  /** How often the main function will run in all. Decides `auto`; never what remains of a run. */
  readonly expectedRuns?: number;
  /** `bf16`: matrix products and convolutions round their operands to bfloat16; sums, norms and weights stay float32. */
  readonly precision?: 'fp32' | 'bf16';
  /** Compute the inner values of `checkpointed` blocks again in the backward pass, instead of keeping them. Needs `xla`. */
  readonly gradientCheckpointing?: boolean;
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
  { engine, mode: wanted = 'auto', expectedRuns, precision = 'fp32', gradientCheckpointing = false }: CompileOptions,
): Promise<Program<keyof D & string>> {
  const mode = resolveMode(wanted, expectedRuns);
  if (gradientCheckpointing && mode !== 'xla') {
    throw new EngineError('gradient checkpointing needs XLA', {
      expected: "mode 'xla'",
      got: `mode '${mode}'`,
      cure: 'its barrier exists only there; switch gradient checkpointing off, or the mode to xla',
    });
  }
  const start = performance.now();
  const graphs = Object.entries(functions).map(([name, definition]) => {
    const { graph, blocks } = trace(name, definition, { forXla: mode === 'xla' });
    const rematerialised = gradientCheckpointing ? rematerialise(graph, blocks) : graph;
    return pruneGraph(precision === 'bf16' ? toMixedPrecision(rematerialised) : rematerialised);
  });
  const variables = usedVariables(graphs);
  const traceSeconds = (performance.now() - start) / 1000;

  const bytes = emitSavedModel(graphs, variables, mode === 'xla');
  const hash = createHash('sha256').update(bytes).digest('hex');
  const code = mode === 'eager' ? { graphs } : { savedModel: await storeProgram(hash, bytes) };
  const loading = performance.now();
  const id = await engine.request('load', declaration(graphs, variables, code));
  const loadSeconds = (performance.now() - loading) / 1000;
  const nodes = graphs.reduce((sum, graph) => sum + graph.nodes.length, 0);
  const identity = { mode, precision, threads: engine.threads, tensorflow: engine.info.tensorflow };
  const names = variables.map(({ name }) => name);
  return new Program(engine, id, names, { hash, nodes, traceSeconds, loadSeconds, identity });
}

/** Variables any function uses, in order of creation. @throws EngineError when two have one name */
function usedVariables(graphs: readonly Graph[]): VariableInfo[] {
  const used = new Set(graphs.flatMap((graph) => graph.variables.map(({ read }) => read.id)));
  const variables = [...liveVariables().values()].filter(({ read }) => used.has(read.id));
  const names = new Set<string>();
  const twice = variables.filter(({ name }) => names.has(name) || !names.add(name));
  if (twice.length > 0) {
    throw new EngineError('two variables of a program have one name', { details: twice.map(({ name }) => name) });
  }
  return variables;
}

function declaration(
  graphs: readonly Graph[],
  variables: readonly VariableInfo[],
  code: ProgramDeclaration['code'],
): ProgramDeclaration {
  return {
    code,
    variables: variables.map(({ name, shape, dtype, storage }) => ({ name, shape, dtype, storage })),
    functions: graphs.map(({ name, inputs, outputs }) => ({
      name,
      inputs: [...inputs].map(([key, { shape, dtype }]) => ({ key, shape, dtype })),
      outputs: [...outputs.keys()],
    })),
  };
}

/** Keeps a program on disk under its hash, so that equal programs are written once. */
async function storeProgram(hash: string, bytes: Uint8Array): Promise<string> {
  const folder = join(cacheDir(), 'programs', hash);
  const whole = await access(join(folder, 'saved_model.pb')).then(
    () => true,
    () => false,
  );
  if (whole) return folder;
  const temporary = `${folder}.${randomBytes(6).toString('hex')}`;
  await mkdir(temporary, { recursive: true });
  await writeFile(join(temporary, 'saved_model.pb'), bytes);
  // Another process may have stored the same program meanwhile; its bytes are equal.
  await rename(temporary, folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
  });
  return folder;
}
