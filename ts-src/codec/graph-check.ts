/**
 * Whether a message has to be written as a graph: it is cyclic, or has more than TREE_DEPTH_MAX containers in each other. The tree writer
 * finds that by itself unless it runs out of room first; then the question decides whether there really was too little.
 */

import { TREE_DEPTH_MAX } from './extensions.js';
import { kindOf } from './object-kinds.js';
import type { ReferenceCodec } from './reference-codec.js';

/** `room` in bytes: a longer array does not fit anyway, and may be sparse and endless. */
export function needsGraph(value: unknown, room: number, references: ReferenceCodec): boolean {
  return heightOf(value, 0, { heights: new Map(), room, references }) === TOO_HIGH;
}

interface Search {
  /** Of those that are finished; TOO_HIGH for those around. */
  readonly heights: Map<object, number>;
  readonly room: number;
  readonly references: ReferenceCodec;
}

const TOO_HIGH = Number.POSITIVE_INFINITY;

/** Containers in each other, at most; TOO_HIGH as soon as these and the `depth` around them are too many. */
function heightOf(value: unknown, depth: number, search: Search): number {
  const { heights } = search;
  if (typeof value !== 'object' || value === null) return 0;
  const known = heights.get(value);
  if (known !== undefined) return known + depth > TREE_DEPTH_MAX ? TOO_HIGH : known;
  const parts = partsOf(value, search);
  if (parts === undefined) return 0;
  if (depth >= TREE_DEPTH_MAX) return TOO_HIGH;
  heights.set(value, TOO_HIGH);
  let height = 0;
  for (const part of parts) {
    const below = heightOf(part, depth + 1, search);
    if (below === TOO_HIGH) return TOO_HIGH;
    if (below > height) height = below;
  }
  heights.set(value, height + 1);
  return height + 1;
}

/** undefined when it is no container. */
function partsOf(value: object, { room, references }: Search): Iterable<unknown> | undefined {
  if (Array.isArray(value)) return value.length > room ? undefined : value;
  if (ArrayBuffer.isView(value) || references.isReference(value)) return undefined;
  switch (kindOf(value)) {
    case 'instance':
      return Object.values(value);
    case 'map':
      return [...(value as Map<unknown, unknown>)].flat(1);
    case 'set':
      return value as Set<unknown>;
    case 'error':
      return [...Object.values(value), (value as Error).cause, (value as AggregateError).errors];
    default:
      return undefined;
  }
}
