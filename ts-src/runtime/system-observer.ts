/**
 * Reads the whole system for whoever looks: counters and histograms from shared memory, and what each thread sees of its messages from that thread, which begins to look when it is asked. Keeps
 * the readings of the last minute, so that several may ask without disturbing each other's rates. On the calling thread, for `Nexus`; what two readings say is `model/system-reading.ts`.
 */
import { optionError } from '../errors.js';
import { HISTOGRAM_KEYS, type HistogramName, HistogramSnapshot } from '../model/histogram.js';
import { checkNames } from '../model/nearest-name.js';
import type { SystemSnapshot } from '../model/observation.js';
import { durationSummary, snapshotOf, type SystemReading, type ThreadActivity, type ThreadReading } from '../model/system-reading.js';
import { ACTIVITY_KEPT_MS, readActivity } from './activity.js';
import { nexusStopped } from './failures.js';
import { HistogramShard } from './histogram-shard.js';
import type { ThreadHost } from './thread-host.js';
import { threadStatistics } from './thread-statistics.js';

/** How often `nexus.snapshots` gives one. */
export interface SnapshotsOptions {
  /** From one snapshot to the next: 100 to 60,000 milliseconds, default 1,000. */
  readonly intervalMs?: number;
}

/** A thread that has not answered by then is shown from shared memory. */
const ANSWER_TIMEOUT_MS = 500;
/** Of the call itself: as long as it has not been answered, the thread is not asked again. */
const CALL_TIMEOUT_MS = 86_400_000;
/** Rates are over at least this long, where there is a reading that old. */
const PERIOD_MS_MIN = 500;
/** Readings that are kept, apart by at least so long. */
const READINGS_MAX = 8;
const SPACING_MS = 250;
const INTERVAL_MS_MIN = 100;
const INTERVAL_MS_MAX = 60_000;

export interface SystemObserverNeeds {
  readonly host: ThreadHost;
  readonly threadCount: number;
  /** False when nothing can be asked any more. */
  isOpen(): boolean;
  processReading(): { readonly cpuMs: number; readonly process: SystemReading['process'] };
}

export class SystemObserver {
  readonly #needs: SystemObserverNeeds;
  #reading: Promise<SystemReading> | undefined;
  /** Oldest first. */
  #readings: SystemReading[] = [];
  /** The latest of each thread, whether it answered the last call or not. */
  readonly #known = new Map<number, ThreadActivity>();
  /** Threads that have not answered yet. */
  readonly #asked = new Set<number>();
  readonly #sleeping = new Set<() => void>();
  #isClosed = false;

  constructor(needs: SystemObserverNeeds) {
    this.#needs = needs;
  }

