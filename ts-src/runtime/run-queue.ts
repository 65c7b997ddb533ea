/** Agents that have messages and may handle them, in the order of their turns: a circular array that grows. An agent stands in it at most once, which is its caller's business. */
import type { AgentCell } from './agent-cell.js';

const INITIAL = 1024;

export class RunQueue {
  size = 0;
  #cells: (AgentCell | undefined)[] = new Array(INITIAL).fill(undefined);
  #head = 0;

  push(cell: AgentCell): void {
    if (this.size === this.#cells.length) this.#grow();
    this.#cells[(this.#head + this.size) & (this.#cells.length - 1)] = cell;
    this.size++;
  }

  /** Takes out whose turn it is. There must be one. */
  shift(): AgentCell {
    const cell = this.#cells[this.#head] as AgentCell;
    this.#cells[this.#head] = undefined;
    this.#head = (this.#head + 1) & (this.#cells.length - 1);
    this.size--;
    return cell;
  }

  #grow(): void {
    const grown: (AgentCell | undefined)[] = new Array(this.#cells.length * 2).fill(undefined);
    for (let index = 0; index < this.size; index++) grown[index] = this.#cells[(this.#head + index) & (this.#cells.length - 1)];
    this.#cells = grown;
    this.#head = 0;
  }
}
