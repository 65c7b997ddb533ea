/**
 * Kinds as a thread knows them: definitions made ready to run, numbered the same on every thread. A kind that only the calling thread has is known elsewhere
 * by its name and its actions, so that its agents can be reached from everywhere.
 */
import { lazyCodec, type MessageCodec } from '../codec/declared/lazy-codec.js';
import type { ReferenceCodec } from '../codec/reference-codec.js';
import { NexusError, NexusTypeError } from '../errors.js';
import type { Actions, Handler } from '../model/action.js';
import type { AnyAgent, Overflow } from '../model/agent-definition.js';
import type { ActionWrites } from '../model/durable-options.js';
import { type ResolvedDurable, resolveDurable } from '../model/durable-options.js';
import type { Shape } from '../model/shape.js';
import { resolveSupervision, type ResolvedSupervision } from '../model/supervision.js';

/** One action of a kind. */
export interface ActionEntry {
  readonly name: string;
  readonly index: number;
  /** Of a durable kind with what is done around it: `durable/durable-handlers.ts`. */
  handler: Handler<unknown>;
  readonly concurrent: boolean;
  /** Of the declared shape; undefined where none is declared. */
  readonly input: MessageCodec | undefined;
  readonly reply: MessageCodec | undefined;
  /** When what it changed is saved, if it says so itself. */
  readonly writes: ActionWrites | undefined;
}

export interface ActionOutline {
  readonly name: string;
  readonly input: Shape | undefined;
  readonly reply: Shape | undefined;
}

/** A kind without its code: what travels to other threads. */
export interface KindOutline {
  readonly kind: string;
  readonly actions: readonly ActionOutline[];
  /** Only the calling thread has its code. */
  readonly callingThreadOnly: boolean;
  readonly isDurable: boolean;
}

const MAILBOX_CAPACITY = 65_536;

export class Kind {
  readonly name: string;
  readonly index: number;
  /** Undefined on a thread that does not have the code. */
  readonly definition: AnyAgent | undefined;
  readonly callingThreadOnly: boolean;
  /** Its agents outlive the process. Known to every thread; what that means in detail only where its code is. */
  readonly isDurable: boolean;
  readonly durable: ResolvedDurable | undefined;
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

  constructor(outline: KindOutline, index: number, definition: AnyAgent | undefined, references: ReferenceCodec) {
    this.name = outline.kind;
    this.index = index;
    this.definition = definition;
    this.callingThreadOnly = outline.callingThreadOnly;
    this.isDurable = outline.isDurable;
    this.durable = definition?.durable === undefined ? undefined : resolveDurable(definition.durable);
    this.actions = outline.actions.map((action, position) => entryOf(outline.kind, action, position, definition, references));
    const hook = definition?.onTerminated;
    this.onTerminated = hook === undefined ? undefined : undeclared('onTerminated', this.actions.length, hook);
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
  const actions = Object.entries(definition.actions as Actions<unknown>).map(([name, action]) =>
    typeof action === 'function' ? { name, input: undefined, reply: undefined } : { name, input: action.input, reply: action.reply },
  );
  return { kind: definition.kind, actions, callingThreadOnly, isDurable: definition.durable !== undefined };
}

/** An action without shapes, which handles one message after the other. */
export function undeclared(name: string, index: number, handler: Handler<unknown>): ActionEntry {
  return { name, index, handler, concurrent: false, input: undefined, reply: undefined, writes: undefined };
}

export interface KindSources {
  /** In the order of their numbers. */
  readonly outlines: readonly KindOutline[];
  readonly definitions: ReadonlyMap<string, AnyAgent>;
}

export class KindRegistry {
  readonly kinds: readonly Kind[];
  readonly #byName: Map<string, Kind>;

  constructor({ outlines, definitions }: KindSources, references: ReferenceCodec) {
    this.kinds = outlines.map((outline, index) => new Kind(outline, index, definitions.get(outline.kind), references));
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

function entryOf(
  kind: string,
  { name, input, reply }: ActionOutline,
  index: number,
  definition: AnyAgent | undefined,
  references: ReferenceCodec,
): ActionEntry {
  const action = (definition?.actions as Actions<unknown> | undefined)?.[name] ?? absent;
  const codec = (part: 'input' | 'reply', shape: Shape | undefined): MessageCodec | undefined =>
    shape === undefined ? undefined : lazyCodec(shape, references, { subject: `'${name}' of '${kind}': ${part}`, data: { kind, action: name, part } });
  const declared = { name, index, input: codec('input', input), reply: codec('reply', reply) };
  return typeof action === 'function'
    ? { ...declared, handler: action, concurrent: false, writes: undefined }
    : { ...declared, handler: action.handler, concurrent: action.concurrent === true, writes: action.durable };
}

function absent(): never {
  throw new Error('this thread does not have the code of the kind');
}
