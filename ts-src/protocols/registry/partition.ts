/** Which part of the directory an id is in: the same on all nodes, of all versions, for ever. */
import { textHash } from '../../routing/text-hash.js';

/** Parts that the directory is cut into: what one member owns is a set of them. */
export const PARTITIONS = 4096;

/** Part of what nodes agree on: never changed. */
const ID_SEED = 0x52_65_67_31;

export function partitionOf(id: string): number {
  return textHash(id, ID_SEED) & (PARTITIONS - 1);
}
