/**
 * Kinds as a thread knows them: definitions made ready to run, numbered the same on every thread. A kind that only the calling thread has is known elsewhere
 * by its name and its actions, so that its agents can be reached from everywhere.
 */
import { lazyCodec, type MessageCodec } from '../codec/declared/lazy-codec.js';
import type { ReferenceCodec } from '../codec/reference-codec.js';
import { NexusError, NexusTypeError, valueText } from '../errors.js';
import { didYouMean, listed, misspelt } from '../model/nearest-name.js';
import type { Handler } from '../model/action.js';
import type { AnyAgent, Overflow } from '../model/agent-definition.js';
import type { PreparedAction } from '../model/prepared-action.js';
import { type ActionWrites, type ResolvedDurable, resolveDurable } from '../model/durable-options.js';
import type { Shape } from '../model/shape.js';
import { isStandardSchema } from '../model/standard-schema.js';
import { resolveSupervision, type ResolvedSupervision } from '../model/supervision.js';

/** One action of a kind. */
export interface ActionEntry {
  readonly name: string;
  readonly index: number;
  /** Of a durable kind with what is done around it: `durable/durable-handlers.ts`. */
  handler: Handler<unknown>;
  readonly concurrent: boolean;
  /** An update or a decision: what it makes of the state is its result. */
  readonly isDecision: boolean;
  /** It changes no state. */
  readonly isQuery: boolean;
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
  readonly isSupervisor: boolean;
  readonly isDurable: boolean;
  /** Its ids are unique on their node only, if that is one of a cluster. Default false. */
  readonly isOfNode?: boolean;
}

const MAILBOX_CAPACITY = 65_536;
/**
 * From this capacity on, three quarters of a mailbox are for what was on its way when senders on other threads were told to wait: by default, as much as a ring
 * of the default size holds of the smallest messages.
 */
const HIGH_WATER_CAPACITY_MIN = 1024;

export class Kind {
  readonly name: string;
  readonly index: number;
  /** Undefined on a thread that does not have the code. */
  readonly definition: AnyAgent | undefined;
  readonly callingThreadOnly: boolean;
  /** Its children report to it: it decides what follows their failures and ends. */
  readonly isSupervisor: boolean;
  /** Its agents outlive the process. Known to every thread; what that means in detail only where its code is. */
  readonly isDurable: boolean;
  readonly isOfNode: boolean;
  readonly durable: ResolvedDurable | undefined;
  readonly actions: readonly ActionEntry[];
  /** The hook for the end of a watched agent, as an action that no message can name. */
  readonly onTerminated: ActionEntry | undefined;
  readonly capacity: number;
  /** Messages from which on the mailbox is looked at more closely: it may be congested or full. */
  readonly highWater: number;
  readonly overflow: Overflow;
  readonly supervision: ResolvedSupervision;
  /** Of the definition; none on a thread that does not have the code. */
  readonly subscriptions: readonly { readonly pattern: string; readonly action: ActionEntry }[];
  readonly #byName: Map<string, ActionEntry>;
  // The last one asked for: most senders send the same action again.
  #lastName = '';
  #lastEntry: ActionEntry | undefined;

  constructor(outline: KindOutline, index: number, definition: AnyAgent | undefined, references: ReferenceCodec) {
    this.name = outline.kind;
    this.index = index;
    this.definition = definition;
    this.callingThreadOnly = outline.callingThreadOnly;
    this.isSupervisor = outline.isSupervisor;
    this.isDurable = outline.isDurable;
    this.isOfNode = outline.isOfNode === true;
    this.durable = definition?.durable === undefined ? undefined : resolveDurable(definition.durable);
    this.actions = outline.actions.map((action, position) => entryOf(outline.kind, action, position, definition, references));
    const hook = definition?.onTerminated;
    this.onTerminated = hook === undefined ? undefined : undeclared('onTerminated', this.actions.length, hook);
    this.capacity = definition?.mailbox?.capacity ?? MAILBOX_CAPACITY;
    this.overflow = definition?.mailbox?.overflow ?? 'reject';
    this.highWater = this.overflow === 'reject' && this.capacity >= HIGH_WATER_CAPACITY_MIN ? this.capacity >> 2 : this.capacity;
    this.supervision = resolveSupervision(definition?.supervision);
    this.#byName = new Map(this.actions.map((entry) => [entry.name, entry]));
    this.subscriptions = Object.entries(definition?.subscriptions ?? {}).map(([pattern, action]) => ({ pattern, action: this.action(action) }));
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
    throw actionUnknown(
      this.name,
      name,
      this.actions.map((known) => known.name),
    );
  }
}

