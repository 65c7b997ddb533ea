/** Agents of this thread by slot: an array for each group of records, as the routing table groups them. Memory follows the agents there are. */
import type { AgentCell } from './agent-cell.js';

const GROUP = 256;

export class CellTable {
  size = 0;
  /** By the index of the kind: what `size` is of all. Counted here, so that messages pay nothing and nobody walks over the agents. */
  readonly countsByKind: number[] = [];
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
    this.#count(cell.kind.index, 1);
  }

  delete(cell: AgentCell): void {
    const number = cell.slot >>> 8;
    const group = this.#groups[number];
    if (group?.[cell.slot & (GROUP - 1)] !== cell) return;
    group[cell.slot & (GROUP - 1)] = undefined;
    this.size--;
    this.#count(cell.kind.index, -1);
  }

  /**
   * Shows agents from a place on, at least `cellsMax` places unless the end comes first. Returns where to go on; 0 after the last.
   * @param place what the call before returned
   */
  walk(place: number, cellsMax: number, visit: (cell: AgentCell) => void): number {
    let number = place;
    for (let seen = 0; seen < cellsMax && number < this.#groups.length; number++) {
      const group = this.#groups[number];
      // A group without agents costs a step, too.
      seen += group === undefined ? 1 : GROUP;
      if (group !== undefined) for (const cell of group) if (cell !== undefined) visit(cell);
    }
    return number < this.#groups.length ? number : 0;
  }

  #count(kind: number, by: 1 | -1): void {
    const counts = this.countsByKind;
    while (counts.length <= kind) counts.push(0);
    counts[kind] = (counts[kind] as number) + by;
  }

  *[Symbol.iterator](): IterableIterator<AgentCell> {
    for (const group of this.#groups) {
      if (group === undefined) continue;
      for (const cell of group) if (cell !== undefined) yield cell;
    }
  }
}
