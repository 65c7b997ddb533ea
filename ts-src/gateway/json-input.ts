/**
 * Text of a request to a value that is safe to hand to a handler: JSON, nested at most 256 deep, without the keys that reach a prototype when a handler
 * merges or copies what it got. Such a key is refused, not dropped: a client that sends one should learn it.
 */
import { GatewayError } from './gateway-error.js';
import { jsonFault } from './json-fault.js';

export const NESTING_MAX = 256;

/** @throws GatewayError GATEWAY_BODY_INVALID, which says where */
export function parseJsonInput(text: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    const fault = jsonFault(text);
    const where = fault === undefined ? {} : { position: fault.position, line: fault.line, column: fault.column };
    throw new GatewayError('GATEWAY_BODY_INVALID', 422, `the body is not JSON: ${fault?.message ?? (cause as Error).message}`, { data: where });
  }
  // Shorter texts cannot be nested too deeply, and a dangerous key is written out or escaped.
  if (text.length > 2 * NESTING_MAX || /proto|\\u/.test(text)) check(value);
  return value;
}

/** One level of the value on the way to the part that is looked at. */
interface Level {
  readonly parent: Level | undefined;
  readonly key: string | number;
  readonly value: object;
  readonly depth: number;
}

/** Without recursion, since the depth is what is checked. */
function check(root: unknown): void {
  if (typeof root !== 'object' || root === null) return;
  const waiting: Level[] = [{ parent: undefined, key: '', value: root, depth: 1 }];
  for (let level = waiting.pop(); level !== undefined; level = waiting.pop()) {
    if (level.depth > NESTING_MAX) throw new GatewayError('GATEWAY_BODY_INVALID', 422, `the body is nested more than ${NESTING_MAX} deep`);
    const { value } = level;
    if (Array.isArray(value)) {
      for (let index = 0; index < value.length; index++) enter(waiting, level, index, value[index]);
      continue;
    }
    for (const key of Object.keys(value)) {
      const part = (value as Record<string, unknown>)[key];
      if (key === '__proto__' || (key === 'constructor' && typeof part === 'object' && part !== null && Object.hasOwn(part, 'prototype'))) {
        const path = pathOf(level, key);
        throw new GatewayError('GATEWAY_BODY_INVALID', 422, `the body has the key '${path}', which could reach a prototype; it is not taken`, {
          data: { path },
        });
      }
      enter(waiting, level, key, part);
    }
  }
}

function enter(waiting: Level[], parent: Level, key: string | number, value: unknown): void {
  if (typeof value === 'object' && value !== null) waiting.push({ parent, key, value, depth: parent.depth + 1 });
}

function pathOf(level: Level, key: string): string {
  const keys: (string | number)[] = [key];
  for (let at: Level | undefined = level; at?.parent !== undefined; at = at.parent) keys.unshift(at.key);
  return keys.join('.');
}
