/** The logger of a nexus that was given none: warnings and errors as JSON lines on standard error. */
import type { Logger } from '../model/agent-context.js';

export const standardErrorLogger: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: (data, message) => write('warn', data, message),
  error: (data, message) => write('error', data, message),
};

function write(level: string, data: object, message: string): void {
  const line = { level, time: new Date().toISOString(), message };
  let text: string;
  try {
    text = JSON.stringify({ ...line, ...data }, readable());
  } catch (error) {
    // What is to be said must not fail for what it is about.
    text = JSON.stringify({ ...line, unprintable: String(error) });
  }
  process.stderr.write(`${text}\n`);
}

/** Errors have no enumerable properties of their own, bigints no JSON, and what refers to itself no end. */
function readable(): (key: string, value: unknown) => unknown {
  const seen = new WeakSet<object>();
  return (_key, value) => {
    if (typeof value === 'bigint') return String(value);
    if (typeof value !== 'object' || value === null) return value;
    if (seen.has(value)) return '(seen before)';
    seen.add(value);
    return value instanceof Error ? { ...value, name: value.name, message: value.message, stack: value.stack } : value;
  };
}
