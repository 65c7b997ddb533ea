/**
 * Brings what agents of one thread changed to the disk: in the background within the bound of each kind, or at once for whoever waits. One transaction is under way at a time,
 * and what comes meanwhile goes together into the next: so a slow disk makes larger batches, not a longer queue. Several changes of an agent between two are one write.
 *
 * A transaction that fails: who waits for it is told; what was to be written in the background is tried again, later each time, and meanwhile its agents hold their messages
 * as soon as their bound is reached. Not here: what a handler has to wait for (`durable-handlers.ts`).
 */
import type { Logger } from '../../model/agent-context.js';
import type { Clock } from '../../ports/clock.js';
import type { StorageWrite, ThreadStorage } from '../../ports/storage.js';
import type { AgentCell } from '../agent-cell.js';
import type { DurableRecord } from './durable-record.js';
import { kept, type StoredStates } from './stored-state.js';

/** Agents whose state is encoded for one transaction: some milliseconds of the thread's time. */
const BATCH_AGENTS_MAX = 512;
/** Of those that nobody waits for, unless there are many: less than a millisecond. */
const BACKGROUND_AGENTS = 128;
const BACKGROUND_SHARE = 8;
/** A transaction takes no further agent once it has so many bytes. */
const BATCH_BYTES_MAX = 4 * 1024 * 1024;
const RETRY_INITIAL_MS = 50;
const RETRY_MAX_MS = 5000;

export interface StateWriterNeeds {
  readonly storage: ThreadStorage;
  readonly states: StoredStates;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Its state cannot be encoded. */
  failed(cell: AgentCell, error: unknown): void;
  /** A change of it is on disk. */
  stored(cell: AgentCell, record: DurableRecord): void;
}

interface Waiter {
  resolve(): void;
  reject(error: unknown): void;
}

/** A part of a transaction: of one agent, or of none. */
interface Part {
  readonly cell: AgentCell | undefined;
  readonly record: DurableRecord | undefined;
  readonly writes: StorageWrite[];
  readonly bytes: number;
  readonly waiter: Waiter | undefined;
  /** Bytes of the snapshot, to compare later ones with. */
  readonly state: Uint8Array | undefined;
  readonly snapshotSequence: number;
}

export class StateWriter {
  /** Transactions that are on disk, and snapshots and events in them. */
  transactions = 0;
  written = 0;
  /** Transactions that failed. */
  failures = 0;
  readonly #needs: StateWriterNeeds;
  /** Of those who wait, in order. */
  #ready: (() => Part | undefined)[] = [];
  /** Agents with changes to be written in the background, by the age of the oldest change. */
  readonly #changed = new Set<AgentCell>();
  #isWriting = false;
  #isStopped = false;
  #isPumpScheduled = false;
  /** So many of the changed agents are due. */
  #due = 0;
  #cancelTimer: (() => void) | undefined;
  #timerMs = Number.POSITIVE_INFINITY;
  #retryMs = 0;
  #idle: (() => void)[] = [];

  constructor(needs: StateWriterNeeds) {
    this.#needs = needs;
  }

  /** Nothing waits and nothing is under way. */
  get isIdle(): boolean {
    return !this.#isWriting && this.#ready.length === 0 && this.#changed.size === 0;
  }

  /** Agents with changes that are not on disk. */
  get unsaved(): number {
    return this.#changed.size;
  }

  /** A completed handler may have changed the state: it is written in half of the time that the kind allows, which leaves the disk the other half. */
  behind(cell: AgentCell, record: DurableRecord): void {
    if (!record.isUnsaved) return;
    this.#changed.add(cell);
    this.#arm(Math.min(record.changedSinceMs, this.#needs.clock.nowMs()) + record.options.lossMaxMs / 2);
  }

  /**
   * Writes the state as it is now, together with `others`; resolves when it is on disk. Rejects if that fails, or if it cannot be encoded.
   * @param others one transaction with it
   */
  through(cell: AgentCell, record: DurableRecord, others: readonly StorageWrite[] = []): Promise<void> {
    this.#changed.delete(cell);
    // A write of it is under way: the next one is made of what is there then, and nothing can have changed that its sender has not waited for.
    return this.#enqueue(() => this.#partOf(cell, record, others));
  }

