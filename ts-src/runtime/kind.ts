/**
 * Kinds as a thread knows them: definitions made ready to run, numbered the same on every thread. A kind that only the calling thread has is known elsewhere
 * by its name and its actions, so that its agents can be reached from everywhere.
 */
import { NexusError, NexusTypeError } from '../errors.js';
import type { AnyAgent, Handler, Overflow } from '../model/agent-definition.js';
import { resolveSupervision, type ResolvedSupervision } from '../model/supervision.js';

/** One action of a kind. */
export interface ActionEntry {
  readonly name: string;
  readonly index: number;
  readonly handler: Handler<unknown>;
  readonly concurrent: boolean;
}

/** A kind by name only: what travels to other threads. */
export interface KindOutline {
  readonly kind: string;
  readonly actions: readonly string[];
  /** Only the calling thread has its code. */
  readonly callingThreadOnly: boolean;
}

const MAILBOX_CAPACITY = 65_536;

export class Kind {
  readonly name: string;
  readonly index: number;
  /** Undefined on a thread that does not have the code. */
  readonly definition: AnyAgent | undefined;
  readonly callingThreadOnly: boolean;
  readonly actions: readonly ActionEntry[];
  /** The hook for the end of a watched agent, as an action that no message can name. */
  readonly onTerminated: ActionEntry | undefined;
  readonly capacity: number;
  readonly overflow: Overflow;
  readonly supervision: ResolvedSupervision;
  readonly #byName: Map<string, ActionEntry>;
  // The last one asked for: most senders send the same action again.
  #lastName = '';
  #lastEntry: ActionEntry | undefined;

  constructor(outline: KindOutline, index: number, definition: AnyAgent | undefined) {
    this.name = outline.kind;
    this.index = index;
    this.definition = definition;
    this.callingThreadOnly = outline.callingThreadOnly;
    this.actions = outline.actions.map((name, position) => entryOf(name, position, definition));
    const hook = definition?.onTerminated;
    this.onTerminated = hook === undefined ? undefined : { name: 'onTerminated', index: this.actions.length, handler: hook, concurrent: false };
    this.capacity = definition?.mailbox?.capacity ?? MAILBOX_CAPACITY;
    this.overflow = definition?.mailbox?.overflow ?? 'reject';
    this.supervision = resolveSupervision(definition?.supervision);
    this.#byName = new Map(this.actions.map((entry) => [entry.name, entry]));
  }

  /** @throws NexusTypeError NEXUS_ACTION_UNKNOWN, which lists the actions there are */
  action(name: string): ActionEntry {
    if (name === this.#lastName && this.#lastEntry !== undefined) return this.#lastEntry;
    const entry = this.#byName.get(name);
    if (entry !== undefined) {
      this.#lastName = name;
      this.#lastEntry = entry;
      return entry;
    }
    throw new NexusTypeError(
      'NEXUS_ACTION_UNKNOWN',
      `'${this.name}' has no action '${String(name)}'; its actions are ${this.actions.map((known) => known.name).join(', ') || 'none'}`,
    );
  }
}

export function outlineOf(definition: AnyAgent, callingThreadOnly: boolean): KindOutline {
  return { kind: definition.kind, actions: Object.keys(definition.actions), callingThreadOnly };
}

export class KindRegistry {
  readonly kinds: readonly Kind[];
  readonly #byName: Map<string, Kind>;

  constructor(outlines: readonly KindOutline[], definitions: ReadonlyMap<string, AnyAgent>) {
    this.kinds = outlines.map((outline, index) => new Kind(outline, index, definitions.get(outline.kind)));
    this.#byName = new Map(this.kinds.map((kind) => [kind.name, kind]));
  }

  /** @throws NexusError NEXUS_KIND_UNKNOWN */
  byName(name: string): Kind {
    const kind = this.#byName.get(name);
    if (kind !== undefined) return kind;
    throw new NexusError(
      'NEXUS_KIND_UNKNOWN',
      `kind '${name}' is not registered: export its definition from a module in the option 'agents' of createNexus. Registered: ${this.kinds.map((known) => known.name).join(', ') || 'none'}`,
    );
  }

  byIndex(index: number): Kind {
    return this.kinds[index] as Kind;
  }
}

function entryOf(name: string, index: number, definition: AnyAgent | undefined): ActionEntry {
  const action = definition?.actions[name];
  if (action === undefined) return { name, index, handler: absent, concurrent: false };
  if (typeof action === 'function') return { name, index, handler: action, concurrent: false };
  return { name, index, handler: action.handler, concurrent: action.concurrent === true };
}

function absent(): never {
  throw new Error('this thread does not have the code of the kind');
}
