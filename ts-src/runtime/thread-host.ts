/**
 * One thread of a nexus: puts its parts together and offers what references, contexts and the calling thread use. What it does itself is choose the way
 * of a message: into a mailbox of this thread, into the ring to another, or nowhere.
 */
import { counterIndex, type SharedMemory, threadWord } from '../../bindings/shared-memory.js';
import * as L from '../../layout/generated/layout.js';
import { ValueDecoder } from '../codec/value-decoder.js';
import { ValueEncoder } from '../codec/value-encoder.js';
import type { AgentContext, AgentTimer, Logger } from '../model/agent-context.js';
import type { AnyAgent } from '../model/agent-definition.js';
import type { AskOptions, OfferOptions, TellOutcome } from '../model/agent-ref.js';
import { SeededRandom } from '../model/seeded-random.js';
import type { Signal } from '../model/signal.js';
import { checkSendOptions } from '../model/group.js';
import type { ResolvedTracing } from '../model/tracing-options.js';
import type { SendOptions, SpawnOptions } from '../model/spawn-options.js';
import type { Clock } from '../ports/clock.js';
import type { EngineThread } from '../ports/engine.js';
import type { Turns } from '../ports/turns.js';
import type { TracingApi } from '../ports/tracing-api.js';
import type { ThreadStorage } from '../ports/storage.js';
import { type AgentCell, extraOf } from './agent-cell.js';
import { AgentLoggers } from './agent-loggers.js';
import { AgentReference, type ReferenceHost } from './agent-reference.js';
import { AgentTimers } from './agent-timers.js';
import { type AskWaiting, askWaiting } from './ask-waiting.js';
import { Arrivals } from './arrivals.js';
import { CellTable } from './cell-table.js';
import { Context, type ContextHost } from './context.js';
import { type DeadLetter, DeadLetters } from './dead-letters.js';
import { Departures } from './departures.js';
import { Directory } from './directory.js';
import { DurableAgents } from './durable/durable-agents.js';
import { type Dispatcher, TIMER_MESSAGE } from './dispatcher.js';
import { eventLoopTurns } from './event-loop-turns.js';
import { type FlightRecorder, openFlightRecorder } from './flight-recorder.js';
import { nexusStopped } from './failures.js';
import { HistogramShard } from './histogram-shard.js';
import { sendToGroup } from './group-handle.js';
import { isRunOver } from './run-limit.js';
import type { Groups } from './groups.js';
import { type Kind, KindRegistry, type KindSources } from './kind.js';
import type { Lifecycle } from './lifecycle.js';
import type { Lineage } from './lineage.js';
import { Links } from './links.js';
import { type MessageSender, senderWith } from './mailbox.js';
import { MemberLoads } from './member-loads.js';
import { MessageReceiver } from './message-receiver.js';
import { MessageRouter, type MessageRouterNeeds } from './message-router.js';
import { Operations } from './meters/operations.js';
import type { MovingPart } from './moving-agent.js';
import { movingTies } from './moving-ties.js';
import { inNeutralContext } from './neutral-context.js';
import { type AskTarget, PendingAsks } from './pending-asks.js';
import { isComing } from './record-word.js';
import { Relocation } from './relocation.js';
import type { NodePlacing } from './remote/node-placing.js';
import type { RemoteAgents } from './remote/remote-agents.js';
import { type NodeTies, nodeTiesOf } from './remote/node-ties.js';
import { isSameAgent } from './remote/same-agent.js';
import { ThreadReferences } from './remote/thread-references.js';
import { ReplicatedEntries } from './replicated-entries.js';
import type { Signals } from './signals.js';
import type { Spawning } from './spawning.js';
import type { Stopping } from './stopping.js';
import type { AgentFailure, SystemCalls } from './system-calls.js';
import { dispatcherOf, lifecycleOf, lineageOf, spawningOf, stoppingOf, watchesOf } from './thread-agents.js';
import { ThreadCounters } from './thread-counters.js';
import { groupsOf } from './thread-groups.js';
import { observationOf, type ThreadObservation } from './thread-observation.js';
import { signalsOf } from './thread-signals.js';
import { ThreadSupervision } from './thread-supervision.js';
import { TracingRouter } from './tracing-router.js';
import type { Watches } from './watches.js';

export interface ThreadHostOptions {
  readonly thread: number;
  readonly incarnation: number;
  readonly askTimeoutMs: number;
  readonly messageBytesMax: number;
  readonly seed: number;
  readonly tracing: ResolvedTracing | undefined;
}

