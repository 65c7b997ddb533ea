/** Two transports that share memory. */
import { measure } from './transports.mjs';

export const run = (size, report) => measure(size, report, true);
