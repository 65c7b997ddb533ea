/**
 * Subscribers that are on their way to another thread, as one thread sees them. While an agent moves, both its threads have its subscriptions, and a signal goes to both:
 * whoever publishes says where the agent was in that moment, by the table, as for a tell. So each signal is the business of exactly one of the two, and stays in
 * order with the tells of its emitter. Which agents move is a replicated entry of the thread they move to. Used by `signals.ts`; delivers nothing.
 */
import { type AgentCell, Status } from './agent-cell.js';
import type { ReplicatedEntries } from './replicated-entries.js';

/** Slot and thread of each agent that moves, in turn; thread -1 for one that has ended. */
export type SignalHomes = readonly number[];

export interface MovingSubscribersNeeds {
  readonly thread: number;
  readonly entries: ReplicatedEntries;
  threadOf(slot: number, generation: number): number;
}

export class MovingSubscribers {
  readonly #needs: MovingSubscribersNeeds;
  /** Generations by slot. */
  readonly #moving = new Map<number, number>();

  constructor(needs: MovingSubscribersNeeds) {
    this.#needs = needs;
    needs.entries.listen('moving', ({ key, value }) => {
      // An agent may move on before the last ones have heard that it had arrived: then two threads say so, in any order.
      const generation = value ?? needs.entries.find('moving', key)?.value;
      if (generation === undefined) this.#moving.delete(Number(key));
      else this.#moving.set(Number(key), generation as number);
    });
  }

  get isEmpty(): boolean {
    return this.#moving.size === 0;
  }

  /** For a signal that is published now; undefined if none of them moves. */
  homes(): SignalHomes | undefined {
    if (this.#moving.size === 0) return undefined;
    const homes: number[] = [];
    for (const [slot, generation] of this.#moving) homes.push(slot, this.#needs.threadOf(slot, generation));
    return homes;
  }

  /** An agent may come to this thread. */
  begin({ slot, generation }: AgentCell): void {
    this.#needs.entries.put('moving', String(slot), generation);
  }

  /** It is here as a whole, or does not come. */
  end({ slot }: AgentCell): void {
    this.#needs.entries.delete('moving', String(slot));
  }

  /** Whether a signal with these homes is this thread's to deliver to that agent. */
  isOurs(cell: AgentCell, homes: SignalHomes | undefined): boolean {
    for (let at = 0; homes !== undefined && at < homes.length; at += 2) if (homes[at] === cell.slot) return homes[at + 1] === this.#needs.thread;
    // Published by a thread that did not know yet that it moves: by the thread that it comes from.
    return cell.status !== Status.arriving;
  }
}
