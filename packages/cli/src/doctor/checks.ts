// What a machine must have, what it has, and what to do about the difference. Each check answers for itself.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { availableParallelism, cpus, freemem, totalmem } from 'node:os';
import { defaultThreads, tensorFlowStatus } from '@likeness/engine';
import { cacheSizes } from '../commands/cache.ts';
import { nearestExisting } from '../run/diskSpace.ts';
import { formatBytes, formatSeconds } from '../terminal/format.ts';
import { tryEngine, type EngineTrial } from './engineTrial.ts';

export interface Check {
  readonly name: string;
  /** `note`: works, could be better. */
  readonly state: 'ok' | 'note' | 'wrong';
  readonly value: string;
  /** What to do, where something is to be done. */
  readonly hint?: string;
}

const LEAST_NODE = [20, 19] as const;
const LEAST_MEMORY_BYTES = 4e9;
const LEAST_DISK_BYTES = 3e9;

/** All checks, in the order they are told. */
export async function checkMachine(cacheDir: string): Promise<Check[]> {
  const status = tensorFlowStatus(cacheDir);
  const trial = status.install === undefined ? undefined : await tryEngine();
  return [
    nodeCheck(),
    pnpmCheck(),
    ...(status.install === undefined ? toolChecks() : []),
    tensorFlowCheck(status),
    ...trialChecks(trial, status.nvidiaDriver),
    allocatorCheck(status.allocator),
    processorCheck(),
    memoryCheck(),
    await diskCheck('disk for runs', process.cwd()),
    await diskCheck('disk for the cache', cacheDir),
    await cacheCheck(cacheDir),
  ];
}

function nodeCheck(): Check {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const isEnough = major > LEAST_NODE[0] || (major === LEAST_NODE[0] && minor >= LEAST_NODE[1]);
  const value = `${process.versions.node} (${process.platform} ${process.arch})`;
  return isEnough
    ? { name: 'Node', state: 'ok', value }
    : {
        name: 'Node',
        state: 'wrong',
        value,
        hint: `install Node ${LEAST_NODE.join('.')} or newer, for example with \`nvm install 22\``,
      };
}

function pnpmCheck(): Check {
  const version = versionOf('pnpm', '--version');
  return {
    name: 'pnpm',
    state: 'ok',
    value: version ?? 'none; only working on Likeness itself needs it, and npm start fetches its own',
  };
}

function toolChecks(): Check[] {
  const tools = [
    ['python3', ['python3', '--version'], 'sudo apt-get install -y python3'],
    ['pip', ['python3', '-I', '-m', 'pip', '--version'], 'sudo apt-get install -y python3-pip'],
    ['C++ compiler', ['g++', '--version'], 'sudo apt-get install -y g++'],
  ] as const;
  return tools.map(([name, [command, ...args], hint]): Check => {
    const version = versionOf(command, ...args);
    return version === undefined
      ? { name, state: 'wrong', value: 'not found; setting TensorFlow up needs it', hint }
      : { name, state: 'ok', value: version };
  });
}

function tensorFlowCheck({
  install,
  wantedVersion,
  wantedVariant,
}: ReturnType<typeof tensorFlowStatus>): Check {
  if (install === undefined) {
    return {
      name: 'TensorFlow',
      state: 'note',
      value: `${wantedVersion} (${wantedVariant}) is not set up yet`,
      hint: 'nothing: the first run fetches and compiles it (about 300 MB, a minute)',
    };
  }
  return { name: 'TensorFlow', state: 'ok', value: `${install.version}, ${install.variant}` };
}

function trialChecks(trial: EngineTrial | undefined, nvidiaDriver: string | undefined): Check[] {
  if (trial === undefined) return [];
  if ('failure' in trial) {
    const hint = 'remove the tensorflow folder in the cache; the next run sets it up again';
    return [{ name: 'engine', state: 'wrong', value: trial.failure, hint }];
  }
  const hasGpu = trial.devices.some((device) => /gpu/i.test(device));
  const devices: Check = { name: 'devices', state: 'ok', value: trial.devices.join(', ') };
  const blind: Check = {
    ...devices,
    state: 'note',
    hint: `an NVIDIA driver (${nvidiaDriver ?? ''}) is there but TensorFlow sees no GPU: check with nvidia-smi`,
  };
  return [
    { name: 'engine', state: 'ok', value: `starts in ${formatSeconds(trial.startSeconds)}` },
    nvidiaDriver !== undefined && !hasGpu ? blind : devices,
    trial.xlaFailure === undefined
      ? {
          name: 'compile mode',
          state: 'ok',
          value: `xla works (a small function in ${formatSeconds(trial.compileSeconds)}); short work uses graph`,
        }
      : {
          name: 'compile mode',
          state: 'note',
          value: `graph: xla fails here, ${trial.xlaFailure}`,
          hint: 'use --mode graph',
        },
  ];
}

function allocatorCheck(allocator: string | undefined): Check {
  if (process.platform !== 'linux') return { name: 'allocator', state: 'ok', value: "the system's" };
  return allocator === undefined
    ? {
        name: 'allocator',
        state: 'note',
        value: "glibc's",
        hint: 'sudo apt-get install -y libtcmalloc-minimal4 (up to a third of a step is memory handed back and forth)',
      }
    : { name: 'allocator', state: 'ok', value: allocator };
}

function processorCheck(): Check {
  const model = cpus()[0]?.model.trim() ?? 'unknown';
  const flags = existsSync('/proc/cpuinfo') ? readFileSync('/proc/cpuinfo', 'utf8') : '';
  const extensions = ['avx512f', 'avx2', 'avx512_bf16', 'amx_bf16'].filter((name) =>
    flags.includes(` ${name}`),
  );
  const threads = `${defaultThreads()} of ${availableParallelism()} threads`;
  return { name: 'processor', state: 'ok', value: [model, ...extensions, threads].join(', ') };
}

function memoryCheck(): Check {
  const value = `${formatBytes(totalmem())}, ${formatBytes(freemem())} free`;
  return totalmem() < LEAST_MEMORY_BYTES
    ? {
        name: 'memory',
        state: 'note',
        value,
        hint: 'the bundled model needs about 2 GB; close what else needs memory',
      }
    : { name: 'memory', state: 'ok', value };
}

async function diskCheck(name: string, folder: string): Promise<Check> {
  const { bavail, bsize } = await statfs(nearestExisting(folder));
  const free = bavail * bsize;
  const value = `${formatBytes(free)} free at ${folder}`;
  return free < LEAST_DISK_BYTES
    ? {
        name,
        state: 'note',
        value,
        hint: 'make room, or choose another place with --output-dir, --cache-dir or LIKENESS_CACHE',
      }
    : { name, state: 'ok', value };
}

async function cacheCheck(cacheDir: string): Promise<Check> {
  const sizes = Object.entries(await cacheSizes(cacheDir)).map(
    ([kind, bytes]) => `${kind} ${formatBytes(bytes)}`,
  );
  return { name: 'cache', state: 'ok', value: sizes.join(', ') || 'empty' };
}

/** First line of what a tool says about its version; undefined when it is not there. */
function versionOf(command: string, ...args: readonly string[]): string | undefined {
  const { status, stdout } = spawnSync(command, args, { encoding: 'utf8', timeout: 10_000 });
  return status === 0 ? stdout.split('\n')[0]?.trim() : undefined;
}
