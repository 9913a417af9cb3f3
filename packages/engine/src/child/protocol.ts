// What the two processes say to each other. Typed arrays travel as bytes (structured clone over a pipe); weights do
// not travel at all: the engine process reads and writes the files itself.
import type { DType, Graph, TypedData } from '../graph/graph.ts';
import type { TensorEntry } from '../safetensors/index.ts';
import type { WireError } from './wireError.ts';

export interface VariableDeclaration {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: 'float32' | 'int32';
  readonly storage: 'float32' | 'bfloat16' | 'int32';
}

/** `oihw`: the file has convolution weights `[out, in, h, w]`, the variable `[h, w, in, out]`; `oihw1x1`: the file has `[out, in, 1, 1]`, the variable `[out, in]`. */
export type FileLayout = 'asIs' | 'oihw' | 'oihw1x1';

export interface LoadFromFile {
  readonly variable: string;
  readonly entry: TensorEntry;
  readonly layout: FileLayout;
}

export interface SaveToFile {
  readonly variable: string;
  /** Name of the tensor in the file. */
  readonly key: string;
  readonly dtype: 'F32' | 'F16' | 'BF16';
  readonly layout: FileLayout;
}

export interface NamedSpec {
  readonly key: string;
  readonly shape: readonly number[];
  readonly dtype: DType;
}

export interface FunctionDeclaration {
  readonly name: string;
  readonly inputs: readonly NamedSpec[];
  readonly outputs: readonly NamedSpec[];
  /** A TensorFlow function with the variables whose handles it takes, or the graph itself to be run op by op. */
  readonly code:
    | { readonly name: string; readonly definition: Uint8Array; readonly variables: readonly string[] }
    | { readonly graph: Graph };
}

export interface ProgramDeclaration {
  readonly variables: readonly VariableDeclaration[];
  readonly functions: readonly FunctionDeclaration[];
  /** A program whose variables it uses where names agree. */
  readonly sharing?: number;
}

export interface EngineInfo {
  readonly tensorflow: string;
  readonly devices: readonly string[];
  readonly pid: number;
}

export interface EngineStats {
  /** Tensors alive in the binding: what leaks when it grows. */
  readonly tensors: number;
  readonly rssBytes: number;
  readonly peakRssBytes: number;
}

/** Requests by method: parameters and answer. */
export interface Methods {
  info: { params: undefined; result: EngineInfo };
  stats: { params: undefined; result: EngineStats };
  load: { params: ProgramDeclaration; result: number };
  run: {
    params: { program: number; fn: string; feeds: Record<string, TypedData> };
    result: Record<string, TypedData>;
  };
  write: { params: { program: number; values: ReadonlyMap<string, TypedData> }; result: void };
  writeRows: { params: { program: number; name: string; firstRow: number; values: TypedData }; result: void };
  zero: { params: { program: number; names: readonly string[] }; result: void };
  read: { params: { program: number; names: readonly string[] }; result: Map<string, TypedData> };
  loadFiles: { params: { program: number; tensors: readonly LoadFromFile[] }; result: void };
  save: {
    params: {
      program: number;
      path: string;
      tensors: readonly SaveToFile[];
      metadata: Readonly<Record<string, string>>;
    };
    result: void;
  };
  dispose: { params: { program: number }; result: void };
}
export type Method = keyof Methods;

export interface Request<M extends Method = Method> {
  readonly id: number;
  readonly method: M;
  readonly params: Methods[M]['params'];
}

export type Reply =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly error: WireError }
  | { readonly id: number; readonly progress: { readonly done: number; readonly total: number } };
