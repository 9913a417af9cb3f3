// The engine process as its parent sees it: starts the child with TensorFlow in it, sends requests, ends it.
import { fork, type ChildProcess } from 'node:child_process';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { EngineError } from './errors.ts';
import { fromWire } from './child/wireError.ts';
import type { EngineInfo, EngineStats, Method, Methods, Reply } from './child/protocol.ts';
import {
  cacheDir,
  ensureTensorFlow,
  findAllocator,
  type InstallProgress,
  type TensorFlowInstall,
} from './install/index.ts';
import { notePrograms, programCacheFlags, programFolder, verifyPrograms } from './programCache.ts';

export interface EngineOptions {
  /** Threads TensorFlow computes with; part of what makes bits equal. Default: the cores. */
  readonly threads?: number;
  /** Keep what XLA compiles for later runs (in the per-user cache folder, or the one named). Default: true. */
  readonly programCache?: boolean | string;
  /** Progress of a first-time set-up of TensorFlow. */
  readonly onInstallProgress?: (progress: InstallProgress) => void;
}

export type OnProgress = (done: number, total: number) => void;

interface Pending {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
  readonly onProgress: OnProgress | undefined;
  readonly method: Method;
}

// Both src/ and dist/ lie beside dist/, so this holds for sources under test as well as for the built package.
const CHILD_ENTRY = fileURLToPath(new URL('../dist/child.js', import.meta.url));
const KEPT_STDERR_BYTES = 8_000;
const XLA_CPU_FLAGS = [
  // An eighth less to compile, and the same speed: what is left to LLVM are elementwise loops and sums.
  '--xla_backend_optimization_level=1',
  // Depth first, every value next to its use. XLA's default starts whatever it can as early as it can: casts of all
  // weights, blocks that gradient checkpointing computes again. At SD 1.5's size that is twice the temporary memory.
  '--xla_cpu_enable_concurrency_optimized_scheduler=false',
].join(' ');
/** Algorithms whose sums do not depend on which thread came first: equal runs give equal bits on a GPU, too. */
const XLA_GPU_FLAGS = '--xla_gpu_deterministic_ops=true';
/** What TensorFlow says of itself on every start. */
const NOISE = /^WARNING: All log messages before absl|^I\d{4} /;
const OUT_OF_MEMORY =
  'the system may have ended it for using too much memory: a smaller batch, gradient checkpointing or bf16 needs less';

/** A running engine process. */
export class Engine {
  readonly threads: number;
  private readonly child: ChildProcess;
  /** Where compiled programs are kept. */
  private readonly programs: string | undefined;
  private readonly pending = new Map<number, Pending>();
  private stderr = '';
  private nextId = 1;
  private ended: EngineError | undefined;
  private about: EngineInfo | undefined;
  private resolveEnd: () => void = () => undefined;
  private readonly end = new Promise<void>((resolve) => (this.resolveEnd = resolve));

  constructor(child: ChildProcess, threads: number, programs?: string) {
    this.programs = programs;
    this.child = child;
    this.threads = threads;
    child.on('message', (reply) => {
      this.receive(reply as Reply);
    });
    child.on('exit', (code, signal) => {
      const end = (): void => this.fail(code, signal);
      // What the process said last may still be in the pipe.
      if (child.stderr === null || child.stderr.closed) end();
      else child.stderr.once('close', end);
    });
    child.on('error', (error) => {
      if (child.pid === undefined) this.fail(null, null, error.message);
      // Otherwise a request could not be sent: 'exit' follows and answers it.
    });
    child.stderr?.on('data', (chunk: Buffer) => {
      this.stderr = (this.stderr + chunk.toString()).slice(-KEPT_STDERR_BYTES);
    });
  }

  /** TensorFlow's version, whether a GPU is used. Known after `startEngine`. */
  get info(): EngineInfo {
    if (this.about === undefined)
      throw new EngineError('the engine process has not started', { code: 'engine/ended' });
    return this.about;
  }

  /** @throws EngineError what the engine process says, or that it has ended */
  request<M extends Method>(
    method: M,
    params: Methods[M]['params'],
    onProgress?: OnProgress,
  ): Promise<Methods[M]['result']> {
    if (this.ended) return Promise.reject(this.ended);
    const id = this.nextId++;
    return new Promise((resolve, reject) => {
      this.pending.set(id, { resolve: resolve as (result: unknown) => void, reject, onProgress, method });
      this.child.send({ id, method, params }, () => undefined);
    });
  }

  stats(): Promise<EngineStats> {
    return this.request('stats', undefined);
  }

  /** To be called when a program was compiled: it is kept from now on. */
  async keepCompiled(): Promise<void> {
    if (this.programs !== undefined) await notePrograms(this.programs);
  }

