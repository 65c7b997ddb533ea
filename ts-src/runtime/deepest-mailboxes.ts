/**
 * Finds agents of a thread that have many messages waiting, without looking at all of them: those that a sample of the messages came upon, those whose mailboxes became congested, and a
 * part of all agents at each search, going on where the last one ended. What it finds is a lower bound: among a million agents one that handles nothing may be found a minute late.
 */
import type { AgentCell } from './agent-cell.js';
import type { CellTable } from './cell-table.js';

/** Agents that are remembered from one search to the next. */
const REMEMBERED_MAX = 64;
/** Agents that one search looks at: below a millisecond. */
const WALKED_CELLS = 16_384;

export class DeepestMailboxes {
  readonly #cells: CellTable;
  #known = new Set<AgentCell>();
  #place = 0;
  /** Of those that are remembered when there is no room for more: what is less deep is not looked at. */
  #least = 0;

  constructor(cells: CellTable) {
    this.#cells = cells;
  }

  /** This one may be one of them. */
  note(cell: AgentCell): void {
    if ((cell.mailbox?.size ?? 0) <= this.#least) return;
    this.#known.add(cell);
    if (this.#known.size >= 2 * REMEMBERED_MAX) this.#forgetShallow();
  }

  /** The deepest that are known, deepest first, at most `countMax`. */
  find(countMax: number): AgentCell[] {
    this.#least = 0;
    this.#place = this.#cells.walk(this.#place, WALKED_CELLS, (cell) => {
      if (cell.mailbox !== undefined) this.note(cell);
    });
    const deepest = this.#forgetShallow();
    // Until the next search anything may have become deep.
    this.#least = 0;
    return deepest.slice(0, countMax);
  }

  #forgetShallow(): AgentCell[] {
    const waiting = [...this.#known].filter((cell) => (cell.mailbox?.size ?? 0) > 0);
    const deepest = waiting.sort((a, b) => sizeOf(b) - sizeOf(a)).slice(0, REMEMBERED_MAX);
    this.#known = new Set(deepest);
    if (deepest.length === REMEMBERED_MAX) this.#least = sizeOf(deepest[REMEMBERED_MAX - 1] as AgentCell);
    return deepest;
  }
}

function sizeOf(cell: AgentCell): number {
  return cell.mailbox?.size ?? 0;
}