/** What happens outside: on a worker these go to the calling thread. */
export interface ThreadHostEvents {
  deadLetter(letter: DeadLetter): void;
  /** On the calling thread only. */
  signal(signal: Signal): void;
  agentFailed(failure: AgentFailure): void;
  /** An agent without a parent escalated. */
  escalated(failure: AgentFailure): void;
}

export class ThreadHost implements ReferenceHost, ContextHost {
  readonly thread: number;
  readonly seed: number;
  readonly kinds: KindRegistry;
  readonly directory: Directory;
  readonly cells = new CellTable();
  readonly dispatcher: Dispatcher;
  readonly lifecycle: Lifecycle;
  readonly spawning: Spawning;
  readonly stopping: Stopping;
  readonly lineage: Lineage;
  readonly watches: Watches;
  readonly supervision: ThreadSupervision;
  readonly timers: AgentTimers;
  readonly asks: PendingAsks;
  readonly deadLetters: DeadLetters;
  readonly links: Links;
  readonly router: MessageRouter;
  readonly entries: ReplicatedEntries;
  /** What is known of other nodes for ties to their agents. */
  readonly nodeTies: NodeTies;
  readonly signals: Signals;
  /** What goes with an agent that moves, beside what its cell holds: each part that keeps something about agents adds itself. */
  readonly movingParts: MovingPart[] = [];
  readonly departures: Departures;
  readonly arrivals = new Arrivals(this, this.movingParts);
  readonly relocation: Relocation;
  readonly groups: Groups;
  readonly observation: ThreadObservation;
  readonly flight: FlightRecorder | undefined;
  readonly operations: Operations;
  /** Undefined in a nexus without storage. */
  readonly durable: DurableAgents | undefined;
  /** The other nodes; undefined in a nexus that is no node of a cluster. Set before agents start. */
  remote: RemoteAgents | undefined = undefined;
  /** On the calling thread of a node: resolves when the others know what it has told them so far. */
  nodesKnow: ((isReachableOnly: boolean) => Promise<unknown>) | undefined = undefined;
  /** What this thread does for others; from `open` on. */
  calls!: SystemCalls;
  /** Ids of the cluster; undefined in a nexus that is no node. */
  placing: NodePlacing | undefined = undefined;
  /** A copy of a value such as another thread would get. */
  readonly standaloneCopy: (value: unknown) => unknown;
  #isStopping = false;
  readonly #options: ThreadHostOptions;
  readonly #counters: ThreadCounters;
  readonly #loggers: AgentLoggers;
  readonly #random: SeededRandom;
  #flushScheduled = false;
  #inTurn = false;
  // The context made last: most messages in a row are for the same agent.
  #context: Context | undefined;
  #contextCell: AgentCell | undefined;

