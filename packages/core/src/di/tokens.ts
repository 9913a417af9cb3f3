// Typed tokens over inversify's service identifiers: a token knows the type of what it names.

declare const VALUE: unique symbol;

/** Names a service of type `T` in the container. */
export interface Token<T> {
  readonly id: symbol;
  readonly description: string;
  /** Never there at run time: carries `T` for the compiler. */
  readonly [VALUE]?: T;
}

/** Asks for every service bound to a token, in the order of binding. */
export interface All<T> {
  readonly all: Token<T>;
}

/** Asks for a service that need not be there. */
export interface Optional<T> {
  readonly optional: Token<T>;
}

export type Dependency<T = unknown> = Token<T> | All<T> | Optional<T>;

/** Type of what is injected for a dependency. */
export type Injected<D> =
  D extends All<infer T>
    ? T[]
    : D extends Optional<infer T>
      ? T | undefined
      : D extends Token<infer T>
        ? T
        : never;

/** Arguments of a factory, one for each dependency. */
export type InjectedAll<Dependencies extends readonly unknown[]> = {
  [I in keyof Dependencies]: Injected<Dependencies[I]>;
};

/** Binds a token to a factory of its dependencies; a wrong or missing one is a compile error. */
export type Provide = <T, const Dependencies extends readonly Dependency[]>(
  token: Token<T>,
  dependencies: Dependencies,
  // NoInfer: the token alone says what T is, else a factory of something wider would widen T
  factory: (...injected: InjectedAll<Dependencies>) => NoInfer<T>,
) => void;

/** A new token; two tokens of one description are still different. */
export function token<T>(description: string): Token<T> {
  return { id: Symbol(description), description };
}

export function all<T>(of: Token<T>): All<T> {
  return { all: of };
}

export function optional<T>(of: Token<T>): Optional<T> {
  return { optional: of };
}
