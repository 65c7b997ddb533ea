/**
 * Subscribers that are on their way to another thread, as one thread sees them. While an agent moves, both its threads have its subscriptions, and a signal goes to both:
 * whoever publishes says where the agent was in that moment, by the table, as for a tell. So each signal is the business of exactly one of the two, and stays in
 * order with the tells of its emitter. Which agents move is a replicated entry of the thread they move to; when that thread is lost, so is the entry, and what is published
 * then is for its successor alone. Used by `signals.ts`; delivers nothing.
 */
import { type AgentCell, Status } from './agent-cell.js';
import type { ReplicatedEntries } from './replicated-entries.js';

/** Slot and thread of each agent that moves, in turn; thread -1 for one that has ended. */
export type SignalHomes = readonly number[];

export interface MovingSubscribersNeeds {
  readonly thread: number;
  readonly entries: ReplicatedEntries;
  threadOf(slot: number, generation: number): number;
  /** No agent of this slot moves any more, as far as this thread knows. */
  cameToRest(slot: number): void;
}

export class MovingSubscribers {
  readonly #needs: MovingSubscribersNeeds;
  /** Generations by slot. */
  readonly #moving = new Map<number, number>();
  /** Of a successor: those that moved when it was made, until every thread has told it. An agent that is named and moves no more is where the table says, as any. */
  #inherited: ReadonlyMap<number, number> = new Map();

  constructor(needs: MovingSubscribersNeeds) {
    this.#needs = needs;
    needs.entries.listen('moving', ({ key, value }) => {
      // An agent may move on before the last ones have heard that it had arrived: then two threads say so, in any order.
      const generation = value ?? needs.entries.find('moving', key)?.value;
      if (generation !== undefined) this.#moving.set(Number(key), generation as number);
      else if (this.#moving.delete(Number(key))) needs.cameToRest(Number(key));
    });
  }

  get isEmpty(): boolean {
    return this.#moving.size === 0 && this.#inherited.size === 0;
  }

  /** For a signal that is published now; undefined if none of them moves. */
  homes(): SignalHomes | undefined {
    if (this.#inherited.size > 0 && this.#needs.entries.areAllComplete) this.#inherited = new Map();
    if (this.isEmpty) return undefined;
    const homes: number[] = [];
    for (const [slot, generation] of this.#moving) homes.push(slot, this.#needs.threadOf(slot, generation));
    for (const [slot, generation] of this.#inherited) if (!this.#moving.has(slot)) homes.push(slot, this.#needs.threadOf(slot, generation));
    return homes;
  }

  /** Slots and generations in turn, for a thread that starts now: no agent leaves its thread before this one knows that it moves (`ReplicatedEntries.settled`). */
  all(): readonly number[] {
    return [...this.#moving].flat();
  }

  inherit(all: readonly number[]): void {
    this.#inherited = new Map(Array.from({ length: all.length / 2 }, (_, at) => [all[2 * at] as number, all[2 * at + 1] as number]));
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
    // Published by a thread that did not know yet that it moves, before it left the thread that it comes from.
    return cell.status !== Status.arriving;
  }
}
