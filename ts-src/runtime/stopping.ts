/**
 * The end of an agent on request: behind the messages that its caller sent before, on whichever thread it is, within a time. Not here: what ending is
 * (`lifecycle.ts`), and the end of all agents (`runtime-calls.ts`).
 */
import { NexusError, quoted } from '../errors.js';
import type { Clock } from '../ports/clock.js';
import { type AgentCell, extraOf, Status } from './agent-cell.js';
import type { AgentReference } from './agent-reference.js';
import type { Dispatcher } from './dispatcher.js';
import type { Lifecycle } from './lifecycle.js';
import { systemActions } from './message-receiver.js';
import { isPaused } from './pausing.js';

const DONE = Promise.resolve();

export interface StoppingNeeds {
  readonly thread: number;
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly lifecycle: Lifecycle;
  readonly dispatcher: Dispatcher;
  /** The agent on this thread, if it is here. */
  cellOf(agent: AgentReference): AgentCell | undefined;
  /** Thread of a live agent that can be reached, or -1. */
  reachableThreadOf(agent: AgentReference): number;
  /** Asks its thread; rejects with NEXUS_ASK_TIMEOUT. */
  requestStop(thread: number, agent: AgentReference, timeoutMs: number): Promise<void>;
  requestWhenEnded(thread: number, agent: AgentReference, timeoutMs: number): Promise<void>;
  agentCountChanged(): void;
  /** Resolves when no message comes through the groups of an agent any more; undefined if it is in none. */
  leaveGroups(cell: AgentCell): Promise<void> | undefined;
}

export class Stopping {
  readonly #needs: StoppingNeeds;

  constructor(needs: StoppingNeeds) {
    this.#needs = needs;
  }

  /** Rejects with NEXUS_STOP_TIMEOUT. */
  stop(target: AgentReference, timeoutMs = this.#needs.timeoutMs): Promise<void> {
    // What a reference holds of an agent that has moved away, and perhaps back.
    if (target.cell?.status === Status.moved) target.cell = undefined;
    const cell = target.cell ?? this.#needs.cellOf(target);
    if (cell === undefined) return this.#stopRemote(target, timeoutMs);
    if (cell.status === Status.ready && cell.mailbox === undefined && cell.extra?.membership === undefined) {
      // Nothing waits: no need to queue.
      this.#needs.lifecycle.stop(cell, { type: 'stopped' });
      this.#needs.agentCountChanged();
    }
    return (cell.status as Status) === Status.stopped ? DONE : this.#within(this.stopHere(cell), target, timeoutMs);
  }

  /** Ends an agent of this thread behind the messages it has; resolves when it has ended. */
  stopHere(cell: AgentCell): Promise<void> {
    const { lifecycle, dispatcher, leaveGroups } = this.#needs;
    if (cell.status === Status.stopped) return DONE;
    // An agent that waits for its restart handles no messages: do not queue behind them.
    if (cell.status === Status.suspended) lifecycle.stop(cell, { type: 'stopped' });
    return new Promise((resolve) => {
      lifecycle.whenStopped(cell, resolve);
      const stop = (): void => {
        // What waits for a paused agent is not handled: do not queue behind it.
        if (isPaused(cell) && !isPacked(cell)) lifecycle.stop(cell, { type: 'stopped' });
        else dispatcher.enqueueSystem(cell, systemActions.stop, undefined, undefined);
      };
      const left = leaveGroups(cell);
      if (left === undefined) stop();
      else void left.then(stop);
    });
  }

  /** The agent itself asks for its end. */
  stopSelf(cell: AgentCell): void {
    extraOf(cell).stopRequested = true;
    // No message gives it a turn, and no handler of it runs at whose end that is seen.
    if (isPaused(cell) && !isPacked(cell) && cell.status === Status.held && cell.extra?.concurrent === 0)
      return this.#needs.lifecycle.stop(cell, { type: 'stopped' });
    // Outside of a handler nobody looks at the flag until the next message.
    this.#needs.dispatcher.enqueueSystem(cell, systemActions.look, undefined, undefined);
  }

  /** Resolves when an agent whose end has begun has ended; at once for any other. Rejects with NEXUS_STOP_TIMEOUT or NEXUS_ASK_TIMEOUT, or if its thread is lost. */
  whenEnded(agent: AgentReference, timeoutMs: number): Promise<void> {
    const cell = this.#needs.cellOf(agent);
    if (cell !== undefined) return this.#within(Promise.resolve(this.#needs.lifecycle.whenEnded(cell)), agent, timeoutMs);
    const thread = this.#needs.reachableThreadOf(agent);
    if (thread < 0 || thread === this.#needs.thread) return DONE;
    return this.#needs.requestWhenEnded(thread, agent, timeoutMs);
  }

  #stopRemote(target: AgentReference, timeoutMs: number): Promise<void> {
    const thread = this.#needs.reachableThreadOf(target);
    if (thread < 0 || thread === this.#needs.thread) return DONE;
    return this.#needs.requestStop(thread, target, timeoutMs).catch((error: unknown) => {
      throw error instanceof NexusError && error.code === 'NEXUS_ASK_TIMEOUT' ? stopTimeout(target, timeoutMs) : error;
    });
  }

  #within(ended: Promise<void>, target: AgentReference, timeoutMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const cancel = this.#needs.clock.after(timeoutMs, () => reject(stopTimeout(target, timeoutMs)));
      void ended.then(() => {
        cancel();
        resolve();
      });
    });
  }
}

/** For another node, which may have it by now: it ends there, or here when it is known to stay. */
function isPacked({ extra }: AgentCell): boolean {
  return extra?.endsWhilePacked !== undefined;
}

export function stopTimeout(target: AgentReference, timeoutMs: number): NexusError {
  return new NexusError(
    'NEXUS_STOP_TIMEOUT',
    `${target.kind} ${quoted(target.id)} did not end within ${timeoutMs} ms: a handler or stop hook still runs; give what it waits for a time limit, or raise timeoutMs`,
    {
      data: { id: target.id, kind: target.kind, timeoutMs },
    },
  );
}
