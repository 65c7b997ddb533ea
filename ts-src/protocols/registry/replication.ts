/**
 * Copies of the directory with the next members along the ring: the owner of a partition numbers its changes and sends them on (delta-state replication with causal delta-merging, Almeida, Shoker, Baquero 2018); a
 * successor applies them in their order, and asks for the whole partition when it lacks one. What was lost last shows in digests, which the owner sends until all successors have agreed to its version. Both sides.
 */
import { type NodeIdentity, nodeKey } from '../../model/node-identity.js';
import type { Directory } from './directory.js';
import { type DirectoryEntry, isIdle } from './directory-entry.js';
import { DirectoryPart, sizeOf } from './directory-part.js';
import type { Ownership } from './ownership.js';
import { PARTITIONS } from './partition.js';
import { Parts } from './parts.js';
import { type DeltaItem, type DigestItem, ENTRIES_MAX, ITEMS_MAX, PART_BYTES_MAX, type RegistryMessage, type StateItem } from './registry-messages.js';

const DIGEST_MS = 250;
/** Whole partitions are sent in portions of so many bytes, one in so much time: few milliseconds of work for either side, with time for others between. The rest is asked for again, after the digests of then. */
const STATE_BYTES_MAX = 64 * 1024;
const STATE_MS = 60;
/** Partitions whose digests are said to a successor with a portion, at least. */
const DIGESTS_MIN = 16;
/** A removal is remembered at least so long: who takes over what was removed comes late by that. */
const TOMBSTONE_MS = 60_000;
/** A copy that this node is no successor for any more is of use until the new ones have theirs. */
export const RETAIN_MS = 30_000;
/** Without successors nothing better comes, and what is older than this is rather wrong than of use. */
const RETAIN_ALONE_MS = 1000;
const RETAIN_LOOK_MS = 1000;

export interface ReplicationNeeds {
  send(to: NodeIdentity, message: RegistryMessage): void;
  mark(what: string): void;
}

interface Successor {
  readonly node: NodeIdentity;
  /** By partition: the version that it has, as `epoch` and `sequence`. */
  readonly agreed: Map<number, { readonly epoch: number; readonly sequence: number }>;
  /** By partition: the epoch in which it was sent the whole of it, before it agreed to anything. */
  readonly sent: Map<number, number>;
  /** Partitions that changed in this turn, and of which it can have nothing that changes could be applied to. */
  readonly whole: Set<number>;
  deltas: DeltaItem[];
}

interface Growing {
  readonly epoch: number;
  readonly sequence: number;
  readonly parts: Parts<StateItem>;
}

export class Replication {
  readonly #ownership: Ownership;
  readonly #directory: Directory;
  readonly #copies: number;
  readonly #needs: ReplicationNeeds;
  readonly #successors = new Map<string, Successor>();
  /** Of each served partition. */
  readonly #successorsOf: (readonly Successor[] | undefined)[] = new Array(PARTITIONS).fill(undefined);
  /** Served partitions that not all successors are known to have. */
  readonly #unsettled = new Set<number>();
  readonly #tombstonesSince = new Map<number, { readonly sequence: number; readonly atMs: number }>();
  /** What comes in parts. */
  readonly #growing = new Map<number, Growing>();
  /** Copies that nobody counts on, since then. */
  readonly #unusedSinceMs = new Map<number, number>();
  #digestAtMs = Number.POSITIVE_INFINITY;
  #retainAtMs = Number.POSITIVE_INFINITY;
  /** Of this portion: its bytes, its partitions, and whether more was asked for. */
  #stateBytes = 0;
  #statesSent = 0;
  #isCut = false;
  #hasDeltas = false;
  #nowMs = 0;

  constructor(ownership: Ownership, directory: Directory, copies: number, needs: ReplicationNeeds) {
    this.#ownership = ownership;
    this.#directory = directory;
    this.#copies = copies;
    this.#needs = needs;
  }

