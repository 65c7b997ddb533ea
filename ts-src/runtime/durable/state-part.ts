/** What goes into a transaction of an agent's state, as values: for `state-writer.ts`. */
import { NexusError } from '../../errors.js';
import type { StateVersion, StorageWrite } from '../../ports/storage.js';
import type { AgentCell } from '../agent-cell.js';
import type { DurableRecord } from './durable-record.js';

interface Waiter {
  resolve(): void;
  reject(error: unknown): void;
}

/** A part of a transaction: of one agent, or of none. */
export interface Part {
  readonly cell: AgentCell | undefined;
  readonly kind: string;
  readonly record: DurableRecord | undefined;
  /** Whether it has something of the state of the agent, and not only reminders. */
  readonly isOfState: boolean;
  readonly writes: readonly StorageWrite[];
  readonly bytes: number;
  readonly waiter: Waiter | undefined;
  /** Bytes of the snapshot, to compare later ones with. */
  readonly state: Uint8Array | undefined;
  readonly snapshotSequence: number;
}

/** What waits to be made a part, when its turn has come. */
export interface Ready {
  readonly record: DurableRecord | undefined;
  make(): Part | undefined;
}

export function withVersion(write: StorageWrite, version: StateVersion): StorageWrite {
  return write.type === 'fence' || write.type === 'drop' ? write : { ...write, version };
}

export function staleIn(error: unknown): NexusError | undefined {
  return error instanceof NexusError && error.code === 'NEXUS_TOKEN_STALE' ? error : undefined;
}

export function fencedBefore(kind: string, { id, version }: DurableRecord): NexusError {
  return new NexusError('NEXUS_TOKEN_STALE', `${kind} '${id}' is not stored any more: a later activation of it has followed`, {
    data: { kind, id, token: version?.token ?? 0, seenToken: version?.token ?? 0 },
  });
}

/** Of a write whose turn came when the state that it was to store was there no more. */
export function endedUnsaved(kind: string, id: string): NexusError {
  return new NexusError('NEXUS_STORE_FAILED', `${kind} '${id}' has ended or begun anew before what it had become was stored: that is lost`, {
    data: { kind, id },
  });
}

export function sizeOf(writes: readonly StorageWrite[]): number {
  let bytes = 0;
  for (const write of writes) {
    bytes += 64;
    if (write.type === 'snapshot') bytes += write.snapshot.state.length;
    else if (write.type === 'event') bytes += write.event.event.length;
  }
  return bytes;
}

export function isSame(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && Buffer.compare(one, other) === 0;
}