  async snapshot(): Promise<SystemSnapshot> {
    const now = await this.#read();
    return snapshotOf(now, this.#readingBefore(now));
  }

  async *snapshots({ intervalMs }: Required<SnapshotsOptions>): AsyncGenerator<SystemSnapshot, void, undefined> {
    let before: SystemReading | undefined;
    while (!this.#isClosed && this.#needs.isOpen()) {
      const now = await this.#read();
      yield snapshotOf(now, before ?? this.#readingBefore(now));
      before = now;
      await this.#sleep(now.atMs + intervalMs - this.#needs.host.clock.nowMs());
    }
  }

  /** Ends what waits for its next snapshot. */
  close(): void {
    this.#isClosed = true;
    for (const wake of [...this.#sleeping]) wake();
  }

  /** Who asks while others wait for a reading gets the same. */
  #read(): Promise<SystemReading> {
    if (!this.#needs.isOpen()) return Promise.reject(nexusStopped());
    this.#reading ??= this.#readAll().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  async #readAll(): Promise<SystemReading> {
    const { host, threadCount } = this.#needs;
    const answers = await Promise.all(Array.from({ length: threadCount }, (_, thread) => this.#ask(thread)));
    // After the answers: a thread publishes its counters at the end of the turn in which it answers.
    const threads = answers.map((isAnswering, thread): ThreadReading => {
      const { state, incarnation, agents, queueDepth, load, counters } = threadStatistics(host.shared, thread);
      return { thread, state, incarnation, agents, queueDepth, load, counters, activity: this.#known.get(thread), isAnswering };
    });
    const reading: SystemReading = {
      atMs: host.clock.nowMs(),
      takenAtMs: host.clock.epochMs(),
      ...this.#needs.processReading(),
      threads,
      durations: Object.fromEntries(HISTOGRAM_KEYS.map((name, index) => [name, this.#duration(index)])) as Record<
        HistogramName,
        ReturnType<typeof durationSummary>
      >,
    };
    this.#keep(reading);
    return reading;
  }

  async #ask(thread: number): Promise<boolean> {
    const { host } = this.#needs;
    if (thread === host.thread) {
      this.#known.set(thread, readActivity(host));
      return true;
    }
    const { state } = threadStatistics(host.shared, thread);
    // Its agents are gone for good.
    if (state === 'failed') this.#known.delete(thread);
    if (state !== 'ready' || this.#asked.has(thread)) return false;
    this.#asked.add(thread);
    const answer = host.router.request(thread, 'activity', undefined, CALL_TIMEOUT_MS, { kind: 'thread', id: String(thread) }).then(
      (activity) => {
        this.#known.set(thread, activity);
        return true;
      },
      () => false,
    );
    let cancel = (): void => undefined;
    const late = new Promise<boolean>((resolve) => {
      cancel = host.clock.after(ANSWER_TIMEOUT_MS, () => resolve(false));
    });
    void answer.then(() => this.#asked.delete(thread));
    const isAnswering = await Promise.race([answer, late]);
    cancel();
    return isAnswering;
  }

  #keep(reading: SystemReading): void {
    const readings = this.#readings.filter(({ atMs }) => reading.atMs - atMs < ACTIVITY_KEPT_MS);
    const [last, beforeLast] = [readings.at(-1), readings.at(-2)];
    if (last !== undefined && beforeLast !== undefined && last.atMs - beforeLast.atMs < SPACING_MS) readings.pop();
    readings.push(reading);
    this.#readings = readings.slice(-READINGS_MAX);
  }

  /** The latest that is old enough, else the oldest; undefined if nobody has looked for a while. */
  #readingBefore(now: SystemReading): SystemReading | undefined {
    const earlier = this.#readings.filter((each) => each.atMs < now.atMs);
    return earlier.findLast(({ atMs }) => now.atMs - atMs >= PERIOD_MS_MIN) ?? earlier[0];
  }

  #duration(index: number): ReturnType<typeof durationSummary> {
    const { host, threadCount } = this.#needs;
    const merged = HistogramSnapshot.merge(Array.from({ length: threadCount }, (_, thread) => new HistogramShard(host.shared, thread, index).read()));
    return durationSummary(merged.count, merged.sum, merged.quantile(0.5), merged.quantile(0.99), merged.max);
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        cancel();
        this.#sleeping.delete(wake);
        resolve();
      };
      const cancel = this.#needs.host.clock.after(Math.max(0, ms), wake);
      this.#sleeping.add(wake);
      if (this.#isClosed) wake();
    });
  }
}

export function checkedSnapshots(options: SnapshotsOptions): Required<SnapshotsOptions> {
  checkNames('snapshots', options, ['intervalMs']);
  const { intervalMs = 1000 } = options;
  if (!(typeof intervalMs === 'number' && intervalMs >= INTERVAL_MS_MIN && intervalMs <= INTERVAL_MS_MAX))
    throw optionError('intervalMs', `is ${String(intervalMs)}; it must be from ${INTERVAL_MS_MIN} to ${INTERVAL_MS_MAX.toLocaleString('en')}`);
  return { intervalMs };
}
