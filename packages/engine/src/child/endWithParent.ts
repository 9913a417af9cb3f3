// A parent that was killed cannot say so, and this process hears nothing while it computes or compiles, which may last
// minutes. A thread of its own looks whose child the process is.
import { Worker } from 'node:worker_threads';

const LOOK_EVERY_MS = 1000;

/** Ends this process within seconds after its parent has ended. */
export function endWithParent(): void {
  const watch = `
    const parent = ${process.ppid};
    setInterval(() => {
      if (process.ppid !== parent) process.kill(process.pid, 'SIGKILL');
    }, ${LOOK_EVERY_MS});
  `;
  new Worker(watch, { eval: true, stdin: false, stdout: false, stderr: false }).unref();
}
