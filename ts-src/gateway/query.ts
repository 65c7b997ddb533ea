/** The parameters of a URL: each known and given once, so that a misspelt one is not silently without effect. */
import { quoted } from '../errors.js';
import { didYouMean, listed, misspelt } from '../model/nearest-name.js';
import { GatewayError } from './gateway-error.js';

/** @throws GatewayError GATEWAY_QUERY_INVALID */
export function parseQuery<N extends string>(search: string, known: readonly N[]): { readonly [K in N]?: string } {
  const found: { [K in N]?: string } = {};
  for (const [name, value] of new URLSearchParams(search)) {
    if (!(known as readonly string[]).includes(name)) {
      throw invalidQuery(`unknown parameter ${quoted(name)}${didYouMean(name, known)} Parameters here are ${listed(known)}`, misspelt(name, known));
    }
    if (found[name as N] !== undefined) throw invalidQuery(`parameter '${name}' is given twice; give it once`, { name });
    found[name as N] = value;
  }
  return found;
}

/** @throws GatewayError GATEWAY_QUERY_INVALID */
export function wholeParameter(name: string, text: string | undefined, byDefault: number, min: number, max: number): number {
  if (text === undefined) return byDefault;
  const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= min && value <= max)) throw invalidQuery(`${name} is ${quoted(text)}; it must be a whole number from ${min} to ${max}`, { name });
  return value;
}

export function invalidQuery(message: string, data: Record<string, unknown>): GatewayError {
  return new GatewayError('GATEWAY_QUERY_INVALID', 422, message, { data });
}
