/**
 * Replies of handlers as JSON. What JSON has no word for is written in a fixed way, the same at any depth: a bigint as a decimal string, bytes (Uint8Array,
 * Buffer, ArrayBuffer, DataView) as base64, other typed arrays and Sets as arrays, a Map as an array of [key, value], an Error as name, message and code, a
 * RegExp as its text. The rest is as JSON.stringify does it: `toJSON` is used (dates, references to agents), undefined, functions and symbols are left out of
 * objects and null in arrays, NaN and infinities are null.
 */
import { GatewayError } from './gateway-error.js';

/**
 * The JSON text of a value; that of undefined is `null`.
 * @throws GatewayError GATEWAY_REPLY_NOT_JSON for a value that contains itself, is nested too deeply, or whose text would be too long
 */
export function toJson(value: unknown): string {
  try {
    return JSON.stringify(value, expressible) ?? 'null';
  } catch (cause) {
    const [reason] = (cause instanceof Error ? cause.message : String(cause)).split('\n');
    throw new GatewayError('GATEWAY_REPLY_NOT_JSON', 500, `the reply cannot be written as JSON: ${reason}; the handler must reply with what JSON can say`, {
      cause,
    });
  }
}

function expressible(this: unknown, key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return String(value);
  if (typeof value !== 'object' || value === null) return value;
  // What it was before its own toJSON, which Buffers have.
  const original = (this as Record<string, unknown>)[key];
  if (original instanceof Uint8Array || original instanceof Uint8ClampedArray || original instanceof DataView) {
    return Buffer.from(original.buffer, original.byteOffset, original.byteLength).toString('base64');
  }
  if (original instanceof ArrayBuffer || original instanceof SharedArrayBuffer) return Buffer.from(original).toString('base64');
  if (ArrayBuffer.isView(value)) return Array.from(value as Float64Array);
  if (value instanceof Map || value instanceof Set) return [...value];
  if (value instanceof Error) return { name: value.name, message: value.message, code: (value as { code?: unknown }).code };
  if (value instanceof RegExp) return String(value);
  return value;
}