  get dueMs(): number {
    return Math.min(this.#digestAtMs, this.#retainAtMs, this.#tombstonesDueMs());
  }

  /** Partitions that not all successors are known to have as they are. */
  get unsettled(): number {
    return this.#unsettled.size;
  }

  /** The ring is another one. */
  installed(nowMs: number, departed: readonly NodeIdentity[]): void {
    this.#nowMs = nowMs;
    for (const node of departed) this.#successors.delete(nodeKey(node));
    for (let partition = 0; partition < PARTITIONS; partition++) {
      if (this.#directory.is('serving', partition)) this.#serves(partition);
      else {
        this.#successorsOf[partition] = undefined;
        this.#unsettled.delete(partition);
        this.#tombstonesSince.delete(partition);
        if (this.#directory.part(partition) === undefined || this.#directory.is('claiming', partition) || this.#isSuccessor(partition))
          this.#unusedSinceMs.delete(partition);
        else if (!this.#unusedSinceMs.has(partition)) this.#unusedSinceMs.set(partition, nowMs);
      }
    }
    this.#retainAtMs = this.#unusedSinceMs.size === 0 ? Number.POSITIVE_INFINITY : nowMs + RETAIN_LOOK_MS;
  }

  /** It is served from now on. */
  began(nowMs: number, partition: number): void {
    this.#nowMs = nowMs;
    this.#unusedSinceMs.delete(partition);
    this.#growing.delete(partition);
    this.#serves(partition);
    const part = this.#directory.part(partition) as DirectoryPart;
    if (part.tombstones.size > 0) this.#tombstonesSince.set(partition, { sequence: part.sequence, atMs: nowMs });
  }

  changed(nowMs: number, partition: number, part: DirectoryPart, entry: DirectoryEntry): void {
    this.#nowMs = nowMs;
    const { registration } = entry;
    this.#changed(partition, part, registration, registration.id, registration.token, isIdle(entry));
  }

  removed(nowMs: number, partition: number, part: DirectoryPart, id: string, token: number): void {
    this.#nowMs = nowMs;
    this.#changed(partition, part, undefined, id, token, false);
    if (!this.#tombstonesSince.has(partition)) this.#tombstonesSince.set(partition, { sequence: part.sequence, atMs: nowMs });
  }

  /** Sends the changes of this turn. */
  flush(): void {
    if (!this.#hasDeltas) return;
    this.#hasDeltas = false;
    for (const successor of this.#successors.values()) {
      const { deltas, whole } = successor;
      if (whole.size > 0) {
        this.#sendStates(successor.node, whole);
        whole.clear();
      }
      if (deltas.length === 0) continue;
      successor.deltas = [];
      for (const items of cut(deltas, ({ registration, id }) => (registration === undefined ? 48 + id.length : sizeOf(registration))))
        this.#needs.send(successor.node, { type: 'delta', view: this.#ownership.number, items });
    }
  }

  tick(nowMs: number): void {
    this.#nowMs = nowMs;
    if (nowMs >= this.#digestAtMs) this.#sayDigests();
    if (nowMs >= this.#retainAtMs) this.#dropUnused();
    for (const [partition, { sequence, atMs }] of this.#tombstonesSince) {
      if (nowMs < atMs + TOMBSTONE_MS) break;
      const part = this.#directory.served(partition);
      this.#tombstonesSince.delete(partition);
      if (part === undefined) continue;
      // Those of now have their time still before them, and those that a successor may lack wait for it.
      const isKnown = !this.#unsettled.has(partition);
      if (isKnown && part.collect(sequence) > 0) this.#needs.mark('tombstonesCollected');
      if (part.tombstones.size > 0) this.#tombstonesSince.set(partition, { sequence: part.sequence, atMs: nowMs });
    }
  }

  // Of successors.

  deltas(from: NodeIdentity, view: number, items: readonly DeltaItem[]): void {
    const lacking = new Set<number>();
    for (const { partition, epoch, sequence, registration, isIdle: wasIdle, id, token } of items) {
      if (!this.#isOfOwner(partition, from, view)) continue;
      const part = this.#directory.part(partition);
      if (part !== undefined && part.epoch === epoch && sequence <= part.sequence) continue;
      if (part === undefined || part.epoch !== epoch || sequence !== part.sequence + 1) {
        lacking.add(partition);
        continue;
      }
      part.sequence = sequence;
      if (registration === undefined) part.remove(id, token, sequence);
      else part.put({ registration, state: wasIdle ? 'offered' : 'settled', request: 0, source: undefined });
    }
    if (lacking.size === 0) return;
    this.#needs.mark('gap');
    this.#pull(from, [...lacking]);
  }

  digests(from: NodeIdentity, view: number, items: readonly DigestItem[]): void {
    const agreed: { partition: number; epoch: number; sequence: number }[] = [];
    const lacking: number[] = [];
    for (const { partition, epoch, sequence, digest } of items) {
      if (!this.#isOfOwner(partition, from, view)) continue;
      const part = this.#directory.part(partition) ?? new DirectoryPart(0);
      if (part.isBetterThan(epoch, sequence) && part.epoch === epoch) continue;
      if (!part.digest.equals(digest)) {
        lacking.push(partition);
        continue;
      }
      // Nothing that is older than this version comes any more. Changes are numbered anew in each epoch.
      const isCollected = part.collect(part.epoch === epoch ? sequence : Number.POSITIVE_INFINITY) > 0;
      part.epoch = epoch;
      part.sequence = sequence;
      if (isCollected) this.#needs.mark('tombstonesCollected');
      this.#directory.set(partition, part);
      agreed.push({ partition, epoch, sequence });
    }
    if (agreed.length > 0) this.#needs.send(from, { type: 'agreed', view: this.#ownership.number, items: agreed });
    if (lacking.length > 0) this.#needs.mark('differs');
    this.#pull(from, lacking);
  }

  states(from: NodeIdentity, view: number, items: readonly StateItem[]): void {
    const agreed: { partition: number; epoch: number; sequence: number }[] = [];
    for (const item of items) {
      const { partition, epoch, sequence } = item;
      if (!this.#isOfOwner(partition, from, view)) continue;
      const before = this.#directory.part(partition);
      if (before !== undefined && before.epoch === epoch && before.sequence > sequence) continue;
      const entries = this.#wholeState(item);
      if (entries === undefined) continue;
      const part = new DirectoryPart(epoch);
      part.sequence = sequence;
      for (const { registration, isIdle: wasIdle } of entries)
        part.put({ registration, state: wasIdle ? 'offered' : 'settled', request: 0, source: undefined });
      part.lastToken = Math.max(part.lastToken, item.lastToken);
      this.#directory.set(partition, part);
      this.#needs.mark('fullState');
      agreed.push({ partition, epoch, sequence });
    }
    if (agreed.length > 0) this.#needs.send(from, { type: 'agreed', view: this.#ownership.number, items: agreed });
  }

  // Of the owner.

  agreed(from: NodeIdentity, items: readonly { readonly partition: number; readonly epoch: number; readonly sequence: number }[]): void {
    const successor = this.#successors.get(nodeKey(from));
    if (successor === undefined) return;
    for (const { partition, epoch, sequence } of items) {
      const part = this.#directory.served(partition);
      if (part === undefined || part.epoch !== epoch || this.#successorsOf[partition]?.includes(successor) !== true) continue;
      successor.agreed.set(partition, { epoch, sequence });
      if (this.#lacking(partition, part).length === 0) this.#unsettled.delete(partition);
    }
  }

  pulled(from: NodeIdentity, partitions: readonly number[]): void {
    this.#sendStates(from, partitions);
    this.#digestSoon();
  }

  #sendStates(to: NodeIdentity, partitions: Iterable<number>): void {
    const items: StateItem[] = [];
    for (const partition of partitions) {
      const part = this.#directory.served(partition);
      if (part === undefined) continue;
      if (this.#stateBytes > STATE_BYTES_MAX) {
        this.#isCut = true;
        this.#digestSoon(STATE_MS);
        break;
      }
      this.#statesSent++;
      const entries = [...part.entries.values()].map((entry) => ({ registration: entry.registration, isIdle: isIdle(entry) }));
      const cuts = entries.length === 0 ? [[]] : cut(entries, ({ registration }) => sizeOf(registration));
      const { epoch, sequence, lastToken } = part;
      items.push(...cuts.map((each, index) => ({ partition, epoch, sequence, lastToken, part: index, parts: cuts.length, entries: each })));
      for (const { registration } of entries) this.#stateBytes += sizeOf(registration);
      // What follows is behind it.
      this.#unsettled.add(partition);
    }
    for (const each of cut(items, ({ entries }) => entries.reduce((sum, { registration }) => sum + sizeOf(registration), 32)))
      this.#needs.send(to, { type: 'state', view: this.#ownership.number, items: each });
  }

  #serves(partition: number): void {
    const part = this.#directory.part(partition) as DirectoryPart;
    const nodes = this.#ownership.ring.successorsOf(partition, this.#copies);
    const before = this.#successorsOf[partition] ?? [];
    this.#successorsOf[partition] = nodes.map(({ name, incarnation }) => {
      const node = { name, incarnation };
      const successor = this.#successors.get(nodeKey(node)) ?? { node, agreed: new Map(), sent: new Map(), whole: new Set(), deltas: [] };
      this.#successors.set(nodeKey(node), successor);
      // It may have dropped meanwhile what it had once.
      if (!before.includes(successor)) {
        successor.agreed.delete(partition);
        successor.sent.delete(partition);
      }
      return successor;
    });
    if (this.#lacking(partition, part).length === 0) return;
    this.#unsettled.add(partition);
    this.#digestSoon();
  }

  #changed(partition: number, part: DirectoryPart, registration: DeltaItem['registration'], id: string, token: number, wasIdle: boolean): void {
    part.sequence++;
    const successors = this.#successorsOf[partition] ?? [];
    if (successors.length === 0) return;
    const item: DeltaItem = { partition, epoch: part.epoch, sequence: part.sequence, registration, isIdle: wasIdle, id, token };
    for (const successor of successors) if (!this.#sendsWhole(successor, partition, part)) successor.deltas.push(item);
    this.#hasDeltas = true;
    this.#unsettled.add(partition);
    this.#digestSoon();
  }

  /**
   * A successor that has nothing yet to which a change can be applied would ask for the whole, and until that has come the owner alone knows of the agent that has just started. It is sent at once, as much of it as
   * a portion has room for.
   */
  #sendsWhole(successor: Successor, partition: number, { epoch }: DirectoryPart): boolean {
    if (successor.whole.has(partition)) return true;
    if (successor.agreed.get(partition)?.epoch === epoch || successor.sent.get(partition) === epoch || this.#stateBytes > STATE_BYTES_MAX) return false;
    successor.sent.set(partition, epoch);
    successor.whole.add(partition);
    return true;
  }

  #digestSoon(pauseMs = DIGEST_MS): void {
    this.#digestAtMs = Math.min(this.#digestAtMs, this.#nowMs + pauseMs);
  }

  #lacking(partition: number, { epoch, sequence }: DirectoryPart): Successor[] {
    return (this.#successorsOf[partition] ?? []).filter(({ agreed }) => {
      const version = agreed.get(partition);
      return version?.epoch !== epoch || version.sequence !== sequence;
    });
  }

  #sayDigests(): void {
    this.#digestAtMs = Number.POSITIVE_INFINITY;
    // Some more than a portion has room for: the others are said with the next.
    const itemsMax = this.#isCut ? Math.min(ITEMS_MAX, Math.max(DIGESTS_MIN, 2 * this.#statesSent)) : ITEMS_MAX;
    this.#stateBytes = 0;
    this.#statesSent = 0;
    this.#isCut = false;
    const bySuccessor = new Map<Successor, DigestItem[]>();
    for (const partition of [...this.#unsettled]) {
      const part = this.#directory.served(partition);
      const lacking = part === undefined ? [] : this.#lacking(partition, part);
      if (part === undefined || lacking.length === 0) {
        this.#unsettled.delete(partition);
        continue;
      }
      for (const successor of lacking) {
        const items = bySuccessor.get(successor) ?? [];
        if (items.length >= itemsMax) continue;
        items.push({ partition, epoch: part.epoch, sequence: part.sequence, digest: part.digest.value() });
        bySuccessor.set(successor, items);
        // It is looked at again behind all others.
        this.#unsettled.delete(partition);
        this.#unsettled.add(partition);
      }
    }
    for (const [{ node }, items] of bySuccessor) this.#needs.send(node, { type: 'digest', view: this.#ownership.number, items });
    if (this.#unsettled.size > 0) this.#digestSoon();
  }

  #pull(from: NodeIdentity, partitions: readonly number[]): void {
    for (let at = 0; at < partitions.length; at += ITEMS_MAX)
      this.#needs.send(from, { type: 'pull', view: this.#ownership.number, partitions: partitions.slice(at, at + ITEMS_MAX) });
  }

  #wholeState(item: StateItem): StateItem['entries'] | undefined {
    const { partition, epoch, sequence, part, parts } = item;
    if (parts === 1) return item.entries;
    let growing = this.#growing.get(partition);
    if (growing === undefined || growing.epoch !== epoch || growing.sequence !== sequence || growing.parts.count !== parts) {
      growing = { epoch, sequence, parts: new Parts(parts) };
      this.#growing.set(partition, growing);
    }
    const whole = growing.parts.add(part, item);
    if (whole !== undefined) this.#growing.delete(partition);
    return whole?.flatMap(({ entries }) => entries);
  }

  #isSuccessor(partition: number): boolean {
    const { self } = this.#ownership;
    return this.#ownership.ring.successorsOf(partition, this.#copies).some(({ name }) => name === self.name);
  }

  /**
   * What an owner of before sends late is not taken for what the present one has written. Nor does a node that is no successor any more take what the owner sent when it was one: nobody would ever drop it. A successor
   * that does not know the view yet takes it, and looks again when it does.
   */
  #isOfOwner(partition: number, from: NodeIdentity, view: number): boolean {
    if (!this.#directory.is('copy', partition) || !this.#ownership.isInForce(partition, from, view)) return false;
    return view > this.#ownership.number || this.#isSuccessor(partition);
  }

  #dropUnused(): void {
    for (const [partition, sinceMs] of this.#unusedSinceMs) {
      if (this.#nowMs < sinceMs + (this.#copies === 0 ? RETAIN_ALONE_MS : RETAIN_MS)) continue;
      this.#unusedSinceMs.delete(partition);
      this.#directory.drop(partition);
      this.#growing.delete(partition);
      this.#needs.mark('copyDropped');
    }
    this.#retainAtMs = this.#unusedSinceMs.size === 0 ? Number.POSITIVE_INFINITY : this.#nowMs + RETAIN_LOOK_MS;
  }

  #tombstonesDueMs(): number {
    for (const { atMs } of this.#tombstonesSince.values()) return atMs + TOMBSTONE_MS;
    return Number.POSITIVE_INFINITY;
  }
}

function cut<T>(items: readonly T[], sizeOfItem: (item: T) => number): T[][] {
  const cuts: T[][] = [];
  let bytes = 0;
  let last: T[] | undefined;
  for (const item of items) {
    const size = sizeOfItem(item);
    if (last === undefined || last.length === Math.min(ENTRIES_MAX, ITEMS_MAX) || (bytes + size > PART_BYTES_MAX && last.length > 0)) {
      last = [];
      cuts.push(last);
      bytes = 0;
    }
    last.push(item);
    bytes += size;
  }
  return cuts;
}
