/**
 * Agents by their id, on any thread: what the shared routing table says, and whether their end has begun. Asks no other thread. Not here: what an id leads to
 * when there is no such agent (`spawning.ts`).
 */
import type { SharedMemory } from '../../bindings/shared-memory.js';
import { NexusError, optionError, quoted, valueText } from '../errors.js';
import type { AnyAgent } from '../model/agent-definition.js';
import { FOUND_NUMBERS, type RoutingTable } from '../ports/engine.js';
import { AgentReference, type ReferenceHost } from './agent-reference.js';
import type { KindRegistry } from './kind.js';
import { hasParent, isEnding, parentSlotOf } from './record-word.js';

/** Ids of one call of `findMany`: some milliseconds of the thread's time. */
const FIND_MANY_MAX = 65_536;

export interface DirectoryNeeds {
  readonly table: RoutingTable;
  readonly shared: SharedMemory;
  readonly kinds: KindRegistry;
  /** Of the references that are made. */
  readonly host: ReferenceHost;
}

export class Directory {
  readonly #table: RoutingTable;
  readonly #shared: SharedMemory;
  readonly #kinds: KindRegistry;
  readonly #host: ReferenceHost;

  constructor(needs: DirectoryNeeds) {
    this.#table = needs.table;
    this.#shared = needs.shared;
    this.#kinds = needs.kinds;
    this.#host = needs.host;
  }

  /** The agent of this id, unless its end has begun. @throws NexusError NEXUS_KIND_MISMATCH; NexusTypeError NEXUS_OPTION_INVALID */
  find(id: string, definition: AnyAgent | undefined): AgentReference | undefined {
    if (typeof id !== 'string') throw optionError('id', `must be a string of 1 to 1,024 bytes of UTF-8, not ${valueText(id)}`);
    const found = this.#lookUp(id, false);
    if (found !== undefined && definition !== undefined) checkKind(found, id, definition);
    return found;
  }

  /** `find` for each id. */
  findMany(ids: readonly string[], definition: AnyAgent | undefined): (AgentReference | undefined)[] {
    if (!Array.isArray(ids) || ids.length > FIND_MANY_MAX) {
      throw optionError('ids', `must be an array of at most ${FIND_MANY_MAX} ids, not ${Array.isArray(ids) ? ids.length : valueText(ids)}`);
    }
    for (let index = 0; index < ids.length; index++) {
      if (typeof ids[index] !== 'string') throw optionError(`ids[${index}]`, `must be a string of 1 to 1,024 bytes of UTF-8, not ${valueText(ids[index])}`);
    }
    const numbers = this.#table.findMany(ids);
    return ids.map((id, index) => {
      const at = index * FOUND_NUMBERS;
      const slot = numbers[at] as number;
      if (slot === 0 || isEnding(this.#shared, slot) || !isWellFormed(id)) return undefined;
      const found = new AgentReference(this.#host, this.#kinds.byIndex(numbers[at + 2] as number), slot, numbers[at + 1] as number, undefined, id);
      if (definition !== undefined) checkKind(found, id, definition);
      return found;
    });
  }

  /** The agent that still has this id, although its end has begun. */
  findEnding(id: string): AgentReference | undefined {
    return this.#lookUp(id, true);
  }

  /** Who has an id, whether its end has begun or not, and whether it was spawned by `parent`. */
  holderOf(id: string, parent: AgentReference): { readonly agent: AgentReference; readonly isChild: boolean; readonly isParentless: boolean } | undefined {
    const agent = this.#lookUp(id, false) ?? this.#lookUp(id, true);
    if (agent === undefined) return undefined;
    const word = this.#table.parentOf(agent.slot, agent.generation);
    const isChild = hasParent(word, parent);
    // It may have ended before its parent was read.
    return this.#table.threadOf(agent.slot, agent.generation) < 0 ? undefined : { agent, isChild, isParentless: parentSlotOf(word) === 0 };
  }

  /**
   * The mark of an end is read after the table was searched: if the record has another agent by then, the one that was found has ended, and a reference to it
   * is as stale as one whose agent ends a moment later.
   */
  #lookUp(id: string, ending: boolean): AgentReference | undefined {
    const table = this.#table;
    const slot = table.find(id);
    // As UTF-8, an id with half of a surrogate pair would be that of another agent. None can be spawned.
    if (slot === 0 || isEnding(this.#shared, slot) !== ending || !isWellFormed(id)) return undefined;
    return new AgentReference(this.#host, this.#kinds.byIndex(table.foundKind), slot, table.foundGeneration, undefined, id);
  }
}

/** In Node 20, not yet in the ES2023 library types. */
export function isWellFormed(id: string): boolean {
  return (id as string & { isWellFormed(): boolean }).isWellFormed();
}

function checkKind(found: AgentReference, id: string, definition: AnyAgent): void {
  if (found.kind === definition.kind) return;
  throw new NexusError(
    'NEXUS_KIND_MISMATCH',
    `agent ${quoted(id)} is of kind '${found.kind}', not '${definition.kind}'; ids are unique over all kinds: prefix them by kind`,
    { data: { id, kind: found.kind, expected: definition.kind } },
  );
}
