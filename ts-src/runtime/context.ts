/** The one implementation of `AgentContext`: a light view of the thread for one agent in one of its lives. */
import { optionError, valueText } from '../errors.js';
import type { AgentClock, AgentContext, AgentTimer, Logger, Slices } from '../model/agent-context.js';
import type { AnyAgent } from '../model/agent-definition.js';
import type { AgentRef, AskOptions, OfferOptions, TellOutcome } from '../model/agent-ref.js';
import { type ContextInside, DEVELOPMENT, STATE } from '../model/prepared-action.js';
import { checkGroupName, type Group, type GroupOptions } from '../model/group.js';
import { SeededRandom } from '../model/seeded-random.js';
import type { SkilledState } from '../model/skilled-agent.js';
import type { SendOptions, SpawnOptions } from '../model/spawn-options.js';
import type { EmitOptions } from '../model/signal.js';
import type { Topic } from '../model/topic.js';
import type { Supervised, SupervisorContext } from '../model/supervisor-definition.js';
import { type AgentCell, extraOf, Status } from './agent-cell.js';
import { AgentReference } from './agent-reference.js';
import { lifeIsOver } from './failures.js';
import type { Signals } from './signals.js';
import type { MeterableBreaker } from '../model/breaker-meter.js';
import type { ObservedOperation, ObserveOptions } from '../model/observe-options.js';
import type { Operations } from './meters/operations.js';
import { type GroupHost, openGroup } from './group-handle.js';
import { type MessageSender, senderOf } from './mailbox.js';
import { referencesOf } from './remote/references-of.js';

const IS_DEVELOPMENT = process.env['NODE_ENV'] !== 'production';
const NO_SLICES: Slices = Object.freeze({});
const DELAY_MS_MAX = 2 ** 31 - 1;

/** What a context asks of its thread. */
export interface ContextHost extends GroupHost {
  readonly thread: number;
  readonly seed: number;
  referenceOf(cell: AgentCell): AgentReference;
  loggerOf(cell: AgentCell): Logger;
  spawn(definition: AnyAgent, options: SpawnOptions | undefined, parent: AgentCell | undefined): Promise<AgentReference>;
  getOrSpawn(definition: AnyAgent, id: string, options: SpawnOptions | undefined): Promise<AgentReference>;
  find(id: string, definition: AnyAgent | undefined): AgentReference | undefined;
  findMany(ids: readonly string[], definition: AnyAgent | undefined): (AgentReference | undefined)[];
  send(id: string, action: string, input: unknown, options: SendOptions | undefined, sender: AgentReference | undefined): TellOutcome;
  tellFrom(sender: AgentReference, target: AgentReference, action: string, input: unknown): TellOutcome;
  offerFrom(
    sender: AgentReference,
    target: AgentReference,
    action: string,
    input: unknown,
    options: OfferOptions | undefined,
    isOver: () => boolean,
  ): Promise<TellOutcome>;
  askFrom(
    sender: AgentReference,
    target: AgentReference,
    action: string,
    input: unknown,
    options: AskOptions | undefined,
    deadlineMs: number,
  ): Promise<unknown>;
  /** Sends the agent an action after `delayMs`, and then every `periodMs` unless that is 0. @throws NexusTypeError NEXUS_ACTION_UNKNOWN */
  startTimer(cell: AgentCell, delayMs: number, periodMs: number, action: string, input: unknown): AgentTimer;
  watch(cell: AgentCell, target: AgentReference): void;
  unwatch(cell: AgentCell, target: AgentReference): void;
  readonly supervision: {
    readonly links: { link(cell: AgentCell, target: AgentReference): void; unlink(cell: AgentCell, target: AgentReference): void };
    readonly supervisors: { of(cell: AgentCell): Supervised };
  };
  readonly operations: Pick<Operations, 'observe' | 'meters'>;
  readonly signals: Pick<Signals, 'emit' | 'subscribe' | 'subscribed' | 'unsubscribe'>;
  requestStop(cell: AgentCell): void;
  /** Undefined in a nexus without storage, which has no agents of durable kinds. */
  readonly durable: DurableCalls | undefined;
  /** Counts a message that is not sent because the life it would come from is over. */
  refuse(kind: string | undefined, id: () => string | undefined, action: string): TellOutcome;
}

