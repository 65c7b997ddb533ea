/** The call alone. */
import { measureCalls } from './calls.mjs';

export const run = (size, report) => measureCalls(size, report, (fn) => fn());
