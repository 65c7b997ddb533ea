/**
 * The live load of the members of groups: messages that wait in the mailbox, and async handlers that run. Each thread writes that of its own agents into shared memory at the end
 * of a turn, all others read it there. An agent that is in no group costs nothing but one look when it gets a mailbox.
 *
 * At most 256 members are written at the end of a turn, those that have messages in rotation: where more are busy at once, a load is as old as that takes.
 */
import type { SharedMemory } from '../../bindings/shared-memory.js';
import type { AgentCell } from './agent-cell.js';

const WRITTEN_MAX = 256;

/** What a member of groups has besides other agents. */
export class Membership {
  readonly groups = new Set<string>();
  /** Async handlers that run. */
  running = 0;
  /** It is in the list of those whose loads are written. */
  isListed = false;
}

export class MemberLoads {
  readonly #words: Int32Array;
  readonly #at: number;
  readonly #busy: AgentCell[] = [];
  #cursor = 0;

  constructor(shared: SharedMemory) {
    this.#words = shared.words;
    this.#at = shared.loadsOffset >> 2;
  }

  /** Of any agent, as its thread wrote it last. */
  read(slot: number): number {
    return this.#words[this.#at + slot] as number;
  }

  /** An agent of this thread may have got its first message. */
  attached(cell: AgentCell): void {
    const membership = cell.extra?.membership;
    if (membership === undefined || membership.isListed) return;
    membership.isListed = true;
    this.#busy.push(cell);
  }

  /** An async handler of a member runs until this is settled. */
  runs(cell: AgentCell, result: Promise<unknown>): void {
    const membership = cell.extra?.membership;
    if (membership === undefined) return;
    membership.running++;
    this.attached(cell);
    const ended = (): void => {
      membership.running--;
      // It may have left meanwhile, and joined again.
      if (cell.extra?.membership === membership) this.write(cell.slot, loadOf(cell));
    };
    // Not its own `then`, which may be anything.
    Promise.prototype.then.call(result, ended, ended);
  }

  write(slot: number, load: number): void {
    // One writer, and no order with anything else: a plain store, as of the counters.
    this.#words[this.#at + slot] = load;
  }

  endTurn(): void {
    const busy = this.#busy;
    for (let count = Math.min(WRITTEN_MAX, busy.length); count > 0; count--) {
      if (this.#cursor >= busy.length) this.#cursor = 0;
      const cell = busy[this.#cursor] as AgentCell;
      const membership = cell.extra?.membership;
      const load = membership === undefined ? 0 : loadOf(cell);
      // An agent that is no member any more has been set to 0; its slot may be another's by now.
      if (membership !== undefined) this.write(cell.slot, load);
      if (load > 0) {
        this.#cursor++;
        continue;
      }
      if (membership !== undefined) membership.isListed = false;
      const last = busy.pop() as AgentCell;
      if (last !== cell) busy[this.#cursor] = last;
    }
  }
}

/** Of an agent of this thread, as it is now. */
export function loadOf(cell: AgentCell): number {
  return (cell.mailbox?.size ?? 0) + (cell.extra?.membership?.running ?? 0);
}
