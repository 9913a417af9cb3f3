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
import type { DiffusionModel, ModelComponent } from '../contracts.ts';

export interface NetworksOptions {
  /** Networks whose weights are loaded from their files. */
  readonly components: readonly ModelComponent[];
  readonly threads: number;
  readonly mode: Mode;
  readonly precision: 'fp32' | 'bf16';
  readonly gradientCheckpointing: boolean;
  /** How the model's own weights are held; bf16 only where none of them trains. Default fp32. */
  readonly baseWeights?: 'fp32' | 'bf16';
  readonly onInstallProgress?: (progress: InstallProgress) => void;
  readonly onLoadProgress?: (done: number, total: number) => void;
  readonly onCompile?: OnCompile;
}

export interface MachineOptions extends Omit<NetworksOptions, 'components'> {
  readonly model: DiffusionModel;
}

/** A function with how often it will run: what `auto` decides from. */
export interface PlannedFunction {
  readonly definition: FunctionDefinition;
  readonly expectedRuns: number;
}

export interface Machine {
  readonly engine: Engine;
  readonly program: Program;
  close(): Promise<void>;
}

const running = new Set<Engine>();

/** Ends all engine processes of this process at once, whatever they compute. */
export function killEngines(): void {
  for (const engine of running) engine.kill();
}

/** Starts the engine, compiles the functions, loads the model's weights. */
export function startMachine(
  { model, ...options }: MachineOptions,
  functions: Readonly<Record<string, PlannedFunction>>,
): Promise<Machine> {
  return startNetworks({ components: componentsOf(model), ...options }, functions);
}

/** The same for networks that are no diffusion model: encoders, classifiers. */
export async function startNetworks(
  {
    components,
    threads,
    mode,
    precision,
    gradientCheckpointing,
    baseWeights: held = 'fp32',
    onInstallProgress,
    onLoadProgress,
    onCompile,
  }: NetworksOptions,
  functions: Readonly<Record<string, PlannedFunction>>,
): Promise<Machine> {
  const engine = await startEngine({ threads, ...(onInstallProgress ? { onInstallProgress } : {}) });
  running.add(engine);
  const close = async (): Promise<void> => {
    running.delete(engine);
    await engine.close();
  };
  try {
    const entries = Object.entries(functions);
    const program = await compile(
      Object.fromEntries(entries.map(([name, { definition }]) => [name, definition])),
      {
        engine,
        mode,
        precision,
        gradientCheckpointing,
        ...(held === 'bf16' ? { inBfloat16: weightNames(components) } : {}),
        ...(onCompile ? { onCompile } : {}),
        expectedRuns: Object.fromEntries(entries.map(([name, { expectedRuns }]) => [name, expectedRuns])),
      },
    );
    await program.load(weightsOf(components, program), onLoadProgress);
    return { engine, program, close };
  } catch (error) {
    await close();
    throw error;
  }
}

export const componentsOf = (model: DiffusionModel): readonly ModelComponent[] => [
  model.textEncoder,
  model.noisePredictor,
  model.latentCodec,
];

const weightNames = (components: readonly ModelComponent[]): ReadonlySet<string> =>
  new Set(
    components.flatMap(({ parameters }) =>
      [...parameters.entries().values()].map(({ variable }) => variableInfo(variable).name),
    ),
  );

/** Where the base model's weights lie, for every variable of the program that is one of them. */
export function baseWeights(
  model: DiffusionModel,
  program: Program,
  rename?: (name: string) => string,
): LoadFromFile[] {
  return weightsOf(componentsOf(model), program, rename);
}

function weightsOf(
  components: readonly ModelComponent[],
  program: Program,
  rename = (name: string): string => name,
): LoadFromFile[] {
  const used = new Set(program.variableNames);
  return components.flatMap(({ parameters, tensors }) =>
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
