/** The same two transports, over a WebSocket on the loopback interface. */
import { measure } from './transports.mjs';

export const run = (size, report) => measure(size, report, false);