/** What a context asks of the durable part of its thread. Each throws, or rejects with, NEXUS_OPTION_INVALID for an agent whose kind is not durable. */
export interface DurableCalls {
  readonly ties: {
    /** To a durable agent, which may be out of memory. */
    link(cell: AgentCell, target: AgentReference): void;
  };
  /** Sets a reference on where its agent is now. */
  follow(target: AgentReference): void;
  persist(cell: AgentCell): Promise<void>;
  record(cell: AgentCell, event: unknown): unknown;
  forget(cell: AgentCell): void;
  readonly reminders: {
    set(cell: AgentCell, name: string, dueEpochMs: number, periodMs: number, action: string, input: unknown): Promise<void>;
    after(cell: AgentCell, name: string, delayMs: number, action: string, input: unknown): Promise<void>;
    every(cell: AgentCell, name: string, periodMs: number, action: string, input: unknown): Promise<void>;
    cancel(cell: AgentCell, name: string): Promise<void>;
  };
}

export class Context implements SupervisorContext, ContextInside {
  readonly #host: ContextHost;
  readonly #cell: AgentCell;
  readonly #life: number;
  /** Looked at when somebody wants to know: there is a context for every message with a sender. */
  readonly #from: MessageSender;

  constructor(host: ContextHost, cell: AgentCell, sender: MessageSender) {
    this.#from = sender;
    this.#host = host;
    this.#cell = cell;
    this.#life = cell.extra === undefined ? 0 : cell.extra.life;
  }

  /** Of whom this is the context. */
  static cellOf(ctx: AgentContext): AgentCell {
    return (ctx as Context).#cell;
  }

  /** True while this context belongs to the present life of its agent, which is this one. */
  isOfLifeOf(cell: AgentCell): boolean {
    return this.#life === (cell.extra === undefined ? 0 : cell.extra.life);
  }

  get self(): AgentRef {
    return this.#host.referenceOf(this.#cell);
  }

  get id(): string {
    return this.self.id;
  }

  get thread(): number {
    return this.#host.thread;
  }

  get skills(): Slices {
    const { state, kind } = this.#cell;
    return (kind.definition?.skills?.length ?? 0) > 0 && state !== undefined ? (state as SkilledState).skills : NO_SLICES;
  }

