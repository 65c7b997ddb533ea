/**
 * Copies of what the agents of this node write: each write goes to all members that hold the partition of its id, and is done when it is on disk in all of those that are members. One that is removed meanwhile is not waited for, and
 * whoever holds the partition in its place gets it too. A node that has not had every write of this activation gets all that is stored of the agent with the next one.
 */
import { type ErrorCode, NexusError } from '../../errors.js';
import { type NodeIdentity, nodeKey } from '../../model/node-identity.js';
import type { StateVersion, StorageWrite } from '../../ports/storage.js';
import type { CopyResult } from '../../protocols/copies/copy-messages.js';
import { bytesOf, ITEM_BYTES_MAX } from '../../protocols/copies/copy-stream.js';
import type { CopyOutcome, CopyPeers } from './copy-peers.js';
import type { CopyStore } from './copy-store.js';

export interface LiveCopiesNeeds {
  readonly peers: Pick<CopyPeers, 'send'>;
  readonly store: Pick<CopyStore, 'whole'>;
  /** Where copies of an agent belong, but for this node. */
  targetsOf(id: string): readonly NodeIdentity[];
  /** The view from which on none of those has stopped to be one, as far as this node could see. */
  heldSince(id: string): number;
}

/** A write that waits for copies. */
interface Pending {
  readonly kind: string;
  readonly id: string;
  readonly writes: readonly StorageWrite[];
  /** Nodes that were sent it, and of those the ones that have not answered, with their names. */
  readonly sent: Set<string>;
  readonly waiting: Map<string, string>;
  resolve(): void;
  reject(error: Error): void;
}

interface Activation {
  /** Nodes that have had all of its writes, or will when what is on its way is there. */
  readonly upToDate: Set<string>;
  /** `heldSince` of its last write. */
  heldSince: number;
  pending: Pending | undefined;
}

export class LiveCopies {
  readonly #needs: LiveCopiesNeeds;
  readonly #activations = new Map<string, Activation>();
  /** Writes that copies have acknowledged, since the start. */
  acknowledged = 0;
  refused = 0;

  constructor(needs: LiveCopiesNeeds) {
    this.#needs = needs;
  }

  get waiting(): number {
    let count = 0;
    for (const { pending } of this.#activations.values()) if (pending !== undefined) count++;
    return count;
  }

  /** Rejects with what a copy says, and with NEXUS_STORE_CORRUPT if what is stored here cannot be read and is needed for a copy. */
  copy(kind: string, id: string, writes: readonly StorageWrite[]): Promise<void> {
    const key = keyOf(kind, id);
    let activation = this.#activations.get(key);
    if (activation === undefined) {
      activation = { upToDate: new Set(), heldSince: 0, pending: undefined };
      this.#activations.set(key, activation);
    }
    const own = activation;
    return new Promise((resolve, reject) => {
      const pending: Pending = { kind, id, writes, sent: new Set(), waiting: new Map(), resolve, reject };
      own.pending = pending;
      this.#send(own, pending);
      this.#look(own, pending);
    });
  }

  /** The agent has left memory. */
  ended(kind: string, id: string): void {
    this.#activations.delete(keyOf(kind, id));
  }

  /** The copies may have what the store of this node has not. */
  diverged(kind: string, id: string): void {
    this.#activations.get(keyOf(kind, id))?.upToDate.clear();
  }

  /** Other nodes may hold what is on its way. Those that are no members any more have been told as `gone`. */
  ringChanged(): void {
    for (const activation of this.#activations.values()) {
      const { pending } = activation;
      if (pending === undefined) continue;
      this.#send(activation, pending);
      this.#look(activation, pending);
    }
  }

  #send(activation: Activation, pending: Pending): void {
    const { kind, id, writes, sent, waiting } = pending;
    let whole: readonly StorageWrite[] | undefined;
    const heldSince = this.#needs.heldSince(id);
    if (activation.heldSince !== heldSince) activation.upToDate.clear();
    activation.heldSince = heldSince;
    for (const node of this.#needs.targetsOf(id)) {
      const key = nodeKey(node);
      if (sent.has(key)) continue;
      const isUpToDate = activation.upToDate.has(key);
      try {
        if (!isUpToDate) whole ??= this.#whole(kind, id, writes);
      } catch (error) {
        this.#settle(activation, pending, error as Error);
        return;
      }
      const item = { kind, id, mode: 'live', writes: isUpToDate ? writes : (whole as readonly StorageWrite[]) } as const;
      if (bytesOf(item) > ITEM_BYTES_MAX) return this.#settle(activation, pending, tooLarge(kind, id, bytesOf(item)));
      sent.add(key);
      waiting.set(key, node.name);
      activation.upToDate.add(key);
      this.#needs.peers.send(node, item, (outcome) => this.#answered(activation, pending, node, outcome));
    }
  }

