/**
 * Ids of agents that were asked for lately: the shared table keeps names as bytes, and to read one takes longer than to handle a message. A fixed number of places, by slot; for
 * observers that want an id with each message.
 */
import type { AgentCell } from './agent-cell.js';

const PLACES = 1024;

export class KnownIds {
  readonly #nameOf: (slot: number, generation: number) => string | undefined;
  readonly #cells: (AgentCell | undefined)[] = new Array(PLACES).fill(undefined);
  readonly #ids: string[] = new Array(PLACES).fill('');

  constructor(nameOf: (slot: number, generation: number) => string | undefined) {
    this.#nameOf = nameOf;
  }

  /** Empty for one that is in the table no more and was not asked for lately. */
  of(cell: AgentCell): string {
    const place = cell.slot & (PLACES - 1);
    if (this.#cells[place] === cell) return this.#ids[place] as string;
    const id = this.#nameOf(cell.slot, cell.generation) ?? '';
    if (id !== '') {
      this.#cells[place] = cell;
      this.#ids[place] = id;
    }
    return id;
  }
}
