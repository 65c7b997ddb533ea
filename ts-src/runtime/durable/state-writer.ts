/**
 * Brings what agents of one thread changed to the disk: in the background within the bound of each kind, or at once for whoever waits. One transaction is under way at a time,
 * and what comes meanwhile goes together into the next: so a slow disk makes larger batches, not a longer queue. Several changes of an agent between two are one write.
 *
 * A transaction that fails: who waits for it is told; what was to be written in the background is tried again, later each time, and meanwhile its agents hold their messages
 * as soon as their bound is reached. Not here: what a handler has to wait for (`durable-handlers.ts`).
 *
 * In a cluster a write of an agent is on disk when that is said by this node's store and by whatever copies it (`cluster-states.ts`), which get it at the same time. One that is slow to answer holds up the agents it copies, and no
 * others: their next transaction begins as soon as the store of this node has answered.
 */
import type { Logger } from '../../model/agent-context.js';
import type { Clock } from '../../ports/clock.js';
import type { NexusError } from '../../errors.js';
import type { StorageWrite, ThreadStorage } from '../../ports/storage.js';
import { type AgentCell, Status } from '../agent-cell.js';
import type { ClusterStates } from './cluster-states.js';
import type { DurableRecord } from './durable-record.js';
import { endedUnsaved, fencedBefore, isSame, type Part, type Ready, sizeOf, staleIn, withVersion } from './state-part.js';
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
/** After copies have refused a write that nobody waits for. */
const RETRY_COPIES_MS = 250;
/** Bytes that may be on their way to copies: beyond it no transaction begins. At least one is always taken. */
const COPYING_BYTES_MAX = 32 * 1024 * 1024;

export interface StateWriterNeeds {
  readonly storage: ThreadStorage;
  readonly states: StoredStates;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Its state cannot be encoded. */
  failed(cell: AgentCell, error: unknown): void;
  /** A change of it is on disk. */
  stored(cell: AgentCell, record: DurableRecord): void;
  /** Undefined outside of a cluster. */
  cluster(): ClusterStates | undefined;
  /** A later activation of it is known to the store, or to a copy: it ends, unsaved. */
  fenced(record: DurableRecord, error: NexusError): void;
}

export class StateWriter {
  /** Transactions that are on disk, and snapshots and events in them. */
  transactions = 0;
  written = 0;
  /** Transactions that failed. */
  failures = 0;
  readonly #needs: StateWriterNeeds;
  /** Of those who wait, in order. */
  #ready: Ready[] = [];
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
  /** Parts that are on their way to copies, and their bytes. */
  #copying = 0;
  #copyingBytes = 0;
  #isCopyFailing = false;

  constructor(needs: StateWriterNeeds) {
    this.#needs = needs;
  }

