/**
 * One series of snapshots for all who watch: as often as the most impatient one wants, each only as often as itself has asked for, and none while nobody watches.
 * Snapshots are taken on a grid of time, so that watchers of one interval share them. A snapshot that takes longer than the interval delays the next; two never
 * overlap. It is written as JSON once, however many watch.
 */
import { NexusError } from '../errors.js';
import type { Clock } from '../ports/clock.js';
import type { ConsoleSnapshot } from './protocol.js';

/** Nearer than this share of an interval no snapshot follows another; their rates are over half a second at least, as `nexus.snapshot` promises. */
const SHORTEST_PERIOD = 0.25;
const READ_INTERVAL_MS = 1000;

export interface SnapshotUpdate {
  readonly snapshot: ConsoleSnapshot;
  /** Of `snapshot`. */
  readonly json: string;
}

export interface SnapshotWatcher {
  taken(update: SnapshotUpdate): void;
  /** It could not be taken; the next one is tried. */
  unavailable(error: unknown): void;
  /** None will come any more: the nexus has ended. */
  ended(): void;
}

export interface SnapshotSeriesNeeds {
  readonly clock: Clock;
  snapshot(): Promise<ConsoleSnapshot>;
}

interface Watch {
  readonly watcher: SnapshotWatcher;
  readonly intervalMs: number;
  dueMs: number;
}

export class SnapshotSeries {
  readonly #needs: SnapshotSeriesNeeds;
  readonly #watches = new Set<Watch>();
  #newest: (SnapshotUpdate & { readonly atMs: number }) | undefined;
  #isTaking = false;
  #cancel: (() => void) | undefined;

  constructor(needs: SnapshotSeriesNeeds) {
    this.#needs = needs;
  }

  get watchers(): number {
    return this.#watches.size;
  }

  /** The newest is given at once, in this very call, if it is not older than the interval. Returns what ends it. */
  watch(intervalMs: number, watcher: SnapshotWatcher): () => void {
    const nowMs = this.#needs.clock.nowMs();
    const watch: Watch = { watcher, intervalMs, dueMs: nowMs };
    this.#watches.add(watch);
    if (this.#newest !== undefined && nowMs - this.#newest.atMs < intervalMs) this.#give(watch, this.#newest, nowMs);
    this.#schedule();
    return () => {
      this.#watches.delete(watch);
      this.#schedule();
    };
  }

  /** The newest one with rates: where nobody has looked before, that takes a period. */
  read(signal: AbortSignal): Promise<SnapshotUpdate> {
    return new Promise((resolve, reject) => {
      let end: (() => void) | undefined;
      let isOver = false;
      const over = (act: () => void): void => {
        isOver = true;
        signal.removeEventListener('abort', aborted);
        end?.();
        act();
      };
      const aborted = (): void => over(() => reject(signal.reason));
      signal.addEventListener('abort', aborted, { once: true });
      end = this.watch(READ_INTERVAL_MS, {
        taken: (update) => {
          if (update.snapshot.periodMs > 0 && !isOver) over(() => resolve(update));
        },
        unavailable: (error) => over(() => reject(error)),
        ended: () => over(() => reject(new NexusError('NEXUS_STOPPED', 'the nexus is stopping or has stopped'))),
      });
      // Given within the call.
      if (isOver) end();
      else if (signal.aborted) aborted();
    });
  }

  #schedule(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    if (this.#watches.size === 0 || this.#isTaking) return;
    let dueMs = Number.POSITIVE_INFINITY;
    for (const watch of this.#watches) dueMs = Math.min(dueMs, watch.dueMs);
    this.#cancel = this.#needs.clock.after(Math.max(0, dueMs - this.#needs.clock.nowMs()), () => void this.#take(), false);
  }

  async #take(): Promise<void> {
    const { clock } = this.#needs;
    this.#cancel = undefined;
    this.#isTaking = true;
    try {
      const snapshot = await this.#needs.snapshot();
      this.#newest = { snapshot, json: JSON.stringify(snapshot), atMs: clock.nowMs() };
    } catch (error) {
      this.#fail(error);
      return;
    } finally {
      this.#isTaking = false;
    }
    const nowMs = clock.nowMs();
    // Those that are due within a moment as well: timers are not exact.
    for (const watch of [...this.#watches]) if (watch.dueMs <= nowMs + 2) this.#give(watch, this.#newest, nowMs);
    this.#schedule();
  }

  #give(watch: Watch, update: SnapshotUpdate, nowMs: number): void {
    watch.dueMs = nextMs(nowMs, watch.intervalMs);
    watch.watcher.taken(update);
  }

  #fail(error: unknown): void {
    this.#isTaking = false;
    const watches = [...this.#watches];
    if (error instanceof NexusError && error.code === 'NEXUS_STOPPED') {
      this.#watches.clear();
      this.#newest = undefined;
      for (const { watcher } of watches) watcher.ended();
      return;
    }
    const nowMs = this.#needs.clock.nowMs();
    for (const watch of watches) {
      watch.dueMs = nextMs(nowMs, watch.intervalMs);
      watch.watcher.unavailable(error);
    }
    this.#schedule();
  }
}

/** The next multiple of the interval that is not too near. */
function nextMs(nowMs: number, intervalMs: number): number {
  return Math.ceil((nowMs + intervalMs * SHORTEST_PERIOD) / intervalMs) * intervalMs;
}
