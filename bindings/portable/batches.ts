/**
 * Lists of names as loops over the single forms: what `insertMany`, `findMany` and `removeMany` mean. The portable table's, and what the other engines are compared
 * with; those fetch the memory of many names at once, which nothing in JavaScript can do.
 */
import { FOUND_NUMBERS, INSERTED_NUMBERS, type RoutingTable } from '../../ts-src/ports/engine.js';
import { checkKeys } from './encoded-key.js';
import { checkPayloads } from './payload-limits.js';

export function insertEach(
  table: Pick<RoutingTable, 'insert' | 'generationOf'>,
  keys: readonly string[],
  kind: number,
  payloads: readonly (Uint8Array | undefined)[] | undefined,
  parent: number,
): Int32Array {
  checkKeys(keys);
  checkPayloads(keys, payloads);
  const inserted = new Int32Array(keys.length * INSERTED_NUMBERS);
  for (let index = 0, at = 0; index < keys.length; index++, at += INSERTED_NUMBERS) {
    const slot = table.insert(keys[index] as string, kind, payloads?.[index], parent);
    inserted[at] = slot;
    if (slot > 0) inserted[at + 1] = table.generationOf(slot);
  }
  return inserted;
}

export function findEach(table: Pick<RoutingTable, 'find' | 'foundGeneration' | 'foundKind'>, keys: readonly string[]): Int32Array {
  checkKeys(keys);
  const found = new Int32Array(keys.length * FOUND_NUMBERS);
  for (let index = 0, at = 0; index < keys.length; index++, at += FOUND_NUMBERS) {
    const slot = table.find(keys[index] as string);
    if (slot === 0) continue;
    found[at] = slot;
    found[at + 1] = table.foundGeneration;
    found[at + 2] = table.foundKind;
  }
  return found;
}

export function removeEach(table: Pick<RoutingTable, 'remove'>, addresses: Int32Array): number {
  let removed = 0;
  for (let at = 0; at + 1 < addresses.length; at += 2) if (table.remove(addresses[at] as number, addresses[at + 1] as number)) removed++;
  return removed;
}