  /** For handlers that wait before they begin, such as for a validator. @throws NexusError NEXUS_AGENT_STOPPED */
  get [STATE](): unknown {
    if (isPast(this.#cell, this.#life)) throw lifeIsOver(this.#cell);
    return this.#cell.state;
  }

  set [STATE](next: unknown) {
    if (!isPast(this.#cell, this.#life)) this.#cell.state = next;
  }

  get [DEVELOPMENT](): boolean {
    return IS_DEVELOPMENT;
  }

  get sender(): AgentRef | undefined {
    return senderOf(this.#from);
  }

  get deadlineMs(): number | undefined {
    const deadlineMs = this.#deadlineMs;
    return deadlineMs === 0 ? undefined : deadlineMs;
  }

  get clock(): AgentClock {
    return this.#host.clock;
  }

  get signal(): AbortSignal {
    if (this.#isOver) return AbortSignal.abort();
    const extra = extraOf(this.#cell);
    extra.abort ??= new AbortController();
    return extra.abort.signal;
  }

  get logger(): Logger {
    return this.#host.loggerOf(this.#cell);
  }

  get timers(): AgentContext['timers'] {
    return {
      after: (delayMs, action, input) => this.#timer(delayMs, action, input, false),
      every: (periodMs, action, input) => this.#timer(periodMs, action, input, true),
    };
  }

  random(): number {
    const extra = extraOf(this.#cell);
    extra.random ??= new SeededRandom(this.#host.seed, this.id);
    return extra.random.next();
  }

  spawn(definition: AnyAgent, options?: SpawnOptions): Promise<never> {
    if (isPast(this.#cell, this.#life)) return Promise.reject(lifeIsOver(this.#cell));
    return this.#host.spawn(definition, options, this.#cell) as Promise<never>;
  }

  getOrSpawn(definition: AnyAgent, id: string, options?: SpawnOptions): Promise<never> {
    if (isPast(this.#cell, this.#life)) return Promise.reject(lifeIsOver(this.#cell));
    return this.#host.getOrSpawn(definition, id, options) as Promise<never>;
  }

  find<D extends AnyAgent = AnyAgent>(id: string, definition?: D): AgentRef<D> | undefined {
    return this.#host.find(id, definition) as AgentRef<D> | undefined;
  }

  findMany<D extends AnyAgent = AnyAgent>(ids: readonly string[], definition?: D): (AgentRef<D> | undefined)[] {
    return this.#host.findMany(ids, definition) as (AgentRef<D> | undefined)[];
  }

  send(id: string, action: string, input?: unknown, options?: SendOptions): TellOutcome {
    if (isPast(this.#cell, this.#life)) return this.#host.refuse(undefined, () => id, action);
    return this.#host.send(id, action, input, options, this.self as AgentReference);
  }

  join(group: string): void {
    checkGroupName(group);
    if (!this.#isOver) this.#host.groups.join(this.#cell, group);
  }

  leave(group: string): void {
    checkGroupName(group);
    if (!this.#isOver) this.#host.groups.leave(this.#cell, group);
  }

  group<D extends AnyAgent = AnyAgent>(name: string, definition?: D, options?: GroupOptions): Group<D> {
    const [cell, life] = [this.#cell, this.#life];
    return openGroup(this.#host, name, definition, options, {
      sender: this.self as AgentReference,
      deadlineMs: this.#deadlineMs,
      refuse: (action) => (isPast(cell, life) ? this.#host.refuse(undefined, () => name, action) : undefined),
      lifeIsOver: () => lifeIsOver(cell),
    }) as unknown as Group<D>;
  }

  tell(ref: AgentRef, action: string, input?: unknown): TellOutcome {
    if (isPast(this.#cell, this.#life)) return this.#refuse(ref, action);
    return this.#host.tellFrom(this.self as AgentReference, ref as unknown as AgentReference, action, input);
  }

  tellMany(refs: readonly AgentRef[], action: string, input?: unknown): readonly TellOutcome[] {
    const targets = referencesOf(refs);
    if (isPast(this.#cell, this.#life)) return targets.map((ref) => this.#refuse(ref, action));
    return this.#host.router.tellMany(targets, action, input, this.self as AgentReference);
  }

  offer(ref: AgentRef, action: string, input?: unknown, options?: OfferOptions): Promise<TellOutcome> {
    const isOver = (): boolean => isPast(this.#cell, this.#life);
    if (isOver()) return Promise.resolve(this.#refuse(ref, action));
    return this.#host.offerFrom(this.self as AgentReference, ref as unknown as AgentReference, action, input, options, isOver);
  }

  ask(ref: AgentRef, action: string, input?: unknown, options?: AskOptions): Promise<never> {
    if (isPast(this.#cell, this.#life)) {
      this.#refuse(ref, action);
      return Promise.reject(lifeIsOver(this.#cell));
    }
    return this.#host.askFrom(this.self as AgentReference, ref as unknown as AgentReference, action, input, options, this.#deadlineMs) as Promise<never>;
  }

  watch(ref: AgentRef): void {
    const target = reference(ref);
    if (!this.#isOver) this.#host.watch(this.#cell, target);
  }

  unwatch(ref: AgentRef): void {
    const target = reference(ref);
    if (!this.#isOver) this.#host.unwatch(this.#cell, target);
  }

  link(ref: AgentRef): void {
    const target = reference(ref);
    if (this.#isOver) return;
    const { durable, supervision } = this.#host;
    if (target.kindEntry.isDurable && durable !== undefined) durable.ties.link(this.#cell, target);
    else supervision.links.link(this.#cell, target);
  }

  unlink(ref: AgentRef): void {
    const target = reference(ref);
    if (this.#isOver) return;
    if (target.kindEntry.isDurable) this.#host.durable?.follow(target);
    this.#host.supervision.links.unlink(this.#cell, target);
  }

  /** Of a supervisor. */
  get supervised(): Supervised {
    return this.#host.supervision.supervisors.of(this.#cell);
  }

  observe<T>(name: string, fn: (operation: ObservedOperation) => T, options?: ObserveOptions): T {
    return this.#host.operations.observe(name, fn, options, () => this.logger);
  }

  meter(breaker: MeterableBreaker, name: string): () => void {
    if (this.#isOver) return () => undefined;
    const end = this.#host.operations.meters.breaker(breaker, name);
    this.signal.addEventListener('abort', end, { once: true });
    return end;
  }

  emit(topic: string | Topic, data?: unknown, options?: EmitOptions): void {
    if (!isPast(this.#cell, this.#life)) this.#host.signals.emit(this.#cell, topic, data, options);
  }

  subscribe(pattern: string | Topic, action: string): void {
    if (!this.#isOver) this.#host.signals.subscribe(this.#cell, pattern, action);
  }

  unsubscribe(pattern: string | Topic, action?: string): void {
    if (!this.#isOver) this.#host.signals.unsubscribe(this.#cell, pattern, action);
  }

  subscribed(): Promise<void> {
    return this.#host.signals.subscribed();
  }

  stop(): void {
    if (!this.#isOver) this.#host.requestStop(this.#cell);
  }

  async persist(): Promise<void> {
    await this.#durable('persist').persist(this.#cell);
  }

  get fencingToken(): number | undefined {
    return this.#cell.extra?.durable?.version?.token;
  }

  record(event: unknown): never {
    return this.#durable('record').record(this.#cell, event) as never;
  }

  forget(): void {
    this.#durable('forget').forget(this.#cell);
  }

  get reminders(): AgentContext['reminders'] {
    const cell = this.#cell;
    const of = (): DurableCalls['reminders'] => this.#durable('reminders').reminders;
    return {
      at: async (name, epochMs, action, input) => of().set(cell, name, epochMs, 0, action, input),
      after: async (name, delayMs, action, input) => of().after(cell, name, delayMs, action, input),
      every: async (name, periodMs, action, input) => of().every(cell, name, periodMs, action, input),
      cancel: async (name) => of().cancel(cell, name),
    };
  }

  /** Throws for an agent that is not durable, and for a life that is over, which must not change what is stored. */
  #durable(what: string): DurableCalls {
    const { durable } = this.#host;
    const { name, isDurable } = this.#cell.kind;
    if (!isDurable) throw optionError(`ctx.${what}`, `kind '${name}' is not durable; add durable: {} to its definition, and storage: { path } to createNexus`);
    // Only an agent alone, in a test, gets that far.
    if (durable === undefined)
      throw optionError(`ctx.${what}`, `testAgent has no store for '${name}'; use createTestNexus({ agents, storage: memoryStorage() }) for what is durable`);
    if (isPast(this.#cell, this.#life)) throw lifeIsOver(this.#cell);
    return durable;
  }

  #refuse(ref: unknown, action: string): TellOutcome {
    const target = reference(ref);
    return this.#host.refuse(target.kind, () => target.knownId, action);
  }

  /** Of the ask that is handled; 0 for none. */
  get #deadlineMs(): number {
    return this.#from !== undefined && 'deadlineMs' in this.#from ? this.#from.deadlineMs : 0;
  }

  get #isOver(): boolean {
    return this.#cell.status >= Status.stopping || !this.isOfLifeOf(this.#cell);
  }

  #timer(delayMs: number, action: string, input: unknown, repeat: boolean): AgentTimer {
    if (!(typeof delayMs === 'number' && delayMs >= (repeat ? 1 : 0) && delayMs <= DELAY_MS_MAX)) {
      throw optionError('timers', `a delay of ${valueText(delayMs)} ms; it must be from ${repeat ? 1 : 0} to ${DELAY_MS_MAX}`);
    }
    if (this.#isOver) return { cancel: () => undefined };
    return this.#host.startTimer(this.#cell, delayMs, repeat ? delayMs : 0, action, input);
  }
}

/** Callers without types pass ids, and what `find` did not find. */
function reference(ref: unknown): AgentReference {
  if (ref instanceof AgentReference) return ref;
  throw optionError('ref', `must be a reference to an agent, as spawn and find return one, not ${valueText(ref)}`);
}

/** The agent has restarted or ended: nothing is sent in the name of this life any more. What runs while it ends, such as the stop hook, is not past. */
function isPast({ extra, status }: AgentCell, life: number): boolean {
  return status >= Status.stopped || life !== (extra === undefined ? 0 : extra.life);
}