  /** Writes that belong to no change of an agent. */
  write(writes: readonly StorageWrite[]): Promise<void> {
    return this.#enqueue(
      (): Part => ({
        cell: undefined,
        record: undefined,
        writes: [...writes],
        bytes: sizeOf(writes),
        waiter: undefined,
        state: undefined,
        snapshotSequence: 0,
      }),
    );
  }

  /** The agent has nothing more to write, or starts anew from what is stored. */
  drop(cell: AgentCell): void {
    this.#changed.delete(cell);
  }

  /** What an async handler must not be part of: the state as completed handlers left it, if that is not on its way yet. */
  capture(cell: AgentCell, record: DurableRecord): void {
    if (!record.isChanged || record.captured !== undefined || record.options.apply !== undefined) return;
    record.captured = { state: this.#encode(cell, record), sequence: record.sequence };
  }

  /** Everything that can be written, now. Resolves when nothing is under way; true if all of it is on disk. */
  async flush(): Promise<boolean> {
    this.#due = this.#changed.size;
    if (!this.isIdle) {
      this.#pumpSoon();
      await new Promise<void>((resolve) => this.#idle.push(resolve));
    }
    return this.isIdle;
  }

  /** Writes nothing more by itself. */
  stop(): void {
    this.#isStopped = true;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#timerMs = Number.POSITIVE_INFINITY;
  }

  #enqueue(part: () => Part | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#ready.push(() => {
        try {
          const made = part();
          if (made === undefined) resolve();
          return made && { ...made, waiter: { resolve, reject } };
        } catch (error) {
          reject(error);
          return undefined;
        }
      });
      this.#pumpSoon();
    });
  }

  #arm(dueMs: number): void {
    // After a failure the next attempt has a time of its own, if there was anything left to attempt.
    if (dueMs >= this.#timerMs || (this.#retryMs > 0 && this.#cancelTimer !== undefined)) return;
    this.#wait(dueMs);
  }

  #wait(dueMs: number): void {
    if (this.#isStopped) return;
    this.#cancelTimer?.();
    this.#timerMs = dueMs;
    this.#cancelTimer = this.#needs.clock.after(Math.max(0, dueMs - this.#needs.clock.nowMs()), () => this.tick());
  }

  /** What has changed so far is written. */
  tick(): void {
    this.#cancelTimer = undefined;
    this.#timerMs = Number.POSITIVE_INFINITY;
    this.#due = this.#changed.size;
    this.#pump();
  }

  /** After what else happens in this turn, so that it goes together. */
  #pumpSoon(): void {
    if (this.#isPumpScheduled || this.#isWriting) return;
    this.#isPumpScheduled = true;
    queueMicrotask(() => {
      this.#isPumpScheduled = false;
      this.#pump();
    });
  }

  #pump(): void {
    if (this.#isWriting) return;
    const parts = this.#take();
    if (parts.length === 0) {
      // What is tried again later may have to wait for a handler.
      if (this.#retryMs > 0 && this.#cancelTimer === undefined && this.#changed.size > 0) this.#wait(this.#needs.clock.nowMs() + this.#retryMs);
      const idle = this.#idle;
      this.#idle = [];
      for (const each of idle) each();
      return;
    }
    this.#isWriting = true;
    let writing: Promise<void>;
    try {
      writing = this.#needs.storage.write(parts.flatMap((part) => part.writes));
    } catch (error) {
      writing = Promise.reject(error);
    }
    writing.then(
      () => this.#succeeded(parts),
      (error: unknown) => this.#failed(parts, error),
    );
  }

  #take(): Part[] {
    const parts: Part[] = [];
    const taken = new Set<DurableRecord>();
    let bytes = 0;
    const ready = this.#ready;
    let next = 0;
    while (next < ready.length && parts.length < BATCH_AGENTS_MAX && bytes < BATCH_BYTES_MAX) {
      const part = (ready[next++] as () => Part | undefined)();
      if (part === undefined) continue;
      parts.push(part);
      bytes += part.bytes;
      if (part.record !== undefined) taken.add(part.record);
    }
    this.#ready = ready.slice(next);
    const partsMax = Math.min(BATCH_AGENTS_MAX, Math.max(BACKGROUND_AGENTS, Math.ceil(this.#due / BACKGROUND_SHARE)));
    for (const cell of this.#changed) {
      if (this.#due <= 0 || parts.length >= partsMax || bytes >= BATCH_BYTES_MAX) break;
      this.#due--;
      const record = cell.extra?.durable;
      if (record === undefined || !record.isUnsaved) {
        this.#changed.delete(cell);
        continue;
      }
      // Its handler runs, and nothing was captured before: it is written when that has completed.
      if (record.isExclusive && record.captured === undefined && record.options.apply === undefined) continue;
      this.#changed.delete(cell);
      try {
        const part = this.#partOf(cell, record, []);
        if (part !== undefined) {
          parts.push(part);
          bytes += part.bytes;
        }
      } catch (error) {
        // With the agent's own state there is nothing to be done but to go back to the stored one.
        this.#needs.failed(cell, error);
      }
    }
    return parts;
  }

  /** Undefined if what is stored is the same. */
  #partOf(cell: AgentCell, record: DurableRecord, others: readonly StorageWrite[]): Part | undefined {
    const kind = cell.kind.name;
    const { id, options } = record;
    const writes: StorageWrite[] = [];
    let state: Uint8Array | undefined;
    let { snapshotSequence } = record;
    const { schemaVersion } = options;
    if (options.apply !== undefined) {
      const first = record.sequence - record.events.length + 1;
      // Events that were in a write before have their answer: one is under way at a time.
      for (let index = 0; index < record.eventsCompleted; index++) {
        writes.push({ type: 'event', kind, id, event: { sequence: first + index, schemaVersion, event: record.events[index] as Uint8Array } });
      }
      record.eventsWriting = record.eventsCompleted;
      const isDue = record.needsSnapshot || record.sequence - record.snapshotSequence >= options.snapshotEvery;
      // Not while a handler runs that may have recorded some events of several.
      if (isDue && record.events.length === record.eventsCompleted && !record.mustReload) {
        state = this.#encode(cell, record);
        snapshotSequence = record.sequence;
        writes.length = 0;
      }
    } else {
      const captured = record.captured;
      state = captured?.state ?? this.#encode(cell, record);
      snapshotSequence = captured?.sequence ?? record.sequence;
      if (!record.needsSnapshot && record.storedState !== undefined && !record.isWriting && isSame(state, record.storedState)) state = undefined;
    }
    if (state !== undefined) writes.push({ type: 'snapshot', kind, id, snapshot: { schemaVersion, sequence: snapshotSequence, state } });
    writes.push(...others);
    record.writeBegins();
    if (writes.length === 0) {
      record.writeSucceeded();
      return undefined;
    }
    return { cell, record, writes, bytes: sizeOf(writes), waiter: undefined, state, snapshotSequence };
  }

  #encode(cell: AgentCell, record: DurableRecord): Uint8Array {
    return this.#needs.states.encode(cell.state, () => `the state of ${cell.kind.name} '${record.id}'`);
  }

  #succeeded(parts: readonly Part[]): void {
    this.#isWriting = false;
    this.transactions++;
    if (this.#retryMs > 0) {
      this.#retryMs = 0;
      this.#needs.logger.info({ agents: this.#changed.size }, 'durable state can be stored again');
      this.#due = this.#changed.size;
    }
    for (const { cell, record, writes, waiter, state, snapshotSequence } of parts) {
      this.written += writes.length;
      if (record !== undefined) {
        if (state !== undefined) {
          record.storedState = kept(state);
          record.snapshotSequence = snapshotSequence;
        }
        record.writeSucceeded();
        if (cell !== undefined && writes.length > 0) this.#needs.stored(cell, record);
      }
      waiter?.resolve();
    }
    this.#pump();
  }

  #failed(parts: readonly Part[], error: unknown): void {
    this.#isWriting = false;
    this.failures++;
    if (this.#retryMs === 0) this.#needs.logger.error({ error }, 'durable state could not be stored: agents hold their messages when their bound is reached');
    this.#retryMs = Math.min(RETRY_MAX_MS, this.#retryMs === 0 ? RETRY_INITIAL_MS : this.#retryMs * 2);
    for (const { cell, record, waiter } of parts) {
      record?.writeFailed();
      // Unless it starts anew because of that.
      if (cell !== undefined) this.#changed.add(cell);
      waiter?.reject(error);
    }
    this.#due = 0;
    this.#wait(this.#needs.clock.nowMs() + this.#retryMs);
    // Who waits is not put off: it is told at once whether it works by now.
    this.#pump();
  }
}

function sizeOf(writes: readonly StorageWrite[]): number {
  let bytes = 0;
  for (const write of writes) {
    bytes += 64;
    if (write.type === 'snapshot') bytes += write.snapshot.state.length;
    else if (write.type === 'event') bytes += write.event.event.length;
  }
  return bytes;
}

function isSame(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && Buffer.compare(one, other) === 0;
}
