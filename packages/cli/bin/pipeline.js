#!/usr/bin/env node
// Under nohup or as a service a hang-up is no reason to end, from the first moment on: Node forgets that it was ignored.
if (!process.stdout.isTTY && !process.stderr.isTTY) process.on('SIGHUP', () => undefined);
const { main } = await import('../dist/index.js');

process.exitCode = await main(process.argv.slice(2));
