/** The same two nodes, which share memory. */
import { measure } from './nexus.mjs';

export const run = (size, report) => measure(size, report, true);
