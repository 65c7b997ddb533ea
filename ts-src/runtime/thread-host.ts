/**
 * One thread of a nexus: puts its parts together and offers what references, contexts and the calling thread use. What it does itself is choose the way
 * of a message (mailbox, ring, nowhere) and the thread of a new agent; everything else is delegated.
 */
import * as L from '../../layout/generated/layout.js';
import { RingReader, RingWriter } from '../../bindings/portable/ring.js';
import { counterIndex, type SharedMemory, threadWord } from '../../bindings/shared-memory.js';
import { ValueDecoder } from '../codec/value-decoder.js';
import type { ReferenceCodec } from '../codec/reference-codec.js';
import { ValueEncoder } from '../codec/value-encoder.js';
import { NexusError, NexusTypeError, optionError } from '../errors.js';
import type { AgentContext, Logger } from '../model/agent-context.js';
import type { AnyAgent } from '../model/agent-definition.js';
import type { AskOptions, TellOutcome } from '../model/agent-ref.js';
import { SeededRandom } from '../model/seeded-random.js';
import type { SendOptions, SpawnOptions } from '../model/spawn-options.js';
import { leastLoaded, type ThreadLoad } from '../model/placement.js';
import type { Clock } from '../ports/clock.js';
import type { EngineThread } from '../ports/engine.js';
import { type AgentCell, extraOf, Status } from './agent-cell.js';
import { AgentReference, type ReferenceHost } from './agent-reference.js';
import { CellTable } from './cell-table.js';
import { Context, type ContextHost } from './context.js';
import { type DeadLetter, DeadLetters } from './dead-letters.js';
import { Dispatcher } from './dispatcher.js';
import { agentNotFound, nexusStopped, threadFailed, threadLost } from './failures.js';
import { InboundLink } from './inbound-link.js';
import type { ActionEntry, Kind, KindRegistry } from './kind.js';
import { Lifecycle } from './lifecycle.js';
import { MessageReceiver, systemActions } from './message-receiver.js';
import { OutboundLink } from './outbound-link.js';
import { type PendingAsk, PendingAsks, type ReplyPort } from './pending-asks.js';
import { type AgentFailure, type LogLine, type Signal, type SystemCallName, type SystemCalls, systemCallNumber } from './system-calls.js';
import { Watches } from './watches.js';

/** Messages taken from one ring before the next one has its turn. */
const READ_MESSAGES_MAX = 1024;
const TIMEOUT_MS_MAX = 86_400_000;
const GET_OR_SPAWN_ATTEMPTS = 8;

export interface ThreadHostOptions {
  readonly thread: number;
  readonly incarnation: number;
  readonly askTimeoutMs: number;
  readonly messageBytesMax: number;
  readonly seed: number;
}

/** What happens outside: on a worker these go to the calling thread. */
export interface ThreadHostEvents {
  deadLetter(letter: DeadLetter): void;
  signal(signal: Signal): void;
  agentFailed(failure: AgentFailure): void;
  /** An agent without a parent escalated. */
  escalated(failure: AgentFailure): void;
}

export class ThreadHost implements ReferenceHost, ContextHost {
  readonly thread: number;
  readonly seed: number;
  readonly clock: Clock;
  readonly kinds: KindRegistry;
  readonly cells = new CellTable();
  readonly engine: EngineThread;
  readonly dispatcher: Dispatcher;
  readonly lifecycle: Lifecycle;
  readonly watches: Watches;
  readonly asks: PendingAsks;
  readonly deadLetters: DeadLetters;
  readonly shared: SharedMemory;
  readonly events: ThreadHostEvents;
  readonly logger: Logger;
  /** Set when the nexus stops: nothing new is taken. */
  isStopping = false;
  readonly #options: ThreadHostOptions;
  readonly #outbound: (OutboundLink | undefined)[] = [];
  readonly #inbound: (InboundLink | undefined)[] = [];
  readonly #dirty: OutboundLink[] = [];
  readonly #references: ReferenceCodec;
  /** For what is decoded later and elsewhere: knows no shapes. */
  readonly #standaloneEncoder: ValueEncoder;
  readonly #standaloneDecoder: ValueDecoder;
  readonly #random: SeededRandom;
  readonly #countersAt: number;
  readonly #threadAt: number;
  /** Spawns on their way, by thread: placed agents that its count does not show yet. */
  readonly #spawning: number[];
  readonly #failedThreads = new Set<number>();
  #placed = 0;
  #named = 0;
  #flushScheduled = false;
  #inTurn = false;
  #context: Context | undefined;
  #contextCell: AgentCell | undefined;