  /** Nothing waits and nothing is under way. */
  get isIdle(): boolean {
    return !this.#isWriting && this.#copying === 0 && this.#ready.length === 0 && this.#changed.size === 0;
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
   * Writes the state as it is now, together with `others`; resolves when it is on disk. Rejects if that fails, if it cannot be encoded, and if the agent has ended or begun anew before its turn came: what it was is gone then.
   * @param others one transaction with it
   */
  through(cell: AgentCell, record: DurableRecord, others: readonly StorageWrite[] = []): Promise<void> {
    this.#changed.delete(cell);
    // A write of it is under way: the next one is made of what is there then, and nothing can have changed that its sender has not waited for.
    const { loads } = record;
    return this.#enqueue(record, () => {
      if (cell.status === Status.stopped || record.loads !== loads) throw endedUnsaved(cell.kind.name, record.id);
      return this.#partOf(cell, record, others);
    });
  }

  /**
   * Writes that belong to no change of an agent.
   * @param record of the agent that they are of, if it is in memory
   */
  write(writes: readonly StorageWrite[], kind: string, record: DurableRecord | undefined): Promise<void> {
    return this.#enqueue(record, (): Part => {
      if (record?.isFenced === true) throw fencedBefore(kind, record);
      const version = record?.nextVersion();
      const versioned = version === undefined ? writes : writes.map((write) => withVersion(write, version));
      return {
        ...{ cell: undefined, kind, record, isOfState: false, writes: versioned },
        bytes: sizeOf(writes),
        waiter: undefined,
        state: undefined,
        snapshotSequence: 0,
      };
    });
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

  #enqueue(record: DurableRecord | undefined, part: () => Part | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const make = (): Part | undefined => {
        try {
          const made = part();
          if (made === undefined) resolve();
          return made && { ...made, waiter: { resolve, reject } };
        } catch (error) {
          reject(error);
          return undefined;
        }
      };
      this.#ready.push({ record, make });
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
    if (this.#isWriting || (this.#copyingBytes > 0 && this.#copyingBytes >= COPYING_BYTES_MAX)) return;
    const parts = this.#take();
    if (parts.length === 0) {
      // What is tried again later may have to wait for a handler.
      if (this.#retryMs > 0 && this.#cancelTimer === undefined && this.#changed.size > 0) this.#wait(this.#needs.clock.nowMs() + this.#retryMs);
      if (this.#copying > 0) return;
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
    const copies = parts.map((part) => this.#copy(part, writing));
    writing.then(
      () => this.#written(parts, copies),
      (error: unknown) => this.#failed(parts, error),
    );
  }

  /** To where copies belong, at the same time. Undefined: nowhere. */
  #copy(part: Part, writing: Promise<void>): Promise<void> | undefined {
    const { record, kind, writes, bytes } = part;
    const cluster = record?.version === undefined || writes.length === 0 ? undefined : this.#needs.cluster();
    if (record === undefined || cluster === undefined) return undefined;
    const copying = cluster.copy(kind, record.id, writes);
    if (copying === undefined) return undefined;
    record.isCopying = true;
    this.#copying++;
    this.#copyingBytes += bytes;
    const done = (): void => {
      this.#copying--;
      this.#copyingBytes -= bytes;
      record.isCopying = false;
    };
    const copied = copying.finally(done);
    // Told by whoever waits for both.
    copied.catch(() => undefined);
    writing.catch(() => {
      cluster.diverged(kind, record.id);
      void copied.catch(() => undefined).then(() => this.#pump());
    });
    return copied;
  }

  /** The store of this node has them; each is done when its copies are, too. */
  #written(parts: readonly Part[], copies: readonly (Promise<void> | undefined)[]): void {
    this.#isWriting = false;
    this.transactions++;
    if (this.#retryMs > 0) {
      this.#retryMs = 0;
      this.#needs.logger.info({ agents: this.#changed.size }, 'durable state can be stored again');
      this.#due = this.#changed.size;
    }
    for (const [at, part] of parts.entries()) {
      const copying = copies[at];
      if (copying === undefined) this.#succeeded(part);
      else
        copying.then(
          () => {
            if (this.#isCopyFailing) this.#needs.logger.info({}, 'durable state can be copied again');
            this.#isCopyFailing = false;
            this.#succeeded(part);
            this.#goOn(part);
          },
          (error: unknown) => {
            this.#copyFailed(part, error);
            // It is tried again after a while, not at once: only who waits goes on.
            this.#pump();
          },
        );
    }
    this.#pump();
  }

  /** Something of the agent may have waited for its copies. */
  #goOn({ cell, record }: Part): void {
    if (cell !== undefined && record !== undefined && this.#changed.has(cell)) this.behind(cell, record);
    this.#pump();
  }

  #take(): Part[] {
    const parts: Part[] = [];
    const taken = new Set<DurableRecord>();
    let bytes = 0;
    const ready = this.#ready;
    const waiting: Ready[] = [];
    let next = 0;
    while (next < ready.length && parts.length < BATCH_AGENTS_MAX && bytes < BATCH_BYTES_MAX) {
      const each = ready[next++] as Ready;
      // In a cluster two writes of one agent are two versions, and go one after the other.
      if (each.record?.isCopying === true || (each.record?.version !== undefined && taken.has(each.record))) {
        waiting.push(each);
        continue;
      }
      const part = each.make();
      if (part === undefined) continue;
      parts.push(part);
      bytes += part.bytes;
      if (part.record !== undefined) taken.add(part.record);
    }
    this.#ready = [...waiting, ...ready.slice(next)];
    const partsMax = Math.min(BATCH_AGENTS_MAX, Math.max(BACKGROUND_AGENTS, Math.ceil(this.#due / BACKGROUND_SHARE)));
    for (const cell of this.#changed) {
      if (this.#due <= 0 || parts.length >= partsMax || bytes >= BATCH_BYTES_MAX) break;
      this.#due--;
      const record = cell.extra?.durable;
      if (record === undefined || !record.isUnsaved || cell.status === Status.stopped) {
        this.#changed.delete(cell);
        continue;
      }
      // Goes on when its copies are there.
      if (record.isCopying || (record.version !== undefined && taken.has(record))) continue;
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
    if (record.isFenced) throw fencedBefore(cell.kind.name, record);
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
    const version = record.nextVersion();
    const versioned = version === undefined ? writes : writes.map((write) => withVersion(write, version));
    return { ...{ cell, kind, record, isOfState: true, writes: versioned }, bytes: sizeOf(writes), waiter: undefined, state, snapshotSequence };
  }

  #encode(cell: AgentCell, record: DurableRecord): Uint8Array {
    return this.#needs.states.encode(cell.state, () => `the state of ${cell.kind.name} '${record.id}'`);
  }

  #succeeded({ cell, record, isOfState, writes, waiter, state, snapshotSequence }: Part): void {
    this.written += writes.length;
    if (record !== undefined && isOfState) {
      if (state !== undefined) {
        record.storedState = kept(state);
        record.snapshotSequence = snapshotSequence;
      }
      record.writeSucceeded();
      if (cell !== undefined && writes.length > 0) this.#needs.stored(cell, record);
    }
    waiter?.resolve();
  }

  #failed(parts: readonly Part[], error: unknown): void {
    this.#isWriting = false;
    const stale = staleIn(error);
    if (stale !== undefined) return this.#refused(parts, stale);
    this.failures++;
    if (this.#retryMs === 0) this.#needs.logger.error({ error }, 'durable state could not be stored: agents hold their messages when their bound is reached');
    this.#retryMs = Math.min(RETRY_MAX_MS, this.#retryMs === 0 ? RETRY_INITIAL_MS : this.#retryMs * 2);
    for (const part of parts) this.#undone(part, error);
    this.#due = 0;
    this.#wait(this.#needs.clock.nowMs() + this.#retryMs);
    // Who waits is not put off: it is told at once whether it works by now.
    this.#pump();
  }

  /** One agent of the transaction has a later activation: the others are written without it. */
  #refused(parts: readonly Part[], error: NexusError): void {
    const { kind, id } = error.data as { readonly kind: string; readonly id: string };
    const again: Ready[] = [];
    for (const part of parts) {
      if (part.kind === kind && part.record?.id === id) this.#fence(part, error);
      else again.push({ record: part.record, make: () => part });
    }
    this.#ready = [...again, ...this.#ready];
    this.#pump();
  }

  #copyFailed(part: Part, error: unknown): void {
    this.failures++;
    const stale = staleIn(error);
    if (stale !== undefined) return this.#fence(part, stale);
    if (!this.#isCopyFailing) this.#needs.logger.error({ error }, 'durable state could not be copied: agents hold their messages when their bound is reached');
    this.#isCopyFailing = true;
    this.#undone(part, error);
    if (part.cell !== undefined) this.#arm(this.#needs.clock.nowMs() + RETRY_COPIES_MS);
  }

  #fence(part: Part, error: NexusError): void {
    const { cell, record, waiter } = part;
    if (cell !== undefined) this.#changed.delete(cell);
    if (record !== undefined && !record.isFenced) {
      record.isFenced = true;
      this.#needs.fenced(record, error);
    }
    record?.wake();
    waiter?.reject(error);
  }

  #undone({ cell, record, isOfState, waiter }: Part, error: unknown): void {
    if (isOfState) record?.writeFailed();
    // Unless it starts anew because of that; one that has ended has no state any more.
    if (cell !== undefined && cell.status !== Status.stopped) this.#changed.add(cell);
    waiter?.reject(error);
  }
}
