/** The end of a nexus: takes nothing new, lets what waits be handled, ends agents, threads and storage, each within what is left of one deadline. Called by `Nexus.stop`. */
import type { EventEmitter } from 'node:events';
import { optionError, valueText } from '../errors.js';
import { checkNames } from '../model/nearest-name.js';
import type { Storage } from '../ports/storage.js';
import { busyAgents, quiet, stopAllAgents } from './runtime-calls.js';
import type { ThreadHost } from './thread-host.js';
import type { ThreadStatistics } from './thread-statistics.js';
import type { WorkerPool } from './worker-pool.js';

/** Closing the storage is given this long even when the deadline has passed. */
const CLOSE_MS_MIN = 1000;
/** Agents that a log line names. */
const BUSY_NAMED_MAX = 10;

/** What `nexus.stop` resolves with: whether everything was handled and saved by the deadline, and what was not. */
export interface StopReport {
  /** All mailboxes were empty, those of paused agents included, and all stop hooks had run before the deadline. */
  readonly complete: boolean;
  /** Messages that were still waiting. */
  readonly discarded: number;
}

const DEADLINE_MS = 10_000;
const DEADLINE_MS_MAX = 86_400_000;

/** Of the options of `nexus.stop`. @throws NexusTypeError NEXUS_OPTION_INVALID, NEXUS_OPTION_UNKNOWN */
export function checkedDeadline(options: { readonly deadlineMs?: number }): number {
  checkNames('stop', options, ['deadlineMs']);
  const { deadlineMs = DEADLINE_MS } = options;
  if (typeof deadlineMs === 'number' && deadlineMs >= 0 && deadlineMs <= DEADLINE_MS_MAX) return deadlineMs;
  throw optionError('deadlineMs', `is ${valueText(deadlineMs)}; it must be from 0 to 86,400,000`);
}

export interface ShutdownNeeds {
  readonly host: ThreadHost;
  readonly pool: WorkerPool;
  readonly emitter: EventEmitter;
  readonly storage: Storage | undefined;
  threads(): readonly ThreadStatistics[];
  /** When all agents have stopped, or the deadline has passed: a node says goodbye to its cluster. */
  leave(remainingMs: number): Promise<void>;
  /** From now on nothing is found or sent any more. */
  closed(): void;
}

export function shutDown(needs: ShutdownNeeds, deadlineMs: number): Promise<StopReport> {
  return new Shutdown(needs).run(deadlineMs);
}

/** Who is asked, for messages. */
export function runtimeOf(thread: number): { readonly kind: string; readonly id: string } {
  return { kind: 'thread', id: String(thread) };
}

class Shutdown {
  readonly #needs: ShutdownNeeds;
  /** When all was quiet: what waited for paused agents, which nobody handles any more. */
  #paused = { waiting: 0, agents: [] as readonly string[] };

  constructor(needs: ShutdownNeeds) {
    this.#needs = needs;
  }