  constructor(
    options: ThreadHostOptions,
    readonly shared: SharedMemory,
    readonly engine: EngineThread,
    kinds: KindSources,
    readonly clock: Clock,
    readonly logger: Logger,
    readonly events: ThreadHostEvents,
    turns: Turns = eventLoopTurns,
    storage?: ThreadStorage,
    tracingApi?: TracingApi,
  ) {
    const { thread, incarnation } = options;
    this.#options = options;
    this.departures = new Departures(this, this.movingParts, incarnation);
    this.relocation = new Relocation(this, this.departures);
    this.thread = thread;
    this.flight = openFlightRecorder(shared, thread, clock);
    this.seed = options.seed;
    this.#random = new SeededRandom(options.seed, `thread ${thread}.${incarnation}`);
    this.observation = observationOf(this, tracingApi, options.tracing);
    this.#loggers = new AgentLoggers({
      ...{ thread, logger },
      nameOf: (slot, generation) => this.nameOf(slot, generation),
      traceIds: () => this.observation.tracing?.ids(),
      operationFields: () => this.operations.logFields(),
    });
    const references = new ThreadReferences(this);
    this.kinds = new KindRegistry(kinds, references);
    this.directory = new Directory({ table: engine.table, shared, kinds: this.kinds, host: this });
    // For what is decoded later and elsewhere: they know no shapes.
    const standaloneEncoder = new ValueEncoder(references, { shapes: false });
    const standaloneDecoder = new ValueDecoder(references);
    this.standaloneCopy = (value) => {
      const bytes = standaloneEncoder.encodeToScratch(value, 0, options.messageBytesMax);
      return standaloneDecoder.decode(bytes, 0, bytes.length);
    };
    const durations = {
      local: new HistogramShard(shared, thread, L.HISTOGRAM_ASK_LOCAL),
      remote: new HistogramShard(shared, thread, L.HISTOGRAM_ASK_REMOTE),
    };
    this.operations = new Operations({ shared, thread, clock, logger, tracing: () => this.observation.tracing });
    const timedOut = (target: AskTarget, action: string): AskWaiting | undefined => {
      this.flight?.askTimedOut(this.kinds.find(target.kind), target.slot ?? 0, target.generation ?? 0, action);
      return askWaiting({ thread, shared, table: engine.table, cells: this.cells }, target);
    };
    this.asks = new PendingAsks(clock, incarnation, durations, () => this.links.readAll(), timedOut);
    this.links = new Links({
      thread,
      shared,
      waiter: engine.waiter,
      references,
      messageBytesMax: options.messageBytesMax,
      clock,
      turns,
      messageWait: new HistogramShard(shared, thread, L.HISTOGRAM_MESSAGE_WAIT),
      flight: this.flight,
      flushSoon: () => this.flushSoon(),
    });
    const turnDurations = new HistogramShard(shared, thread, L.HISTOGRAM_TURN);
    this.deadLetters = new DeadLetters(shared.words, shared.doubles, counterIndex(shared, thread), thread, (letter) => events.deadLetter(letter));
    this.deadLetters.recorded = (reason, kind, action, { slot, generation }) =>
      this.flight?.deadLetter(reason, this.kinds.find(kind), slot, generation, action);
    const loads = new MemberLoads(shared);
    this.dispatcher = dispatcherOf(this, loads, turns, {
      turnTook: (durationMs) => turnDurations.record(durationMs * 1e6),
      afterDrain: () => this.#endTurn(),
    });
    const { tracing } = this.observation;
    const routing: MessageRouterNeeds = {
      thread,
      shared,
      clock,
      askTimeoutMs: options.askTimeoutMs,
      table: engine.table,
      cells: this.cells,
      links: this.links,
      dispatcher: this.dispatcher,
      asks: this.asks,
      deadLetters: this.deadLetters,
      sendDurable: (target, action, input, reply, sender) => this.#durable.send(target, action, input, reply, sender),
      remote: () => this.remote,
    };
    this.router = tracing === undefined ? new MessageRouter(routing) : new TracingRouter(routing, tracing);
    this.entries = new ReplicatedEntries({
      thread,
      incarnation,
      threadCount: shared.threadCount,
      incarnationOf: (other) => Atomics.load(shared.words, threadWord(shared, other) + L.THREAD_WORD_INCARNATION),
      canReach: (to) => this.links.canReach(to),
      send: (to, message) => this.router.call(to, 'entriesChanged', message),
      roundTrip: (to) => this.router.roundTrip(to),
      awaitsSuccessor: (of) => Atomics.load(shared.words, threadWord(shared, of) + L.THREAD_WORD_STATE) === L.THREAD_STATE_LOST,
    });
    this.nodeTies = nodeTiesOf(this);
    this.signals = signalsOf(this, incarnation, references);
    this.groups = groupsOf(this, loads, () => this.#random.next());
    this.lifecycle = lifecycleOf(this, {
      encodeInit: (init) => standaloneEncoder.encodeToScratch(init, 0, L.PAYLOAD_BYTES_MAX),
      decodeInit: (payload) => standaloneDecoder.decode(payload, 0, payload.length),
      random: () => this.#random.next(),
      agentFailed: (cell, error, action) => {
        const failure = this.#failure(cell, error, action);
        this.flight?.failed(cell, action);
        this.observation.failed(failure);
        events.agentFailed(failure);
      },
    });
    this.stopping = stoppingOf(this, options.askTimeoutMs, () => this.#counters.publishAgentCount());
    this.supervision = new ThreadSupervision(this, {
      random: () => this.#random.next(),
      spawn: (definition, options, parent) => this.spawning.spawn(definition, options, parent),
      escalated: (failure) => events.escalated(failure),
    });
    this.lineage = lineageOf(this, (cell, error) => events.escalated(this.#failure(cell, error, undefined)));
    this.timers = new AgentTimers(clock, (cell, action, input, trace) => {
      this.router.sentLocal++;
      this.dispatcher.enqueue(cell, action, input, TIMER_MESSAGE, senderWith(undefined, trace ?? tracing?.beginning()));
    });
    this.watches = watchesOf(this);
    this.movingParts.push(...movingTies(this));
    this.spawning = spawningOf(this, incarnation);
    this.durable = storage === undefined ? undefined : new DurableAgents(this, storage, () => this.#random.next());
    this.#counters = new ThreadCounters(shared, thread, {
      dispatcher: this.dispatcher,
      lifecycle: this.lifecycle,
      asks: this.asks,
      links: this.links,
      agentCount: () => this.cells.size,
      router: this.router,
      durable: this.durable,
    });
  }

  /** Connects the rings and starts to wait for messages. `before` runs when this thread can send and before it receives. */
  open(calls: SystemCalls, before: () => void = () => undefined): void {
    this.flight?.threadStarted(this.#options.incarnation);
    this.calls = calls;
    this.links.open(new MessageReceiver(this, calls), this.#options.incarnation);
    before();
    this.observation.opened(this.logger);
    this.durable?.start();
    inNeutralContext(() => this.engine.waiter.start(() => this.#poll()));
  }

  close(): void {
    this.durable?.stopAll();
    this.links.isClosed = true;
    Atomics.store(this.shared.words, threadWord(this.shared, this.thread) + L.THREAD_WORD_STATE, L.THREAD_STATE_STOPPED);
    this.engine.waiter.stop();
    void this.supervision.services.stop();
    this.operations.close();
    this.observation.close();
    this.asks.failAll(() => nexusStopped());
    this.asks.stop();
  }

  tellFrom(sender: AgentReference, target: AgentReference, action: string, input: unknown): TellOutcome {
    return this.router.tellFrom(sender, target, action, input);
  }

  offerFrom(
    sender: AgentReference,
    target: AgentReference,
    action: string,
    input: unknown,
    options: OfferOptions | undefined,
    isOver: () => boolean,
  ): Promise<TellOutcome> {
    return this.router.offer(target, action, input, options, sender, isOver);
  }

  askFrom(
    sender: AgentReference,
    target: AgentReference,
    action: string,
    input: unknown,
    options: AskOptions | undefined,
    deadlineMs: number,
  ): Promise<unknown> {
    return this.router.ask(target, action, input, options, sender, deadlineMs);
  }

  startTimer(cell: AgentCell, delayMs: number, periodMs: number, action: string, input: unknown): AgentTimer {
    const entry = cell.kind.action(action);
    // Now, not when nobody is there to be told.
    entry.input?.check(input);
    // What is repeated is caused by none in particular, and would never end.
    return this.timers.start(cell, delayMs, periodMs, entry, input, periodMs === 0 ? this.observation.tracing?.continued() : undefined);
  }

  send(id: string, action: string, input: unknown, options: SendOptions | undefined, sender: AgentReference | undefined): TellOutcome {
    if (options !== undefined) checkSendOptions(options);
    const target = this.find(id, undefined);
    if (target !== undefined) return this.router.tellFrom(sender, target, action, input);
    if (this.groups.has(id)) return sendToGroup(this, id, action, input, options, sender);
    if (this.remote !== undefined) return this.router.sendTo(this.remote, id, action, input, sender);
    this.deadLetters.record('noAgent', undefined, () => id, action);
    return 'noAgent';
  }

  spawn(definition: AnyAgent, options: SpawnOptions | undefined, parent: AgentCell | undefined): Promise<AgentReference> {
    return this.spawning.spawn(definition, options, parent);
  }

  getOrSpawn(definition: AnyAgent, id: string, options: SpawnOptions | undefined): Promise<AgentReference> {
    return this.spawning.getOrSpawn(definition, id, options);
  }

  find(id: string, definition: AnyAgent | undefined): AgentReference | undefined {
    const found = this.durable === undefined ? this.directory.find(id, definition) : this.durable.find(id, definition);
    return found ?? this.remote?.find(id, definition && this.kinds.find(definition.kind));
  }

  homeOf(kind: Kind, id: string): number {
    return this.spawning.homeOf(kind, id);
  }

  findMany(ids: readonly string[], definition: AnyAgent | undefined): (AgentReference | undefined)[] {
    const found = this.directory.findMany(ids, definition);
    const { durable, remote } = this;
    const stored = durable === undefined ? found : found.map((each, index) => each ?? durable.findStored(ids[index] as string, definition));
    if (remote === undefined) return stored;
    const kind = definition && this.kinds.find(definition.kind);
    return stored.map((each, index) => each ?? remote.find(ids[index] as string, kind));
  }

  /** Spawns on this thread, for whoever asked. */
  spawnHere(kind: Kind, id: string, init: unknown, parent: AgentReference | undefined, timeoutMs: number, isComing = false) {
    const spawned = this.lifecycle.spawn(kind, id, init, parent, timeoutMs, isComing);
    this.#counters.publishAgentCount();
    if (!(spawned instanceof Promise)) return this.#referenceTo(spawned, id);
    return spawned.finally(() => this.#counters.publishAgentCount()).then((cell) => this.#referenceTo(cell, id));
  }

  stop(target: AgentReference, timeoutMs?: number): Promise<void> {
    if (this.remote?.leads(target) === true) return this.remote.stop(target, timeoutMs ?? this.router.askTimeoutMs);
    if (!target.kindEntry.isDurable || this.durable === undefined) return this.stopping.stop(target, timeoutMs);
    return this.durable.stop(target, timeoutMs);
  }

  requestStop(cell: AgentCell): void {
    this.stopping.stopSelf(cell);
  }

  watch(cell: AgentCell, target: AgentReference): void {
    if (target.kindEntry.isDurable && this.durable !== undefined) this.durable.ties.watch(cell, target);
    else this.watches.watch(cell, target);
  }

  unwatch(cell: AgentCell, target: AgentReference): void {
    if (target.kindEntry.isDurable) this.durable?.follow(target);
    this.watches.unwatch(cell, target);
  }

  refuse(kind: string | undefined, id: () => string | undefined, action: string): TellOutcome {
    this.deadLetters.record('agentStopped', kind, id, action);
    return 'stopped';
  }

  loggerOf(cell: AgentCell): Logger {
    return this.#loggers.of(cell);
  }

  nameOf(slot: number, generation: number): string | undefined {
    return this.engine.table.keyOf(slot, generation);
  }

  isSame(a: AgentReference, b: AgentReference): boolean {
    return isSameAgent(a, b, this.remote);
  }

  reference(slot: number, generation: number, kind: number, id: string | undefined): AgentReference {
    return new AgentReference(this, this.kinds.byIndex(kind), slot, generation, undefined, id);
  }

  referenceOf(cell: AgentCell): AgentReference {
    const extra = extraOf(cell);
    extra.reference ??= this.#referenceTo(cell, this.nameOf(cell.slot, cell.generation));
    return extra.reference;
  }

  /** An ask has one of its own, with its deadline: who sent it is never undefined (`mailbox.ts`). */
  contextOf(cell: AgentCell, sender: MessageSender): AgentContext {
    if (sender === undefined && this.#contextCell === cell) {
      const last = this.#context as Context;
      if (last.isOfLifeOf(cell)) return last;
    }
    return this.#newContext(cell, sender);
  }

  flushSoon(): void {
    if (this.#inTurn || this.#flushScheduled || this.dispatcher.isDraining) return;
    this.#flushScheduled = true;
    queueMicrotask(() => {
      this.#flushScheduled = false;
      this.#endTurn();
    });
  }

  /** The nexus stops, or its node is fenced, and nobody here may have been told yet: no agent is spawned any more. */
  get isStopping(): boolean {
    return this.#isStopping || isRunOver(this);
  }

  set isStopping(isStopping: boolean) {
    this.#isStopping = isStopping;
  }

  /** There are agents of durable kinds only with storage. */
  get #durable(): DurableAgents {
    return this.durable as DurableAgents;
  }

  #newContext(cell: AgentCell, sender: MessageSender): Context {
    const context = new Context(this, cell, sender);
    if (sender === undefined) {
      this.#context = context;
      this.#contextCell = cell;
    }
    return context;
  }

  #failure(cell: AgentCell, error: unknown, action: string | undefined): AgentFailure {
    return { id: this.nameOf(cell.slot, cell.generation) ?? '', kind: cell.kind.name, action, thread: this.thread, error };
  }

  #referenceTo(cell: AgentCell, id: string | undefined): AgentReference {
    return new AgentReference(this, cell.kind, cell.slot, cell.generation, isComing(this.shared, cell.slot) ? undefined : cell, id);
  }

  /** Called by the waiter: takes what has arrived, runs the agents, sends what they sent. True if more is left. */
  #poll(): boolean {
    this.#inTurn = true;
    this.dispatcher.beginTurn();
    try {
      return this.links.readAll();
    } finally {
      this.#inTurn = false;
      this.dispatcher.drain();
    }
  }

  #endTurn(): void {
    this.observation.drainEnds();
    this.groups.endTurn();
    this.links.flush();
    this.#counters.publish();
  }
}
