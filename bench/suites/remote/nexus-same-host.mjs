/** The same two nodes, which talk through shared memory because they are on one machine. */
import { runNodes } from './nexus.mjs';

export const run = (size, report) => runNodes(true, size, report);