  async run(deadlineMs: number): Promise<StopReport> {
    const { clock } = this.#needs.host;
    const deadline = clock.nowMs() + deadlineMs;
    this.#needs.host.flight?.nexusStopping();
    this.#needs.emitter.emit('stopping');
    this.#needs.pool.beginStop();
    const quietInTime = await this.#becomeQuiet(deadline);
    if (!quietInTime) this.#sayWhoIsBusy(deadlineMs);
    this.#sayWhoIsPaused();
    const discarded = this.#needs.threads().reduce((sum, { queueDepth }) => sum + queueDepth, 0);
    const stoppedInTime = await this.#stopAgents(deadline);
    await this.#needs.leave(Math.max(0, deadline - clock.nowMs()));
    const complete = quietInTime && this.#paused.waiting === 0 && stoppedInTime && !this.#needs.pool.hasLostWhileStopping;
    this.#needs.closed();
    this.#needs.host.links.isClosed = true;
    await this.#needs.pool.terminate();
    this.#needs.host.close();
    const isClosed = await this.#closeStorage(Math.max(CLOSE_MS_MIN, deadline - clock.nowMs()));
    return { complete: complete && isClosed, discarded: quietInTime ? this.#paused.waiting : discarded };
  }

  /** False if writes that hang keep it open: the end of the process gives it free. */
  #closeStorage(waitMs: number): Promise<boolean> {
    const storage = this.#needs.storage;
    if (storage === undefined) return Promise.resolve(true);
    return new Promise((resolve) => {
      const cancel = this.#needs.host.clock.after(waitMs, () => {
        this.#needs.host.logger.error({ storage: storage.description }, 'the storage could not be closed in time: writes are still under way');
        resolve(false);
      });
      const closed = (isClosed: boolean) => (): void => {
        cancel();
        resolve(isClosed);
      };
      storage.close().then(closed(true), closed(false));
    });
  }

  /** Also for whoever awaits `stop` in a handler: that agent is one of them. */
  #sayWhoIsBusy(deadlineMs: number): void {
    const busy = busyAgents(this.#needs.host, BUSY_NAMED_MAX);
    if (busy.length === 0) return;
    const message = 'the deadline of stop has passed while handlers ran on the calling thread; a handler that awaits stop waits for itself';
    this.#needs.host.logger.warn({ agents: busy, deadlineMs: Math.round(deadlineMs) }, message);
  }

  #sayWhoIsPaused(): void {
    const { waiting, agents } = this.#paused;
    if (waiting === 0) return;
    const message = 'the nexus stops while agents are paused: what waits in their mailboxes is discarded; resume them before, to have it handled';
    this.#needs.host.logger.warn({ agents: agents.slice(0, BUSY_NAMED_MAX), waiting }, message);
  }

  /** Waits until all threads are up, nothing waits or runs on any, and nothing is on its way between them. False if the deadline passed first. */
  async #becomeQuiet(deadline: number): Promise<boolean> {
    const { clock } = this.#needs.host;
    let before = -1;
    for (;;) {
      const remaining = deadline - clock.nowMs();
      if (remaining <= 0) {
        quiet(this.#needs.host);
        return false;
      }
      const answers = await Promise.all(
        this.#needs.pool.ready.map((thread) =>
          this.#needs.host.router.request(thread, 'quiet', undefined, Math.max(1, remaining), runtimeOf(thread)).catch(() => undefined),
        ),
      );
      const all = [...answers, quiet(this.#needs.host)];
      this.#paused = {
        waiting: all.reduce((sum, answer) => sum + (answer?.pausedWaiting ?? 0), 0),
        agents: all.flatMap((answer) => answer?.paused ?? []),
      };
      const activity = all.reduce((sum, answer) => sum + (answer?.activity ?? 0), 0);
      // Twice the same sum, and idle both times: what was on its way in between would have changed it.
      if (!this.#needs.pool.isReplacing && all.every((answer) => answer === undefined || answer.idle)) {
        if (activity === before) return true;
        before = activity;
      } else before = -1;
      await new Promise<void>((resolve) => {
        clock.after(1, resolve);
      });
    }
  }

  async #stopAgents(deadline: number): Promise<boolean> {
    const { clock } = this.#needs.host;
    const remaining = Math.max(1, deadline - clock.nowMs());
    const ending = Promise.all([
      ...this.#needs.pool.ready.map((thread) =>
        this.#needs.host.router.request(thread, 'shutdown', undefined, remaining, runtimeOf(thread)).then(
          () => true,
          () => false,
        ),
      ),
      stopAllAgents(this.#needs.host).then(
        () => true,
        () => false,
      ),
    ]).then((results) => results.every(Boolean));
    let cancel = (): void => undefined;
    const late = new Promise<boolean>((resolve) => {
      cancel = clock.after(remaining, () => resolve(false));
    });
    const inTime = await Promise.race([ending, late]);
    cancel();
    return inTime;
  }
}
