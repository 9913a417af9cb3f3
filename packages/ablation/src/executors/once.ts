// Something that happens once, for whoever waits for it. (`Promise.withResolvers` is younger than Node 20.)

export interface Once {
  readonly promise: Promise<void>;
  readonly resolve: () => void;
}

export function once(): Once {
  let resolve: () => void = () => undefined;
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
