// A compiled program: functions that share variables, living in the engine process.
import type { LoadFromFile, SaveToFile } from './child/protocol.ts';
import type { Engine, OnProgress } from './engineProcess.ts';
import type { TypedData } from './graph/graph.ts';

export type ResolvedMode = 'xla' | 'graph' | 'eager';

/** What can change the bits of a program's results. */
export interface ProgramIdentity {
  /** By function. */
  readonly modes: Readonly<Record<string, ResolvedMode>>;
  readonly precision: 'fp32' | 'bf16';
  readonly threads: number;
  readonly tensorflow: string;
}

export interface ProgramFacts {
  /** sha256 over the emitted program: equal steps have equal hashes. */
  readonly hash: string;
  readonly nodes: number;
  readonly traceSeconds: number;
  readonly identity: ProgramIdentity;
}

/** Functions `Names` that share variables. Calls are answered in order. */
export class Program<Names extends string = string> {
  readonly facts: ProgramFacts;
  readonly variableNames: readonly string[];
  private readonly engine: Engine;
  private readonly id: number;

  constructor(engine: Engine, id: number, variableNames: readonly string[], facts: ProgramFacts) {
    this.engine = engine;
    this.id = id;
    this.variableNames = variableNames;
    this.facts = facts;
  }

  /**
   * Calls a function; its first call compiles it in `xla` mode.
   * @param feeds one typed array per input, of the input's size
   * @returns one typed array per output
   * @throws EngineError when TensorFlow refuses
   */
  run(fn: Names, feeds: Readonly<Record<string, TypedData>> = {}): Promise<Record<string, TypedData>> {
    return this.engine.request('run', { program: this.id, fn, feeds });
  }

  /** Sets whole variables. One element fills a variable. */
  async write(values: ReadonlyMap<string, TypedData>): Promise<void> {
    await this.engine.request('write', { program: this.id, values });
  }

  /** Sets rows of a variable from `firstRow` on. */
  async writeRows(name: string, firstRow: number, values: TypedData): Promise<void> {
    await this.engine.request('writeRows', { program: this.id, name, firstRow, values });
  }

  /** Sets variables to zero without sending zeros. */
  async zero(names: readonly string[]): Promise<void> {
    await this.engine.request('zero', { program: this.id, names });
  }

  read(names: readonly string[]): Promise<Map<string, TypedData>> {
    return this.engine.request('read', { program: this.id, names });
  }

  /** Fills variables from safetensors files; the engine process reads them by range. */
  async load(tensors: readonly LoadFromFile[], onProgress?: OnProgress): Promise<void> {
    await this.engine.request('loadFiles', { program: this.id, tensors }, onProgress);
  }

  /** Writes variables into one safetensors file; it is whole or absent. */
  async save(
    path: string,
    tensors: readonly SaveToFile[],
    metadata: Readonly<Record<string, string>> = {},
    onProgress?: OnProgress,
  ): Promise<void> {
    await this.engine.request('save', { program: this.id, path, tensors, metadata }, onProgress);
  }

  /** Frees variables and code. */
  async dispose(): Promise<void> {
    await this.engine.request('dispose', { program: this.id });
  }
}