  constructor(
    options: ThreadHostOptions,
    shared: SharedMemory,
    engine: EngineThread,
    kinds: KindRegistry,
    clock: Clock,
    logger: Logger,
    events: ThreadHostEvents,
  ) {
    this.#options = options;
    this.thread = options.thread;
    this.seed = options.seed;
    this.shared = shared;
    this.engine = engine;
    this.kinds = kinds;
    this.clock = clock;
    this.logger = logger;
    this.events = events;
    this.#countersAt = counterIndex(shared, options.thread);
    this.#threadAt = threadWord(shared, options.thread);
    this.#spawning = new Array(shared.threadCount).fill(0);
    this.#random = new SeededRandom(options.seed, `thread ${options.thread}.${options.incarnation}`);
    this.#references = {
      isReference: (value) => value instanceof AgentReference,
      describe: (value) => this.#describe(value as AgentReference),
      restore: (slot, generation, kind, id) => this.reference(slot, generation, kind, id),
    };
    this.#standaloneEncoder = new ValueEncoder(this.#references, { shapes: false });
    this.#standaloneDecoder = new ValueDecoder(this.#references);
    this.asks = new PendingAsks(clock, options.incarnation);
    this.deadLetters = new DeadLetters(shared.words, shared.doubles, this.#countersAt, options.thread, (letter) => events.deadLetter(letter));
    this.dispatcher = new Dispatcher({
      nowMs: () => clock.nowMs(),
      contextOf: (cell, sender) => this.contextOf(cell, sender),
      failed: (cell, error, action) => this.lifecycle.failed(cell, error, action),
      system: (cell, action, _input, reply) => systemActions.run(this, cell, action, reply),
      stopRequested: (cell) => this.lifecycle.stop(cell, { type: 'stopped' }),
      deadLetter: (reason, cell, action) =>
        this.deadLetters.record(reason, cell.kind.name, () => this.engine.table.keyOf(cell.slot, cell.generation), action.name),
      afterDrain: () => this.#endTurn(),
    });
    this.lifecycle = new Lifecycle({
      table: engine.table,
      cells: this.cells,
      dispatcher: this.dispatcher,
      clock,
      logger,
      keepInitInTable: options.thread !== 0,
      encodeInit: (init) => this.#encodeInit(init),
      decodeInit: (payload) => this.#standaloneDecoder.decode(payload, 0, payload.length),
      contextOf: (cell) => this.contextOf(cell, undefined),
      referenceOf: (cell) => this.referenceOf(cell),
      random: () => this.#random.next(),
      ended: (cell, reason) => {
        this.watches.ended(cell, reason);
        this.#leaveParent(cell);
      },
      forget: (cell) => this.watches.forget(cell),
      escalate: (cell, error) => this.#escalate(cell, error),
      agentFailed: (cell, error, action) => events.agentFailed(this.#failure(cell, error, action)),
    });
    this.watches = new Watches({
      thread: options.thread,
      cellOf: (ref) => this.cells.get(ref.slot, ref.generation),
      threadOf: (ref) => engine.table.threadOf(ref.slot, ref.generation),
      referenceOf: (cell) => this.referenceOf(cell),
      sendWatch: (thread, target, watcher) => this.call(thread, 'watch', { target, watcher }),
      sendUnwatch: (thread, target, watcher) => this.call(thread, 'unwatch', { target, watcher }),
      sendTerminated: (thread, watcher, { ref, id, reason }) => this.call(thread, 'terminated', { watcher, ref: ref as AgentReference, id, reason }),
      deliver: (watcher, ended) => {
        const { onTerminated } = watcher.kind;
        if (onTerminated !== undefined) this.dispatcher.enqueueSystem(watcher, onTerminated, ended, undefined);
      },
    });
  }

  /** Connects the rings and starts to wait for messages. `before` runs when this thread can send and before it receives. */
  open(calls: SystemCalls, before: () => void = () => undefined): void {
    const isSuccessor = this.#options.incarnation > 0;
    const receiver = new MessageReceiver(this, calls);
    for (let other = 0; other < this.shared.threadCount; other++) {
      if (other === this.thread) continue;
      const reader = new RingReader(this.shared, other, this.thread);
      this.#inbound[other] = new InboundLink(this.shared, other, reader, new ValueDecoder(this.#references), receiver, isSuccessor);
      // The predecessor's stream is over.
      if (isSuccessor) this.#link(other).reset();
    }
    before();
    this.engine.waiter.start(() => this.#poll());
  }

  close(): void {
    this.engine.waiter.stop();
    this.asks.failAll(() => nexusStopped());
    this.asks.stop();
  }

  // --- messages -------------------------------------------------------------------------------------------------------------------------------

  tellLocal(cell: AgentCell, action: ActionEntry, input: unknown, sender: AgentReference | undefined): TellOutcome {
    this.sentLocal++;
    return this.dispatcher.enqueue(cell, action, input, undefined, sender);
  }

  tellRemote(target: AgentReference, action: ActionEntry, input: unknown, sender: AgentReference | undefined): TellOutcome {
    const { slot, generation } = target;
    const thread = this.engine.table.threadOf(slot, generation);
    if (thread < 0 || this.#failedThreads.has(thread)) return this.#dead('noAgent', target, action);
    if (thread === this.thread) {
      const cell = this.cells.get(slot, generation);
      return cell === undefined ? this.#dead('noAgent', target, action) : this.tellLocal(cell, action, input, sender);
    }
    if (this.#closed) return this.#dead('nexusStopped', target, action);
    const sent = this.#link(thread).send(L.MESSAGE_TYPE_TELL, action.index, slot, generation, 0, 0, sender?.slot ?? 0, sender?.generation ?? 0, input, false);
    return sent ? 'accepted' : this.#dead('ringFull', target, action);
  }

  ask(target: AgentReference, action: ActionEntry, input: unknown, options: AskOptions | undefined, sender: AgentReference | undefined): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const timeoutMs = options?.timeoutMs ?? this.#options.askTimeoutMs;
      if (!(timeoutMs > 0 && timeoutMs <= TIMEOUT_MS_MAX))
        throw optionError('timeoutMs', `is ${String(timeoutMs)}; it must be more than 0 and at most ${TIMEOUT_MS_MAX}`);
      const ask = this.asks.open(resolve, reject, target, action.name, timeoutMs);
      if (options?.signal !== undefined) {
        ask.abortOn(options.signal);
        if (ask.isSettled) return;
      }
      this.asked++;
      const { cell } = target;
      if (cell !== undefined) {
        this.sentLocal++;
        this.dispatcher.enqueue(cell, action, input, ask, sender);
      } else this.#askRemote(target, action, input, ask, sender);
    });
  }

  tellFrom(sender: AgentReference, target: AgentReference, action: string, input: unknown): TellOutcome {
    const entry = target.kindEntry.action(action);
    return target.cell !== undefined ? this.tellLocal(target.cell, entry, input, sender) : this.tellRemote(target, entry, input, sender);
  }

  askFrom(sender: AgentReference, target: AgentReference, action: string, input: unknown, options: AskOptions | undefined): Promise<unknown> {
    return this.ask(target, target.kindEntry.action(action), input, options, sender);
  }

  tellSelf(cell: AgentCell, action: string, input: unknown): void {
    this.tellLocal(cell, cell.kind.action(action), input, undefined);
  }

  send(id: string, action: string, input: unknown, options: SendOptions | undefined, sender: AgentReference | undefined): TellOutcome {
    const routing = options?.routing ?? 'default';
    if (routing !== 'default' && routing !== 'optimized') throw optionError('routing', `'${String(routing)}' is not known; it must be default or optimized`);
    const target = this.find(id, undefined);
    if (target === undefined) {
      this.deadLetters.record('noAgent', undefined, () => id, action);
      return 'noAgent';
    }
    const entry = target.kindEntry.action(action);
    return target.cell !== undefined ? this.tellLocal(target.cell, entry, input, sender) : this.tellRemote(target, entry, input, sender);
  }

  /** A reply on its way to another thread. */
  replyTo(thread: number, type: number, replySlot: number, replySequence: number, value: unknown): void {
    this.#link(thread).send(type, 0, replySlot, replySequence, 0, 0, 0, 0, value, true);
  }

  // --- agents ---------------------------------------------------------------------------------------------------------------------------------

  async spawn(definition: AnyAgent, options: SpawnOptions | undefined, parentCell: AgentCell | undefined): Promise<AgentReference> {
    if (this.isStopping) throw nexusStopped();
    const kind = this.#kindOf(definition);
    const thread = this.#place(kind, options?.thread ?? 'auto');
    const id = options?.id ?? this.#newId(kind);
    const parent = parentCell === undefined ? undefined : this.referenceOf(parentCell);
    const reference = await this.#spawnOn(thread, kind, id, options?.init, parent);
    if (parentCell !== undefined) this.#adopt(parentCell, parent as AgentReference, reference);
    return reference;
  }

  async getOrSpawn(definition: AnyAgent, id: string, options: SpawnOptions | undefined): Promise<AgentReference> {
    const kind = this.#kindOf(definition);
    for (let attempt = 1; ; attempt++) {
      const found = this.find(id, definition);
      if (found !== undefined) return found;
      if (this.isStopping) throw nexusStopped();
      try {
        return await this.#spawnOn(this.#place(kind, options?.thread ?? 'auto'), kind, id, options?.init, undefined);
      } catch (error) {
        const code = error instanceof NexusError ? error.code : undefined;
        // Somebody else was faster, or the thread was lost on the way: look again.
        if (attempt >= GET_OR_SPAWN_ATTEMPTS || (code !== 'NEXUS_ID_DUPLICATE' && code !== 'NEXUS_THREAD_LOST')) throw error;
      }
    }
  }

  find(id: string, definition: AnyAgent | undefined): AgentReference | undefined {
    const { table } = this.engine;
    const slot = table.find(id);
    if (slot === 0) return undefined;
    const generation = table.foundGeneration;
    const kind = table.kindOf(slot, generation);
    if (kind < 0) return undefined;
    if (definition !== undefined && this.kinds.byIndex(kind).name !== definition.kind) {
      throw new NexusError('NEXUS_KIND_MISMATCH', `agent '${id}' is of kind '${this.kinds.byIndex(kind).name}', not '${definition.kind}'`, {
        data: { id, kind: this.kinds.byIndex(kind).name },
      });
    }
    return this.reference(slot, generation, kind, id);
  }

  /** Spawns on this thread, for whoever asked. */
  spawnHere(kind: Kind, id: string, init: unknown, parent: AgentReference | undefined): AgentReference | Promise<AgentReference> {
    const spawned = this.lifecycle.spawn(kind, id, init, parent);
    this.#countAgents();
    return spawned instanceof Promise ? spawned.then((cell) => this.#referenceTo(cell, id)) : this.#referenceTo(spawned, id);
  }

  stop(target: AgentReference, timeoutMs = this.#options.askTimeoutMs): Promise<void> {
    const { cell } = target;
    if (cell !== undefined && cell.status === Status.ready && cell.mailbox === undefined) {
      // Nothing waits: no need to queue.
      this.lifecycle.stop(cell, { type: 'stopped' });
      this.#countAgents();
      if ((cell.status as Status) === Status.stopped) return DONE;
    }
    return this.#stopSlowly(target, timeoutMs);
  }

  stopHere(cell: AgentCell): Promise<void> {
    if (cell.status === Status.stopped) return DONE;
    // An agent that waits for its restart, or ends already, handles no messages: do not queue behind them.
    if (cell.status === Status.suspended) this.lifecycle.stop(cell, { type: 'stopped' });
    return new Promise((resolve) => {
      this.lifecycle.whenStopped(cell, resolve);
      this.dispatcher.enqueueSystem(cell, systemActions.stop, undefined, undefined);
    });
  }

  requestStop(cell: AgentCell): void {
    extraOf(cell).stopRequested = true;
    // Outside of a handler nobody looks at the flag until the next message.
    this.dispatcher.enqueueSystem(cell, systemActions.look, undefined, undefined);
  }

  watch(cell: AgentCell, target: AgentReference): void {
    this.watches.watch(cell, target);
  }

  unwatch(cell: AgentCell, target: AgentReference): void {
    this.watches.unwatch(cell, target);
  }

  emit(cell: AgentCell, topic: string, data: unknown): void {
    if ((this.shared.words[L.HEADER_WORD_SIGNAL_LISTENERS] as number) > 0) this.events.signal({ topic, data, source: this.referenceOf(cell) });
  }

  checkAction(cell: AgentCell, action: string): void {
    cell.kind.action(action);
  }

  loggerOf(cell: AgentCell): Logger {
    const bind = (level: LogLine['level']) => (data: object, message: string) =>
      this.logger[level]({ agent: this.engine.table.keyOf(cell.slot, cell.generation), kind: cell.kind.name, thread: this.thread, ...data }, message);
    return { debug: bind('debug'), info: bind('info'), warn: bind('warn'), error: bind('error') };
  }

  // --- references and contexts ----------------------------------------------------------------------------------------------------------------

  nameOf(slot: number, generation: number): string | undefined {
    return this.engine.table.keyOf(slot, generation);
  }

  reference(slot: number, generation: number, kind: number, id: string | undefined): AgentReference {
    return new AgentReference(this, this.kinds.byIndex(kind), slot, generation, this.cells.get(slot, generation), id);
  }

  referenceOf(cell: AgentCell): AgentReference {
    const extra = extraOf(cell);
    extra.reference ??= this.#referenceTo(cell, this.nameOf(cell.slot, cell.generation));
    return extra.reference;
  }

  contextOf(cell: AgentCell, sender: AgentReference | undefined): AgentContext {
    const last = this.#context;
    if (sender === undefined && last !== undefined && this.#contextCell === cell && last.isOf(cell)) return last;
    const context = new Context(this, cell, sender);
    if (sender === undefined) {
      this.#context = context;
      this.#contextCell = cell;
    }
    return context;
  }

  // --- between threads ------------------------------------------------------------------------------------------------------------------------

  /** A call to the runtime of another thread, without an answer. */
  call<N extends SystemCallName>(thread: number, name: N, input: Parameters<SystemCalls[N]>[0]): void {
    if (this.#closed || this.#failedThreads.has(thread)) return;
    this.#link(thread).send(L.MESSAGE_TYPE_TELL, systemCallNumber[name], 0, 0, 0, 0, 0, 0, input, true);
  }

  /** A call to the runtime of another thread, with an answer. */
  request<N extends SystemCallName>(
    thread: number,
    name: N,
    input: Parameters<SystemCalls[N]>[0],
    timeoutMs: number,
    target: { readonly kind: string; readonly id: string },
  ): Promise<Awaited<ReturnType<SystemCalls[N]>>> {
    return new Promise((resolve, reject) => {
      if (this.#failedThreads.has(thread)) throw threadFailed(thread, `${target.kind} '${target.id}'`);
      const ask = this.asks.open(resolve as (value: unknown) => void, reject, target, name, timeoutMs);
      this.asks.sendTo(ask, thread);
      try {
        this.#link(thread).send(L.MESSAGE_TYPE_ASK, systemCallNumber[name], 0, 0, ask.slot, ask.sequence, 0, 0, input, true);
      } catch (error) {
        ask.fail(error);
      }
    });
  }

  /** Another thread ended: whoever waits for it learns it, and its successor starts with a clean stream. */
  threadLost(thread: number, replaced: boolean): void {
    // What it said before it ended still counts.
    while ((this.#inbound[thread]?.read(READ_MESSAGES_MAX) ?? 0) > 0);
    if (!replaced) this.#failedThreads.add(thread);
    this.asks.failThread(thread, (ask) => (replaced ? threadLost(thread, ask.description) : threadFailed(thread, ask.description)));
    if (replaced) {
      const dropped = this.#link(thread).reset();
      if (dropped > 0) this.deadLetters.add('threadLost', dropped);
    }
    this.watches.threadLost(thread, replaced, (ref) => this.engine.table.threadOf(ref.slot, ref.generation));
    for (const cell of [...this.cells]) {
      const parent = cell.extra?.parent;
      if (parent === undefined) continue;
      const owner = this.engine.table.threadOf(parent.slot, parent.generation);
      // A parent that comes back starts anew, as after any restart: without its children.
      if (owner === thread || owner < 0) this.lifecycle.stop(cell, { type: 'parentStopped' });
    }
    this.#scheduleFlush();
  }

  /**
   * Puts the agents back that a predecessor left: when it returns they take messages; the promise resolves when all have started. Children of agents that
   * were lost too are not put back: as after any restart, their parents spawn them again.
   */
  restoreAgents(): Promise<{ readonly restored: number; readonly failed: number }> {
    const { table } = this.engine;
    const inherited = table.inherit();
    const mine = new Set(inherited.map((entry) => entry.slot));
    const starting: Promise<unknown>[] = [];
    let failed = 0;
    for (const { slot, generation, kind } of inherited) {
      const parentSlot = table.parentOf(slot, generation);
      const parentGeneration = parentSlot === 0 ? 0 : table.generationOf(parentSlot);
      const parentKind = parentSlot === 0 ? -1 : table.kindOf(parentSlot, parentGeneration);
      if (parentSlot !== 0 && (mine.has(parentSlot) || parentKind < 0)) {
        table.remove(slot, generation);
        continue;
      }
      const parent = parentSlot === 0 ? undefined : this.reference(parentSlot, parentGeneration, parentKind, undefined);
      const failure = (error: unknown): void => {
        failed++;
        this.logger.error({ error, thread: this.thread }, 'an agent did not come back after the loss of its thread');
      };
      try {
        const restored = this.lifecycle.restore(this.kinds.byIndex(kind), slot, generation, parent);
        if (restored instanceof Promise) starting.push(restored.catch(failure));
      } catch (error) {
        failure(error);
      }
    }
    this.#countAgents();
    return Promise.all(starting).then(() => ({ restored: this.cells.size, failed }));
  }

  /** Messages to and from other threads: equal sums over all threads mean that none is on its way. */
  get traffic(): { readonly sent: number; readonly received: number; readonly waiting: number } {
    let sent = 0;
    let received = 0;
    let waiting = 0;
    for (const link of this.#outbound) {
      sent += link?.sent ?? 0;
      waiting += link?.waiting ?? 0;
    }
    for (const link of this.#inbound) received += link?.received ?? 0;
    return { sent, received, waiting };
  }

  sentLocal = 0;
  asked = 0;
  restoredMessagesLost = 0;
  #closed = false;

  /** From here on nothing goes to other threads. */
  disconnect(): void {
    this.#closed = true;
  }

  escalateTo(parent: AgentReference, error: unknown): void {
    const cell = this.cells.get(parent.slot, parent.generation);
    if (cell !== undefined) return this.lifecycle.failed(cell, error, undefined);
    const thread = this.engine.table.threadOf(parent.slot, parent.generation);
    if (thread >= 0 && thread !== this.thread) this.call(thread, 'escalate', { parent, error });
  }

  childEnded(parent: AgentReference, slot: number): void {
    this.cells.get(parent.slot, parent.generation)?.extra?.children?.delete(slot);
  }

  #askRemote(target: AgentReference, action: ActionEntry, input: unknown, ask: PendingAsk, sender: AgentReference | undefined): void {
    const { slot, generation } = target;
    const thread = this.engine.table.threadOf(slot, generation);
    if (thread === this.thread) {
      const cell = this.cells.get(slot, generation);
      if (cell !== undefined) {
        this.sentLocal++;
        this.dispatcher.enqueue(cell, action, input, ask, sender);
        return;
      }
    }
    if (thread < 0 || thread === this.thread || this.#failedThreads.has(thread)) {
      this.#dead('noAgent', target, action);
      return ask.fail(agentNotFound(target.kind, target.knownId));
    }
    if (this.#closed) {
      this.#dead('nexusStopped', target, action);
      return ask.fail(nexusStopped());
    }
    this.asks.sendTo(ask, thread);
    let sent: boolean;
    try {
      sent = this.#link(thread).send(
        L.MESSAGE_TYPE_ASK,
        action.index,
        slot,
        generation,
        ask.slot,
        ask.sequence,
        sender?.slot ?? 0,
        sender?.generation ?? 0,
        input,
        false,
      );
    } catch (error) {
      return ask.fail(error);
    }
    if (sent) return;
    this.#dead('ringFull', target, action);
    ask.fail(
      new NexusError(
        'NEXUS_BACKPRESSURE',
        `the ring to thread ${thread} is full: ${target.kind} '${target.id}' is sent messages faster than its thread takes them`,
        { data: { thread } },
      ),
    );
  }

  async #stopSlowly(target: AgentReference, timeoutMs: number): Promise<void> {
    const cell = target.cell ?? this.cells.get(target.slot, target.generation);
    let ended: Promise<unknown>;
    if (cell !== undefined) ended = this.stopHere(cell);
    else {
      const thread = this.engine.table.threadOf(target.slot, target.generation);
      if (thread < 0 || thread === this.thread || this.#failedThreads.has(thread)) return;
      ended = this.request(thread, 'stopAgent', { slot: target.slot, generation: target.generation }, timeoutMs, target);
    }
    const timedOut = (): NexusError =>
      new NexusError('NEXUS_STOP_TIMEOUT', `${target.kind} '${target.id}' did not end within ${timeoutMs} ms: a handler or stop hook still runs`, {
        data: { timeoutMs },
      });
    if (cell === undefined) {
      await ended.catch((error: unknown) => {
        throw error instanceof NexusError && error.code === 'NEXUS_ASK_TIMEOUT' ? timedOut() : error;
      });
      return;
    }
    let cancel = (): void => undefined;
    const timeout = new Promise<never>((_, reject) => {
      cancel = this.clock.after(timeoutMs, () => reject(timedOut()));
    });
    try {
      await Promise.race([ended, timeout]);
    } finally {
      cancel();
    }
  }

  #spawnOn(thread: number, kind: Kind, id: string, init: unknown, parent: AgentReference | undefined): AgentReference | Promise<AgentReference> {
    if (thread === this.thread) return this.spawnHere(kind, id, init, parent);
    checkId(id);
    this.#spawning[thread] = (this.#spawning[thread] as number) + 1;
    const done = (): void => {
      this.#spawning[thread] = (this.#spawning[thread] as number) - 1;
    };
    const spawned = this.request(thread, 'spawn', { kind: kind.index, id, init, parent }, this.#options.askTimeoutMs, { kind: kind.name, id });
    spawned.then(done, done);
    return spawned;
  }

  #adopt(parentCell: AgentCell, parent: AgentReference, child: AgentReference): void {
    if (parentCell.status >= Status.stopping || this.referenceOf(parentCell) !== parent) {
      void child.stop().catch((error: unknown) => this.logger.warn({ error }, 'a child did not end with its parent'));
      return;
    }
    const extra = extraOf(parentCell);
    extra.children ??= new Map();
    extra.children.set(child.slot, child);
  }

  #leaveParent(cell: AgentCell): void {
    const parent = cell.extra?.parent;
    if (parent === undefined) return;
    if (this.cells.get(parent.slot, parent.generation) !== undefined) return this.childEnded(parent, cell.slot);
    const thread = this.engine.table.threadOf(parent.slot, parent.generation);
    if (thread >= 0 && thread !== this.thread) this.call(thread, 'childEnded', { parent, slot: cell.slot });
  }

  #escalate(cell: AgentCell, error: unknown): void {
    const parent = cell.extra?.parent;
    if (parent !== undefined && this.engine.table.threadOf(parent.slot, parent.generation) >= 0) return this.escalateTo(parent, error);
    this.events.escalated(this.#failure(cell, error, undefined));
  }

  #failure(cell: AgentCell, error: unknown, action: string | undefined): AgentFailure {
    return { id: this.nameOf(cell.slot, cell.generation) ?? '', kind: cell.kind.name, action, thread: this.thread, error };
  }

  #kindOf(definition: AnyAgent): Kind {
    if (typeof definition !== 'object' || definition === null || typeof definition.kind !== 'string') {
      throw new NexusTypeError('NEXUS_DEFINITION_INVALID', 'spawn takes a definition made by defineAgent as its first argument');
    }
    return this.kinds.byName(definition.kind);
  }

  #place(kind: Kind, choice: SpawnOptions['thread']): number {
    if (choice === 'local') {
      if (kind.callingThreadOnly && this.thread !== 0) throw onlyOnCallingThread(kind, this.thread);
      return this.thread;
    }
    if (choice === 'auto') return kind.callingThreadOnly ? 0 : this.#leastLoaded();
    if (!Number.isInteger(choice) || (choice as number) < 0 || (choice as number) >= this.shared.threadCount || this.#failedThreads.has(choice as number)) {
      throw new NexusTypeError(
        'NEXUS_THREAD_UNKNOWN',
        `thread: ${String(choice)} is not a thread of this nexus; use 'auto', 'local' or a number from 0 to ${this.shared.threadCount - 1}`,
      );
    }
    if (kind.callingThreadOnly && choice !== 0) throw onlyOnCallingThread(kind, choice as number);
    return choice as number;
  }

  #leastLoaded(): number {
    const loads: ThreadLoad[] = [];
    for (let thread = 1; thread < this.shared.threadCount; thread++) {
      const at = threadWord(this.shared, thread);
      if (Atomics.load(this.shared.words, at + L.THREAD_WORD_STATE) !== L.THREAD_STATE_READY) continue;
      loads.push({ thread, agents: (this.shared.words[at + L.THREAD_WORD_AGENT_COUNT] as number) + (this.#spawning[thread] as number) });
    }
    const chosen = leastLoaded(loads, this.#placed);
    if (chosen >= 0) {
      this.#placed = chosen;
      return chosen;
    }
    // All workers are being replaced: the message waits in the ring of the first that is not given up.
    for (let thread = 1; thread < this.shared.threadCount; thread++) if (!this.#failedThreads.has(thread)) return thread;
    return 0;
  }

  #newId(kind: Kind): string {
    this.#named++;
    return `${kind.name}#${this.thread}.${this.#options.incarnation}.${this.#named.toString(36)}`;
  }

  #referenceTo(cell: AgentCell, id: string | undefined): AgentReference {
    return new AgentReference(this, cell.kind, cell.slot, cell.generation, cell, id);
  }

  #describe(reference: AgentReference): { slot: number; generation: number; kind: number; id: string | undefined } {
    if (reference.host !== this) throw new NexusTypeError('NEXUS_NOT_CLONEABLE', `${String(reference)} belongs to another nexus`);
    return { slot: reference.slot, generation: reference.generation, kind: reference.kindEntry.index, id: reference.id };
  }

  #encodeInit(init: unknown): Uint8Array {
    return this.#standaloneEncoder.encodeToScratch(init, 0, L.PAYLOAD_BYTES_MAX);
  }

  #dead(reason: 'noAgent' | 'ringFull' | 'nexusStopped', target: AgentReference, action: ActionEntry): TellOutcome {
    this.deadLetters.record(reason, target.kind, () => target.knownId, action.name);
    return reason === 'noAgent' ? 'noAgent' : reason === 'ringFull' ? 'full' : 'stopped';
  }

