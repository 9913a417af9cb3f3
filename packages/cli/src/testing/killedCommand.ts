// The command in a process of its own, run from source: for tests that kill it.
import { main } from '../main.ts';

process.exitCode = await main(process.argv.slice(2));
