/**
 * The rumours that this node still has to tell: one about each member, the newest. Those that were told least go first, and of these the one that has waited longest; a rumour that has been told
 * often enough is dropped (SWIM, 4.1). It does not know what a rumour says, and sends nothing.
 */
import { nodeKey } from '../../model/node-identity.js';
import { type Rumour, RUMOURS_MAX } from './swim-messages.js';

/** All rumours of one message together, about; one of them alone may be larger. */
export const RUMOURS_BYTES_MAX = 16_384;

export class RumourQueue {
  /** By how often they were told; in each, by member, the one that has waited longest first. */
  readonly #told: Map<string, Rumour>[] = [];
  /** Times that the rumour about a member was told. */
  readonly #places = new Map<string, number>();

  /** How many rumours wait. */
  get size(): number {
    return this.#places.size;
  }

  /** Takes the place of an older rumour about the same member, and is told as if nobody had heard of it. */
  put(rumour: Rumour): void {
    const key = nodeKey(rumour.about);
    this.#remove(key);
    this.#insert(key, rumour, 0);
  }

  remove(about: Rumour['about']): void {
    this.#remove(nodeKey(about));
  }

  /** The next rumours for one message after those in `first`, which are not told twice. @param tellings times that each is to be told */
  take(tellings: number, first: readonly Rumour[] = []): readonly Rumour[] {
    if (this.#places.size === 0) return first;
    const taken = [...first];
    const skipped = new Set(first.map(({ about }) => nodeKey(about)));
    let bytes = first.reduce((sum, rumour) => sum + bytesOf(rumour), 0);
    const moved: [string, Rumour, number][] = [];
    search: for (let told = 0; told < this.#told.length; told++) {
      for (const [key, rumour] of this.#told[told] as Map<string, Rumour>) {
        if (taken.length >= RUMOURS_MAX) break search;
        if (skipped.has(key)) continue;
        bytes += bytesOf(rumour);
        if (bytes > RUMOURS_BYTES_MAX && taken.length > 0) break search;
        taken.push(rumour);
        moved.push([key, rumour, told + 1]);
      }
    }
    for (const [key, rumour, told] of moved) {
      this.#remove(key);
      if (told < tellings) this.#insert(key, rumour, told);
    }
    return taken;
  }

  #insert(key: string, rumour: Rumour, told: number): void {
    while (this.#told.length <= told) this.#told.push(new Map());
    (this.#told[told] as Map<string, Rumour>).set(key, rumour);
    this.#places.set(key, told);
  }

  #remove(key: string): void {
    const told = this.#places.get(key);
    if (told === undefined) return;
    this.#places.delete(key);
    this.#told[told]?.delete(key);
  }
}

function bytesOf({ about, by, metadata }: Rumour): number {
  return 24 + about.name.length + by.length + (metadata?.length ?? 0);
}
