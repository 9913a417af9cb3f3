// The tools of the machine that the installer needs, and how to get each one.

import { EngineError } from '../errors.ts';
import { runCommand } from './command.ts';

interface Tool {
  readonly name: string;
  /** Commands that show the tool is there; the first that runs is taken. */
  readonly probes: readonly (readonly [command: string, ...args: string[]])[];
  readonly packages: Readonly<Record<PackageManager, string>>;
}

type PackageManager = 'apt-get' | 'dnf' | 'pacman' | 'apk' | 'brew';

const INSTALL_COMMANDS: Readonly<Record<PackageManager, string>> = {
  'apt-get': 'sudo apt-get install -y',
  dnf: 'sudo dnf install -y',
  pacman: 'sudo pacman -S',
  apk: 'sudo apk add',
  brew: 'brew install',
};

const PYTHON: Tool = {
  name: 'python3',
  probes: [['python3', '--version']],
  packages: { 'apt-get': 'python3', dnf: 'python3', pacman: 'python', apk: 'python3', brew: 'python' },
};

const PIP: Tool = {
  name: 'pip (of python3)',
  // -I: a file called pip.py in the working folder is not run instead.
  probes: [['python3', '-I', '-m', 'pip', '--version']],
  packages: {
    'apt-get': 'python3-pip',
    dnf: 'python3-pip',
    pacman: 'python-pip',
    apk: 'py3-pip',
    brew: 'python',
  },
};

const COMPILER_PACKAGES = {
  'apt-get': 'g++',
  dnf: 'gcc-c++',
  pacman: 'gcc',
  apk: 'g++',
  brew: 'gcc',
} as const;

/** Tools found, by what they are for. */
export interface Toolchain {
  /** The C++ compiler's command. */
  readonly compiler: string;
}

/**
 * Looks for python3, its pip and a C++ compiler (`CXX`, g++, clang++).
 *
 * @throws EngineError naming every missing tool and the command that installs them on this machine.
 */
export async function findToolchain(env: NodeJS.ProcessEnv = process.env): Promise<Toolchain> {
  const compilers = [...(env['CXX'] ? [env['CXX']] : []), 'g++', 'clang++', 'c++'];
  const compilerTool: Tool = {
    name: 'a C++ compiler (g++ or clang++)',
    probes: compilers.map((name) => [name, '--version'] as const),
    packages: COMPILER_PACKAGES,
  };
  const missing: Tool[] = [];
  const hasPython = (await firstThatRuns(PYTHON)) !== undefined;
  if (!hasPython) missing.push(PYTHON);
  // Without python3 nobody can tell whether pip is there; its package is named all the same.
  if (!hasPython || (await firstThatRuns(PIP)) === undefined) missing.push(PIP);
  const compiler = await firstThatRuns(compilerTool);
  if (compiler === undefined) missing.push(compilerTool);
  if (compiler === undefined || missing.length > 0) throw await missingToolsError(missing);
  return { compiler };
}

async function firstThatRuns(tool: Tool): Promise<string | undefined> {
  for (const [command, ...args] of tool.probes) {
    if ((await runCommand(command, args)).status === 0) return command;
  }
  return undefined;
}

async function missingToolsError(missing: readonly Tool[]): Promise<EngineError> {
  const names = missing.map(({ name }) => name).join(', ');
  return new EngineError(`setting up TensorFlow needs ${names}, not found on this machine`, {
    code: 'engine/missing-tools',
    hint: installCommand(
      missing.map(({ packages }) => packages),
      await findPackageManager(),
    ),
  });
}

/** One command that installs all the packages named. */
function installCommand(packages: readonly Tool['packages'][], manager: PackageManager): string {
  return `${INSTALL_COMMANDS[manager]} ${[...new Set(packages.map((names) => names[manager]))].join(' ')}`;
}

async function findPackageManager(): Promise<PackageManager> {
  if (process.platform === 'darwin') return 'brew';
  for (const manager of ['apt-get', 'dnf', 'pacman', 'apk'] as const) {
    if ((await runCommand(manager, ['--version'])).status === 0) return manager;
  }
  return 'apt-get';
}
