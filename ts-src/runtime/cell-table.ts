/** Agents of this thread by slot: an array for each group of records, as the routing table groups them. Memory follows the agents there are. */
import type { AgentCell } from './agent-cell.js';

const GROUP = 256;

export class CellTable {
  size = 0;
  readonly #groups: ((AgentCell | undefined)[] | undefined)[] = [];

  /** The agent at this address, or undefined if that generation is not here. */
  get(slot: number, generation: number): AgentCell | undefined {
    const cell = this.#groups[slot >>> 8]?.[slot & (GROUP - 1)];
    return cell !== undefined && cell.generation === generation ? cell : undefined;
  }

  set(cell: AgentCell): void {
    const number = cell.slot >>> 8;
    while (this.#groups.length <= number) this.#groups.push(undefined);
    let group = this.#groups[number];
    if (group === undefined) {
      group = new Array(GROUP).fill(undefined);
      this.#groups[number] = group;
    }
    group[cell.slot & (GROUP - 1)] = cell;
    this.size++;
  }

  delete(cell: AgentCell): void {
    const number = cell.slot >>> 8;
    const group = this.#groups[number];
    if (group?.[cell.slot & (GROUP - 1)] !== cell) return;
    group[cell.slot & (GROUP - 1)] = undefined;
    this.size--;
  }

  *[Symbol.iterator](): IterableIterator<AgentCell> {
    for (const group of this.#groups) {
      if (group === undefined) continue;
      for (const cell of group) if (cell !== undefined) yield cell;
    }
  }
}
