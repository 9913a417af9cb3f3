// A compiled program: functions that share variables, living in the engine process.
import type { FunctionDeclaration, LoadFromFile, SaveToFile } from './child/protocol.ts';
import type { Engine, OnProgress } from './engineProcess.ts';
import { EngineError } from './errors.ts';
import { elements, type TypedData } from './graph/graph.ts';

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

const ARRAYS = { float32: Float32Array, int32: Int32Array, bool: Uint8Array } as const;

/** @throws EngineError naming every input that is missing, unknown, of another size or type */
function checkFeeds({ name, inputs }: FunctionDeclaration, feeds: Readonly<Record<string, TypedData>>): void {
  const known = new Set(inputs.map(({ key }) => key));
  const details = [
    ...inputs.flatMap(({ key, shape, dtype }) => {
      const data = feeds[key];
      const expected = `${dtype} [${shape.join()}] (${elements(shape)} elements)`;
      if (data === undefined) return [`input '${key}': expected ${expected}, got nothing`];
      if (data.length === elements(shape) && data instanceof ARRAYS[dtype]) return [];
      return [
        `input '${key}': expected ${expected}, got ${data.constructor.name} of ${data.length} elements`,
      ];
    }),
    ...Object.keys(feeds).flatMap((key) => (known.has(key) ? [] : [`there is no input '${key}'`])),
  ];
  if (details.length > 0)
    throw new EngineError('the feeds do not fit', { code: 'engine/feeds', where: name, details });
}

/** Told when a function's first call starts to compile it, and again with the seconds it took. */
export type OnCompile = (fn: string, seconds?: number) => void;

/** Functions `Names` that share variables. Calls are answered in order. */
export class Program<Names extends string = string> {
  readonly facts: ProgramFacts;
  readonly variableNames: readonly string[];
  private readonly engine: Engine;
  /** Its number in the engine process. */
  readonly id: number;
  private readonly functions: ReadonlyMap<string, FunctionDeclaration>;
  private readonly onCompile: OnCompile | undefined;
  private readonly compiled = new Set<string>();

  constructor(
    engine: Engine,
    id: number,
    functions: readonly FunctionDeclaration[],
    variableNames: readonly string[],
    facts: ProgramFacts,
    onCompile?: OnCompile,
  ) {
    this.engine = engine;
    this.id = id;
    this.functions = new Map(functions.map((declared) => [declared.name, declared]));
    this.variableNames = variableNames;
    this.facts = facts;
    this.onCompile = onCompile;
  }

  /**
   * Calls a function; its first call compiles it in `xla` mode.
   * @param feeds one typed array per input, of the input's size
   * @returns one typed array per output
   * @throws EngineError naming every feed that does not fit, or what TensorFlow refuses
   */
  async run(fn: Names, feeds: Readonly<Record<string, TypedData>> = {}): Promise<Record<string, TypedData>> {
    const declared = this.functions.get(fn);
    if (declared === undefined) {
      const expected = [...this.functions.keys()].join(', ');
      throw new EngineError('the program has no such function', {
        code: 'engine/no-program',
        where: fn,
        expected,
      });
    }
    checkFeeds(declared, feeds);
    const run = (): Promise<Record<string, TypedData>> =>
      this.engine.request('run', { program: this.id, fn, feeds });
    if (this.facts.identity.modes[fn] !== 'xla' || this.compiled.has(fn)) return run();
    this.compiled.add(fn);
    this.onCompile?.(fn);
    const start = performance.now();
    const outputs = await run();
    this.onCompile?.(fn, (performance.now() - start) / 1000);
    await this.engine.keepCompiled();
    return outputs;
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
