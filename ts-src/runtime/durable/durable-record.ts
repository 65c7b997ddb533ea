/**
 * What a thread keeps of one durable agent while it is in memory: what of it is not on disk yet, since when, and when it was last used. Owned by its thread; the decisions
 * about it that need no I/O are here, what follows from them is done in `state-writer.ts`, `durable-handlers.ts` and `passivation.ts`.
 *
 * The bound: an agent with a change that is not on disk and is as old as `lossMaxMs` handles nothing until it is. So what a crash takes from an agent are changes it made
 * within a window of `lossMaxMs`, whatever the disk does.
 */
import type { ResolvedDurable } from '../../model/durable-options.js';
import type { StateVersion } from '../../ports/storage.js';

export interface CapturedState {
  readonly state: Uint8Array;
  readonly sequence: number;
}

export interface Reminding {
  readonly name: string;
  isTouched: boolean;
}

export class DurableRecord {
  /** Number of changes so far. */
  sequence = 0;
  /** Of the snapshot that is stored. */
  snapshotSequence = 0;
  /** The stored bytes, if they are few: a handler that left the state as it was causes no write. */
  storedState: Uint8Array | undefined = undefined;
  /** Nothing of this agent is stored yet, or what is stored has an older form: the next write is a snapshot. */
  needsSnapshot = true;
  /** Nothing of this agent is stored yet. */
  isNew = true;
  /** Completed handlers have changed something since it was last encoded. */
  isChanged = false;
  /** Time of the oldest change that has not been handed to the store; infinite without. */
  changedSinceMs = Number.POSITIVE_INFINITY;
  /** Time of the oldest change in the write that is under way; infinite without. */
  writingSinceMs = Number.POSITIVE_INFINITY;
  /** As it was before an async handler began: what completed handlers did, without what that one has done so far. */
  captured: CapturedState | undefined = undefined;
  /** Encoded events that are not on disk, oldest first; the last one is of the change `sequence`. */
  events: Uint8Array[] = [];
  /** So many of them are of handlers that have completed. */
  eventsCompleted = 0;
  /** So many of them are in the write that is under way. */
  eventsWriting = 0;
  /** An async handler that holds the others back runs. */
  isExclusive = false;
  /** Handlers that run, async ones, or wait for the disk. */
  running = 0;
  lastUsedMs = 0;
  /** What is in memory is not what was refused by the disk: it must not be gone on with. */
  mustReload = false;
  /** Ends for good: what is stored of it is deleted. */
  isForgotten = false;
  /** The reminders whose handlers run, several if those are concurrent, and whether each was set or cancelled anew meanwhile. */
  reminding: Reminding[] = [];
  /** Called when a write of it has ended. */
  waiting: (() => void)[] = [];
  /** In a cluster: the token of this activation, and the number of its last write. */
  version: StateVersion | undefined = undefined;
  /** How often its state was taken from what is stored: what was to be written of it before that is gone. */
  loads = 0;
  /** It stands in line for leaving memory. */
  hasEntered = false;
  /** A write is on its way to copies on other nodes: the next one waits. */
  isCopying = false;
  /** A later activation has followed, anywhere: nothing of this one is stored any more. */
  isFenced = false;
  readonly id: string;
  readonly options: ResolvedDurable;

  constructor(id: string, options: ResolvedDurable) {
    this.id = id;
    this.options = options;
  }

  /** Of the next write. */
  nextVersion(): StateVersion | undefined {
    const { version } = this;
    if (version !== undefined) this.version = { token: version.token, revision: version.revision + 1 };
    return this.version;
  }

  /** A handler has completed that may have changed the state. */
  changed(nowMs: number): void {
    // Of a handler that has not told of an event there is nothing to save.
    if (this.options.apply === undefined) this.sequence++;
    else if (this.events.length === this.eventsCompleted && !this.needsSnapshot) return;
    this.eventsCompleted = this.events.length;
    this.captured = undefined;
    this.isChanged = true;
    if (nowMs < this.changedSinceMs) this.changedSinceMs = nowMs;
  }

  /** Something that completed handlers did is not on disk. */
  get isUnsaved(): boolean {
    return this.isChanged || this.captured !== undefined || this.writingSinceMs !== Number.POSITIVE_INFINITY;
  }

  get isWriting(): boolean {
    return this.writingSinceMs !== Number.POSITIVE_INFINITY;
  }

  /** The oldest change that is not on disk is as old as may be: nothing more is handled until it is. */
  mustHold(nowMs: number): boolean {
    const sinceMs = Math.min(this.changedSinceMs, this.writingSinceMs);
    return nowMs - sinceMs >= this.options.lossMaxMs;
  }

  /** What has not been handed to the store is now. */
  writeBegins(): void {
    // Twice in one transaction, if two wait for it.
    this.writingSinceMs = Math.min(this.writingSinceMs, this.changedSinceMs, Number.MAX_VALUE);
    this.changedSinceMs = Number.POSITIVE_INFINITY;
    this.isChanged = false;
    this.captured = undefined;
  }

  writeSucceeded(): void {
    this.writingSinceMs = Number.POSITIVE_INFINITY;
    this.events.splice(0, this.eventsWriting);
    this.eventsCompleted -= this.eventsWriting;
    this.eventsWriting = 0;
    this.needsSnapshot = false;
    this.isNew = false;
    this.wake();
  }

  /** Nothing of it is on disk: it is to be written again. */
  writeFailed(): void {
    if (this.writingSinceMs !== Number.MAX_VALUE) this.changedSinceMs = Math.min(this.changedSinceMs, this.writingSinceMs);
    this.writingSinceMs = Number.POSITIVE_INFINITY;
    this.eventsWriting = 0;
    this.storedState = undefined;
    this.isChanged = true;
    this.wake();
  }

  /** A reminder was set or cancelled. */
  touched(name: string): void {
    for (const each of this.reminding) if (each.name === name) each.isTouched = true;
  }

  /** A new life begins with what is stored. */
  forgetChanges(): void {
    this.loads++;
    this.isChanged = false;
    this.changedSinceMs = Number.POSITIVE_INFINITY;
    this.captured = undefined;
    this.events = [];
    this.eventsCompleted = 0;
    this.eventsWriting = 0;
    this.isExclusive = false;
    this.mustReload = false;
    this.reminding = [];
  }

  wake(): void {
    const { waiting } = this;
    if (waiting.length === 0) return;
    this.waiting = [];
    for (const each of waiting) each();
  }
}
