/** The logger of a nexus that was given none: warnings and errors as JSON lines on standard error. */
import type { Logger } from '../model/agent-context.js';

export const standardErrorLogger: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: (data, message) => write('warn', data, message),
  error: (data, message) => write('error', data, message),
};

function write(level: string, data: object, message: string): void {
  process.stderr.write(`${JSON.stringify({ level, time: new Date().toISOString(), message, ...data }, readable)}\n`);
}

/** Errors have no enumerable properties of their own, and bigints no JSON. */
function readable(_key: string, value: unknown): unknown {
  if (value instanceof Error) return { ...value, name: value.name, message: value.message, stack: value.stack };
  return typeof value === 'bigint' ? String(value) : value;
}
