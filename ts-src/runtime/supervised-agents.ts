/** What a supervisor, on whichever thread, has done with an agent of this one: end it, or this life of it, within a time; start it again in place. */
import type { NexusError } from '../errors.js';
import type { Clock } from '../ports/clock.js';
import type { Logger } from '../model/agent-context.js';
import { type AgentCell, onArrival, Status } from './agent-cell.js';
import { agentStopped, spawnTimeout } from './failures.js';
import type { Lifecycle } from './lifecycle.js';

export interface SupervisedAgentsNeeds {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly lifecycle: Lifecycle;
  /** Ends an agent behind the messages it has. */
  stopHere(cell: AgentCell): Promise<void>;
  nameOf(cell: AgentCell): string;
}

export class SupervisedAgents {
  readonly #needs: SupervisedAgentsNeeds;
  /** Agents that are to end when they have handled what they have. */
  readonly #ending = new Set<AgentCell>();

  constructor(needs: SupervisedAgentsNeeds) {
    this.#needs = needs;
  }

  /**
   * Ends an agent: behind the messages that it has, or at once if its messages are kept for the next life. When its time is over it is given up, so that nobody
   * waits for it: what still runs of it is ignored. Resolves with whether it ended in time.
   */
  end(cell: AgentCell | undefined, keep: boolean, error: unknown, timeoutMs: number): Promise<boolean> {
    if (cell === undefined || cell.status === Status.stopped) return Promise.resolve(true);
    if (cell.status === Status.arriving) return new Promise((resolve) => onArrival(cell, () => resolve(this.end(cell, keep, error, timeoutMs))));
    const ending = keep ? this.#needs.lifecycle.suspend(cell, error) : this.#needs.stopHere(cell);
    if (ending === undefined) return Promise.resolve(true);
    if (!keep) this.#ending.add(cell);
    return new Promise((resolve) => {
      const cancel = this.#needs.clock.after(timeoutMs, () => {
        this.#ending.delete(cell);
        const data = { child: this.#needs.nameOf(cell), kind: cell.kind.name, timeoutMs };
        this.#needs.logger.warn(data, 'a child did not end within its shutdownTimeoutMs and is given up');
        if (!keep) this.#needs.lifecycle.giveUp(cell, { type: 'parentStopped' });
        resolve(false);
      });
      void ending.then(() => {
        cancel();
        this.#ending.delete(cell);
        resolve(true);
      });
    });
  }

  /** An agent that fails on the way to its end is not started again, and so would never come to it: it ends at once. Whether it was one. */
  failedWhileEnding(cell: AgentCell, error: unknown): boolean {
    if (!this.#ending.has(cell)) return false;
    this.#needs.lifecycle.stop(cell, { type: 'failed', error });
    return true;
  }

  /** Rejects with what its start failed of, NEXUS_SPAWN_TIMEOUT, or NEXUS_AGENT_STOPPED if it is not there any more. */
  async start(cell: AgentCell | undefined, timeoutMs: number): Promise<void> {
    // Behind the end of the life that comes with it, if that was asked for.
    if (cell?.status === Status.arriving) await new Promise<void>((resolve) => onArrival(cell, resolve));
    if (cell === undefined || cell.status >= Status.stopping) throw agentStopped(cell?.kind.name ?? 'ended', undefined, 'its start');
    if (cell.status === Status.arriving) return new Promise((resolve) => onArrival(cell, () => resolve(this.start(cell, timeoutMs))));
    // Nothing to do: it was started already.
    if (cell.status !== Status.suspended) return;
    const starting = this.#needs.lifecycle.startInPlace(cell);
    if (starting !== undefined) await this.#within(cell, starting, timeoutMs);
  }

  #within(cell: AgentCell, starting: Promise<void>, timeoutMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const late = (): NexusError => spawnTimeout(cell.kind.name, this.#needs.nameOf(cell), timeoutMs);
      const cancel = this.#needs.clock.after(timeoutMs, () => {
        const error = late();
        // What still runs of this start is of a life that is over.
        this.#needs.lifecycle.suspend(cell, error);
        reject(error);
      });
      starting.then(
        () => {
          cancel();
          resolve();
        },
        (error: unknown) => {
          cancel();
          reject(error);
        },
      );
    });
  }
}