  /** Waits for the first answer: TensorFlow is loaded. */
  async ready(): Promise<this> {
    this.about = await this.request('info', undefined);
    return this;
  }

  /** Ends the process when its current request is done. */
  async close(): Promise<void> {
    if (this.ended) return;
    if (this.child.connected) this.child.disconnect();
    await this.end;
  }

  /** Ends the process now, whatever it computes. */
  kill(): void {
    this.child.kill('SIGKILL');
  }

  private receive(reply: Reply): void {
    const waiting = this.pending.get(reply.id);
    if (waiting === undefined) return;
    if ('progress' in reply) {
      waiting.onProgress?.(reply.progress.done, reply.progress.total);
      return;
    }
    this.pending.delete(reply.id);
    if ('error' in reply) waiting.reject(fromWire(reply.error, waiting.method));
    else waiting.resolve(reply.result);
  }

  private fail(code: number | null, signal: NodeJS.Signals | null, reason?: string): void {
    this.ended = new EngineError('the engine process ended', {
      code: 'engine/ended',
      got: reason ?? signal ?? `exit code ${code ?? 'unknown'}`,
      ...(signal === 'SIGKILL' ? { hint: OUT_OF_MEMORY } : {}),
      details: this.stderr
        .split('\n')
        .filter((line) => line !== '' && !NOISE.test(line))
        .slice(-8),
    });
    for (const { reject } of this.pending.values()) reject(this.ended);
    this.pending.clear();
    this.resolveEnd();
  }
}

/**
 * Starts an engine process; sets TensorFlow up first where that has not happened yet.
 * @throws EngineError when TensorFlow cannot be installed or loaded
 */
export async function startEngine({
  threads = defaultThreads(),
  programCache = true,
  onInstallProgress,
}: EngineOptions = {}): Promise<Engine> {
  const install = await ensureTensorFlow(onInstallProgress ? { onProgress: onInstallProgress } : {});
  const allocator = findAllocator();
  const { XLA_FLAGS: userFlags = '', TF_XLA_FLAGS: tfXlaFlags = '' } = process.env;
  const xlaFlags = `${ownXlaFlags(install)} ${userFlags}`.trim();
  const programs =
    programCache === false
      ? undefined
      : programFolder(install, threads, xlaFlags, programCache === true ? cacheDir() : programCache);
  // Read by native code when it loads: they must stand in the environment before the process starts.
  const env = {
    ...process.env,
    LIKENESS_BINDING: install.bindingPath,
    TF_CPP_MIN_LOG_LEVEL: process.env['TF_CPP_MIN_LOG_LEVEL'] ?? '2',
    TF_NUM_INTRAOP_THREADS: String(threads),
    TF_NUM_INTEROP_THREADS: '1',
    TF_FORCE_GPU_ALLOW_GROWTH: 'true',
    TF_DETERMINISTIC_OPS: isDeterministic() ? '1' : '0',
    XLA_FLAGS: xlaFlags,
    TF_XLA_FLAGS: `${tfXlaFlags} ${programCacheFlags(programs)}`.trim(),
    ...(allocator ? { LD_PRELOAD: allocator } : {}),
    ...(install.libraryPaths.length > 0
      ? {
          LD_LIBRARY_PATH: [...install.libraryPaths, process.env['LD_LIBRARY_PATH']]
            .filter(Boolean)
            .join(':'),
        }
      : {}),
  };
  const child = fork(CHILD_ENTRY, [], {
    serialization: 'advanced',
    execArgv: [],
    env,
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  const engine = new Engine(child, threads, programs);
  // Meanwhile TensorFlow loads; it looks for a program when that is called for the first time.
  const [ready] = await Promise.all([
    engine.ready(),
    programs === undefined ? undefined : verifyPrograms(programs),
  ]);
  return ready;
}

/** XLA compiles for NVIDIA with the tools that came with the library, not with those of the machine. */
function ownXlaFlags({ variant, cudaDataDir }: Pick<TensorFlowInstall, 'variant' | 'cudaDataDir'>): string {
  if (variant === 'cpu') return XLA_CPU_FLAGS;
  return [
    ...(isDeterministic() ? [XLA_GPU_FLAGS] : []),
    ...(cudaDataDir === undefined ? [] : [`--xla_gpu_cuda_data_dir=${cudaDataDir}`]),
  ].join(' ');
}

/** `TF_DETERMINISTIC_OPS=0` gives equal bits up for speed on a GPU; on a processor it changes nothing of ours. */
const isDeterministic = (): boolean => process.env['TF_DETERMINISTIC_OPS'] !== '0';

/** Threads by default: the cores. */
export const defaultThreads = (): number => Math.max(1, cpus().length);