function actionUnknown(kind: string, name: unknown, known: readonly string[]): NexusTypeError {
  const text = `'${kind}' has no action ${valueText(name)}${didYouMean(name, known)} Its actions are ${listed(known)}`;
  return new NexusTypeError('NEXUS_ACTION_UNKNOWN', text, { kind, action: name, ...misspelt(name, known) });
}

export function outlineOf(definition: AnyAgent, callingThreadOnly: boolean): KindOutline {
  const actions = Object.entries(definition.actions as PreparedActions).map(([name, action]) =>
    typeof action === 'function' ? { name, input: undefined, reply: undefined } : { name, input: shapeOf(action.input), reply: action.reply },
  );
  const isSupervisor = definition.supervisor !== undefined;
  const isDurable = definition.durable !== undefined;
  // A supervisor stays with the threads that it watches over.
  return { kind: definition.kind, actions, callingThreadOnly, isSupervisor, isDurable, isOfNode: isSupervisor || definition.scope === 'node' };
}

type PreparedActions = Readonly<Record<string, PreparedAction | Handler<unknown>>>;

/** A validator is applied by the handler, and stays where the code is. */
function shapeOf(input: unknown): Shape | undefined {
  return isStandardSchema(input) ? undefined : (input as Shape | undefined);
}

/** An action without shapes, which handles one message after the other. */
export function undeclared(name: string, index: number, handler: Handler<unknown>): ActionEntry {
  return { name, index, handler, concurrent: false, isDecision: false, isQuery: false, writes: undefined, input: undefined, reply: undefined };
}

export interface KindSources {
  /** In the order of their numbers. */
  readonly outlines: readonly KindOutline[];
  readonly definitions: ReadonlyMap<string, AnyAgent>;
}

export class KindRegistry {
  readonly kinds: readonly Kind[];
  readonly #byName: Map<string, Kind>;
  readonly #outlines: KindOutline[];
  readonly #references: ReferenceCodec;

  constructor({ outlines, definitions }: KindSources, references: ReferenceCodec) {
    this.#outlines = [...outlines];
    this.#references = references;
    this.kinds = outlines.map((outline, index) => new Kind(outline, index, definitions.get(outline.kind), references));
    this.#byName = new Map(this.kinds.map((kind) => [kind.name, kind]));
  }

  /** @throws NexusError NEXUS_KIND_UNKNOWN */
  byName(name: string): Kind {
    const kind = this.#byName.get(name);
    if (kind !== undefined) return kind;
    const names = this.kinds.map((known) => known.name);
    throw new NexusError(
      'NEXUS_KIND_UNKNOWN',
      `kind ${valueText(name)} is not registered${didYouMean(name, names)} Export its definition from a module in the option 'agents' of createNexus. Registered: ${listed(names)}`,
      { data: { kind: name, ...misspelt(name, names) } },
    );
  }

  find(name: string | undefined): Kind | undefined {
    return name === undefined ? undefined : this.#byName.get(name);
  }

  byIndex(index: number): Kind {
    return this.kinds[index] as Kind;
  }

  /** One more kind, of a nexus of one thread: on several its number would have to be the same on all. */
  add(outline: KindOutline, definition: AnyAgent): Kind {
    const kind = new Kind(outline, this.kinds.length, definition, this.#references);
    this.#outlines.push(outline);
    (this.kinds as Kind[]).push(kind);
    this.#byName.set(kind.name, kind);
    return kind;
  }

  has(name: string): boolean {
    return this.#byName.has(name);
  }

  /** A kind that other threads take for the one of this name, with other handlers behind its actions. @throws NexusError NEXUS_KIND_UNKNOWN */
  standIn(name: string, definition: AnyAgent): Kind {
    const { index } = this.byName(name);
    return new Kind(this.#outlines[index] as KindOutline, index, definition, this.#references);
  }
}

function entryOf(
  kind: string,
  { name, input, reply }: ActionOutline,
  index: number,
  definition: AnyAgent | undefined,
  references: ReferenceCodec,
): ActionEntry {
  const action = (definition?.actions as PreparedActions | undefined)?.[name] ?? absent;
  const codec = (part: 'input' | 'reply', shape: Shape | undefined): MessageCodec | undefined =>
    shape === undefined ? undefined : lazyCodec(shape, references, { subject: `'${name}' of '${kind}': ${part}`, data: { kind, action: name, part } });
  const declared = { name, index, input: codec('input', input), reply: codec('reply', reply) };
  return typeof action === 'function'
    ? { ...declared, handler: action, concurrent: false, isDecision: false, isQuery: false, writes: undefined }
    : {
        ...declared,
        handler: action.handler,
        concurrent: action.concurrent === true,
        isDecision: action.isDecision === true,
        isQuery: action.isQuery === true,
        writes: action.isQuery === true ? 'none' : action.durable,
      };
}

function absent(): never {
  throw new Error('this thread does not have the code of the kind');
}
