// Where in the caller's code a tfjs call was made: the first stack frame outside tfjs and outside the recorder.
const INTERNAL =
  /node_modules[\\/]@tensorflow|[\\/]engine[\\/](src[\\/]recording|dist)[\\/]|\(?node:internal/;

/** @returns `function (file:line:column)` of the code that called into tfjs, or 'unknown'. */
export function callSite(): string {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 60;
  const stack = new Error().stack ?? '';
  Error.stackTraceLimit = limit;
  const frames = stack.split('\n').slice(1);
  const frame = frames.find((line) => !INTERNAL.test(line)) ?? frames.at(-1);
  return frame?.trim().replace(/^at /, '') ?? 'unknown';
}
