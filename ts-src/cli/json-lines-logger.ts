/** The log of a command: JSON lines on standard error, from `info` up. Standard output is for what the command was asked for. */
import { standardErrorLogger } from '../adapters/standard-error-logger.js';
import type { Logger } from '../model/agent-context.js';

export const jsonLinesLogger: Logger = {
  ...standardErrorLogger,
  info: (data, message) => {
    process.stderr.write(`${JSON.stringify({ level: 'info', time: new Date().toISOString(), message, ...data })}\n`);
  },
};