  #link(thread: number): OutboundLink {
    return this.#outbound[thread] ?? this.#connect(thread);
  }

  #connect(thread: number): OutboundLink {
    const { waiter } = this.engine;
    const link: OutboundLink = new OutboundLink({
      shared: this.shared,
      encoder: new ValueEncoder(this.#references),
      writer: new RingWriter(this.shared, this.thread, thread),
      messageBytesMax: this.#options.messageBytesMax,
      wake: () => waiter.wake(thread),
      flushSoon: () => {
        this.#dirty.push(link);
        this.#scheduleFlush();
      },
    });
    this.#outbound[thread] = link;
    return link;
  }

  #scheduleFlush(): void {
    if (this.#inTurn || this.#flushScheduled) return;
    this.#flushScheduled = true;
    queueMicrotask(() => {
      this.#flushScheduled = false;
      this.#endTurn();
    });
  }

  /** Called by the waiter: takes what has arrived, runs the agents, sends what they sent. True if more is left. */
  #poll(): boolean {
    this.#inTurn = true;
    this.dispatcher.beginTurn();
    let more = false;
    for (let thread = 0; thread < this.#inbound.length; thread++) {
      const link = this.#inbound[thread];
      if (link === undefined) continue;
      if (link.read(READ_MESSAGES_MAX) === READ_MESSAGES_MAX) more = true;
      if (link.takeWakeRequest()) this.#callAttention(thread);
    }
    for (const link of this.#outbound) if (link !== undefined && link.waiting > 0) link.pump();
    this.#inTurn = false;
    this.dispatcher.drain();
    return more;
  }

  /** Makes a parked thread run its drain although no ring of it has data: there is room again in a ring it writes. */
  #callAttention(thread: number): void {
    Atomics.store(this.shared.words, threadWord(this.shared, thread) + L.THREAD_WORD_ATTENTION, 1);
    this.engine.waiter.wake(thread);
  }

  #endTurn(): void {
    const dirty = this.#dirty;
    for (let index = 0; index < dirty.length; index++) (dirty[index] as OutboundLink).flush();
    dirty.length = 0;
    this.#publishCounters();
  }

  #countAgents(): void {
    this.shared.words[this.#threadAt + L.THREAD_WORD_AGENT_COUNT] = this.cells.size;
  }

  #publishCounters(): void {
    const { doubles, words } = this.shared;
    const at = this.#countersAt;
    const { dispatcher, lifecycle, asks } = this;
    words[this.#threadAt + L.THREAD_WORD_AGENT_COUNT] = this.cells.size;
    words[this.#threadAt + L.THREAD_WORD_QUEUE_DEPTH] = dispatcher.depth;
    doubles[at + L.COUNTER_SPAWNED] = lifecycle.spawned;
    doubles[at + L.COUNTER_STOPPED] = lifecycle.stopped;
    doubles[at + L.COUNTER_RESTARTED] = lifecycle.restarted;
    doubles[at + L.COUNTER_HANDLED] = dispatcher.handled;
    doubles[at + L.COUNTER_FAILED] = dispatcher.failures;
    doubles[at + L.COUNTER_SENT_LOCAL] = this.sentLocal;
    doubles[at + L.COUNTER_ASKS] = this.asked;
    doubles[at + L.COUNTER_ASK_TIMEOUTS] = asks.timeouts;
    doubles[at + L.COUNTER_ASK_FAILURES] = asks.failures;
    doubles[at + L.COUNTER_LATE_REPLIES] = asks.lateReplies;
    let sent = 0;
    let bytes = 0;
    let full = 0;
    let received = 0;
    for (const link of this.#outbound) {
      if (link === undefined) continue;
      sent += link.sent;
      bytes += link.bytes;
      full += link.refused;
    }
    for (const link of this.#inbound) if (link !== undefined) received += link.received;
    doubles[at + L.COUNTER_SENT_REMOTE] = sent;
    doubles[at + L.COUNTER_REMOTE_BYTES] = bytes;
    doubles[at + L.COUNTER_RING_FULL] = full;
    doubles[at + L.COUNTER_RECEIVED_REMOTE] = received;
  }
}

/** The reply to an ask of another thread. */
export class RemoteReply implements ReplyPort {
  readonly #host: ThreadHost;
  readonly #thread: number;
  readonly #slot: number;
  readonly #sequence: number;

  constructor(host: ThreadHost, thread: number, slot: number, sequence: number) {
    this.#host = host;
    this.#thread = thread;
    this.#slot = slot;
    this.#sequence = sequence;
  }

  reply(value: unknown): void {
    try {
      this.#host.replyTo(this.#thread, L.MESSAGE_TYPE_REPLY, this.#slot, this.#sequence, value);
    } catch (error) {
      // A reply that cannot be sent: the caller is told why.
      this.fail(error);
    }
  }

  fail(error: unknown): void {
    try {
      this.#host.replyTo(this.#thread, L.MESSAGE_TYPE_REPLY_ERROR, this.#slot, this.#sequence, error);
    } catch {
      // Neither can the error, with what hangs on it: its text can.
      this.#host.replyTo(this.#thread, L.MESSAGE_TYPE_REPLY_ERROR, this.#slot, this.#sequence, plainError(error));
    }
  }
}

function plainError(error: unknown): Error {
  if (!(error instanceof Error)) return new Error(String(error));
  const plain = new Error(error.message);
  plain.name = error.name;
  if (error.stack !== undefined) plain.stack = error.stack;
  return plain;
}

const DONE = Promise.resolve();

function checkId(id: unknown): void {
  if (typeof id !== 'string' || id.length === 0) throw optionError('id', 'must be a string of 1 to 1,024 bytes of UTF-8');
}

function onlyOnCallingThread(kind: Kind, thread: number): NexusError {
  return new NexusError(
    'NEXUS_KIND_UNKNOWN',
    `kind '${kind.name}' was given to createNexus as a definition, not as a module, so thread ${thread} does not have its code: export it from a module in 'agents'`,
  );
}
