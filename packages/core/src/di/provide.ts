// The one place that talks to inversify: tokens and factories become bindings, without decorators.
import 'reflect-metadata';
import { Container, ContainerModule, type ContainerModuleLoadOptions } from 'inversify';
import { PluginError } from '../errors.ts';
import type { All, Dependency, Injected, Optional, Provide, Token } from './tokens.ts';

/** Bindings of one plugin, or of core. */
export interface Module {
  /** Told in errors: `plugin lora`. */
  readonly name: string;
  readonly bind: (provide: Provide) => void;
}

/** Resolves services; each is made once, when it is first asked for. */
export interface ServiceContainer {
  /** @throws PluginError for a token that nobody provides, or several do */
  get<D extends Dependency>(dependency: D): Injected<D>;
}

/** Who provides a token with which dependencies. */
interface Binding {
  readonly module: string;
  readonly target: Token<unknown>;
  readonly dependencies: readonly Dependency[];
}

/**
 * A container with the bindings of all modules.
 * @throws PluginError listing every dependency that nobody provides, or that several do
 */
export function createContainer(modules: readonly Module[]): ServiceContainer {
  const container = new Container({ defaultScope: 'Singleton' });
  const bindings: Binding[] = [];
  container.load(
    ...modules.map(
      (module) => new ContainerModule((options) => module.bind(provideInto(options, module.name, bindings))),
    ),
  );
  const details = bindings.flatMap(({ module, target, dependencies }) =>
    dependencies.flatMap((dependency) => {
      const problem = problemOf(dependency, bindings);
      return problem === undefined ? [] : [`${module}: ${target.description} needs ${problem}`];
    }),
  );
  if (details.length > 0)
    throw new PluginError('services do not fit together', {
      code: 'plugin/services',
      where: 'container',
      details,
    });
  return {
    get: (dependency) => {
      const problem = problemOf(dependency, bindings);
      if (problem !== undefined)
        throw new PluginError(problem, { code: 'plugin/services', where: 'container' });
      return resolve(container, dependency);
    },
  };
}

function provideInto({ bind }: ContainerModuleLoadOptions, module: string, bindings: Binding[]): Provide {
  return (target, dependencies, factory) => {
    bindings.push({ module, target, dependencies });
    // `Provide` holds token, dependencies and factory together; inversify's own types follow decorated classes.
    const make = factory as unknown as (...injected: unknown[]) => unknown;
    bind<unknown>(target.id).toResolvedValue(make, dependencies.map(injection)).inSingletonScope();
  };
}

/** Why a dependency cannot be injected, if so. */
function problemOf(dependency: Dependency, bindings: readonly Binding[]): string | undefined {
  if (isAll(dependency)) return undefined;
  const wanted = isOptional(dependency) ? dependency.optional : dependency;
  const providers = bindings.filter(({ target }) => target.id === wanted.id).map(({ module }) => module);
  if (providers.length > 1) return `${wanted.description}, which several provide: ${providers.join(', ')}`;
  return providers.length === 0 && !isOptional(dependency)
    ? `${wanted.description}, which nobody provides`
    : undefined;
}

function injection(
  dependency: Dependency,
): symbol | { serviceIdentifier: symbol; isMultiple?: true; optional: true } {
  if (isAll(dependency)) return { serviceIdentifier: dependency.all.id, isMultiple: true, optional: true };
  if (isOptional(dependency)) return { serviceIdentifier: dependency.optional.id, optional: true };
  return dependency.id;
}

function resolve<D extends Dependency>(container: Container, dependency: D): Injected<D> {
  // What a token's id is bound to has the token's type: `Provide` saw to it.
  if (isAll(dependency)) return container.getAll(dependency.all.id, { optional: true }) as Injected<D>;
  if (isOptional(dependency)) return container.get(dependency.optional.id, { optional: true }) as Injected<D>;
  return container.get((dependency as Token<unknown>).id) as Injected<D>;
}

function isAll(dependency: Dependency): dependency is All<unknown> {
  return 'all' in dependency;
}

function isOptional(dependency: Dependency): dependency is Optional<unknown> {
  return 'optional' in dependency;
}
