/**
 * Kinds that other nodes have and this one has not, because it runs another version: their agents can be passed on, told and asked here, whatever the action is called. Each thread has its own.
 * Their number is -1: in messages between threads they travel by name, as all agents of other nodes do.
 */
import type { ReferenceCodec } from '../../codec/reference-codec.js';
import { type ActionEntry, Kind, undeclared } from '../kind.js';

/** Names that come from other nodes: as many are kept, the oldest give way. */
const KINDS_MAX = 1024;
const ACTIONS_MAX = 256;

export class UnknownKinds {
  readonly #references: ReferenceCodec;
  readonly #byName = new Map<string, UnknownKind>();

  constructor(references: ReferenceCodec) {
    this.#references = references;
  }

  of(name: string, isDurable: boolean): Kind {
    const key = `${isDurable ? 'durable' : 'live'} ${name}`;
    let kind = this.#byName.get(key);
    if (kind === undefined) {
      kind = new UnknownKind(name, isDurable, this.#references);
      this.#byName.set(key, kind);
      if (this.#byName.size > KINDS_MAX) for (const oldest of [...this.#byName.keys()].slice(0, 1)) this.#byName.delete(oldest);
    }
    return kind;
  }
}

class UnknownKind extends Kind {
  readonly #entries = new Map<string, ActionEntry>();

  constructor(name: string, isDurable: boolean, references: ReferenceCodec) {
    super({ kind: name, actions: [], callingThreadOnly: false, isSupervisor: false, isDurable }, -1, undefined, references);
  }

  /** Whether there is such an action is known where the agent is. */
  override action(name: string): ActionEntry {
    let entry = this.#entries.get(name);
    if (entry === undefined) {
      entry = undeclared(String(name), -1, nowhere);
      if (this.#entries.size < ACTIONS_MAX) this.#entries.set(name, entry);
    }
    return entry;
  }
}

function nowhere(): never {
  throw new Error('this node does not have the code of the kind');
}