  /** Whatever the other node has of the agent goes first. */
  #whole(kind: string, id: string, writes: readonly StorageWrite[]): readonly StorageWrite[] {
    const version = versionIn(writes);
    return [...(this.#needs.store.whole(kind, id, version) ?? [{ type: 'delete', kind, id, version, epochMs: 0 } as const]), ...writes];
  }

  #answered(activation: Activation, pending: Pending, node: NodeIdentity, outcome: CopyOutcome): void {
    const key = nodeKey(node);
    pending.waiting.delete(key);
    if (outcome === undefined) {
      this.acknowledged++;
      return this.#look(activation, pending);
    }
    activation.upToDate.delete(key);
    if (outcome === 'gone') return this.#look(activation, pending);
    this.refused++;
    this.#settle(activation, pending, outcome === 'closed' ? stopped(pending, [node.name, ...pending.waiting.values()]) : errorOf(outcome, node));
  }

  #look(activation: Activation, pending: Pending): void {
    if (activation.pending === pending && pending.waiting.size === 0) this.#settle(activation, pending, undefined);
  }

  #settle(activation: Activation, pending: Pending, error: Error | undefined): void {
    if (activation.pending === pending) activation.pending = undefined;
    if (error === undefined) pending.resolve();
    else pending.reject(error);
  }
}

function versionIn(writes: readonly StorageWrite[]): StateVersion | undefined {
  for (const write of writes) if (write.type !== 'fence' && write.type !== 'drop' && write.version !== undefined) return write.version;
  return undefined;
}

/** A disk that is full is to be found. */
export function errorOf({ code, message, data }: NonNullable<CopyResult>, { name }: NodeIdentity): NexusError {
  return new NexusError(code as ErrorCode, `on node ${name}, which holds a copy: ${message}`, { data: { ...data, node: name } });
}

/** Members that were not heard of before this node left may have it, or not. */
export function stopped({ kind, id }: Pick<Pending, 'kind' | 'id'>, nodes: readonly string[]): NexusError {
  const names = nodes.length === 1 ? `node ${nodes[0]} has` : `nodes ${nodes.join(', ')} have`;
  return new NexusError(
    'NEXUS_STORE_FAILED',
    `${names} not acknowledged a copy of ${kind} '${id}' before this node stopped: what it wrote last may be on this node only`,
    { data: { kind, id, nodes } },
  );
}

export function tooLarge(kind: string, id: string, bytes: number): NexusError {
  return new NexusError(
    'NEXUS_MESSAGE_TOO_LARGE',
    `${kind} '${id}' cannot be copied: what is stored of it takes ${bytes} bytes, where at most ${ITEM_BYTES_MAX} are allowed in a cluster; keep less in it, or spread it over agents`,
    { data: { kind, id, bytes, bytesMax: ITEM_BYTES_MAX } },
  );
}

function keyOf(kind: string, id: string): string {
  return `${kind}\0${id}`;
}
