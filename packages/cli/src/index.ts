// The `pipeline` command. The only composition root: here plugins, networks, bundled data and core meet.
export { main } from './main.ts';
