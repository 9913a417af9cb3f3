// What a run computes on: an engine process and one program that holds every function of the run. All functions share
// the weights, so a sample taken between two steps needs no copy.
import { compile, startEngine, variableInfo } from '@likeness/engine';
import type {
  Engine,
  FunctionDefinition,
  InstallProgress,
  LoadFromFile,
  Mode,
  OnCompile,
  Program,
} from '@likeness/engine';
import type { DiffusionModel, ModelComponent, WeightedModel } from '../contracts.ts';
import { endEngineOnStop } from './endEngineOnStop.ts';

/** A model as programs see it: components with weights. */
export type ComputedModel =
  Pick<DiffusionModel, 'textEncoder' | 'noisePredictor' | 'latentCodec'> | Pick<WeightedModel, 'components'>;

export interface MachineOptions {
  readonly model: ComputedModel;
  readonly threads: number;
  readonly mode: Mode;
  readonly precision: 'fp32' | 'bf16';
  readonly gradientCheckpointing: boolean;
  /** How the model's own weights are held; bf16 only where none of them trains. Default fp32. */
  readonly baseWeights?: 'fp32' | 'bf16';
  /** Aborting it ends the engine while it is being started. */
  readonly signal?: AbortSignal | undefined;
  readonly onInstallProgress?: (progress: InstallProgress) => void;
  readonly onLoadProgress?: (done: number, total: number) => void;
  readonly onCompile?: OnCompile;
}

/** A function with how often it will run: what `auto` decides from. */
export interface PlannedFunction {
  readonly definition: FunctionDefinition;
  readonly expectedRuns: number;
}

export interface Machine {
  readonly engine: Engine;
  readonly program: Program;
  /** Whether the engine is at a function's first call, which compiles it. */
  readonly isCompiling: () => boolean;
  close(): Promise<void>;
}

const running = new Set<Engine>();

/** Ends all engine processes of this process at once, whatever they compute. */
export function killEngines(): void {
  for (const engine of running) engine.kill();
}

/** Starts the engine, compiles the functions, loads the model's weights. */
export async function startMachine(
  {
    model,
    threads,
    mode,
    precision,
    gradientCheckpointing,
    baseWeights: held = 'fp32',
    signal,
    onInstallProgress,
    onLoadProgress,
    onCompile,
  }: MachineOptions,
  functions: Readonly<Record<string, PlannedFunction>>,
): Promise<Machine> {
  const engine = await startEngine({ threads, ...(onInstallProgress ? { onInstallProgress } : {}) });
  running.add(engine);
  const close = async (): Promise<void> => {
    running.delete(engine);
    await engine.close();
  };
  let compiling = 0;
  const start = async (): Promise<Machine> => {
    const entries = Object.entries(functions);
    const program = await compile(
      Object.fromEntries(entries.map(([name, { definition }]) => [name, definition])),
      {
        engine,
        mode,
        precision,
        gradientCheckpointing,
        ...(held === 'bf16' ? { inBfloat16: weightNames(model) } : {}),
        onCompile: (fn, seconds) => {
          compiling += seconds === undefined ? 1 : -1;
          onCompile?.(fn, seconds);
        },
        expectedRuns: Object.fromEntries(entries.map(([name, { expectedRuns }]) => [name, expectedRuns])),
      },
    );
    await program.load(baseWeights(model, program), onLoadProgress);
    return { engine, program, isCompiling: () => compiling > 0, close };
  };
  try {
    return await (signal ? endEngineOnStop(engine, signal, start) : start());
  } catch (error) {
    await close();
    throw error;
  }
}

export const componentsOf = (model: ComputedModel): readonly ModelComponent[] =>
  'components' in model ? model.components : [model.textEncoder, model.noisePredictor, model.latentCodec];

const weightNames = (model: ComputedModel): ReadonlySet<string> =>
  new Set(
    componentsOf(model).flatMap(({ parameters }) =>
      [...parameters.entries().values()].map(({ variable }) => variableInfo(variable).name),
    ),
  );

/** Where the base model's weights lie, for every variable of the program that is one of them. */
export function baseWeights(
  model: ComputedModel,
  program: Program,
  rename = (name: string): string => name,
): LoadFromFile[] {
  const used = new Set(program.variableNames);
  return componentsOf(model).flatMap(({ parameters, tensors }) =>
    [...parameters.entries().values()].flatMap(({ key, layout, shape, variable }): LoadFromFile[] => {
      const entry = tensors.get(key);
      const name = rename(variableInfo(variable).name);
      if (entry === undefined || !used.has(name)) return [];
      // Old checkpoints hold some linear weights as 1×1 convolutions.
      const flattened = layout === 'asIs' && shape.length === 2 && entry.shape.length === 4;
      return [{ variable: name, entry, layout: flattened ? 'oihw1x1' : layout }];
    }),
  );
}
