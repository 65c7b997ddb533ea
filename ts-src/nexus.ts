/** What `createNexus` returns: the calling thread's view of all threads. */
import type { EventEmitter } from 'node:events';
import * as L from '../layout/generated/layout.js';
import { type Cluster, leaveCluster } from './cluster/cluster.js';
import { checkedDrain, drainAndStop, type DrainOptions, type DrainReport } from './cluster/moves/drain.js';
import type { NodeParts } from './cluster/node-parts.js';
import type { NexusTopology, Placement } from '../bindings/placement.js';
import type { SharedMemory } from '../bindings/shared-memory.js';
import type { NexusError } from './errors.js';
import type { HistogramName, HistogramSnapshot } from './model/histogram.js';
import type { MeterableBreaker } from './model/breaker-meter.js';
import type { ObservedOperation, ObserveOptions } from './model/observe-options.js';
import type { BreakerStatistics, OperationStatistics } from './model/operation-statistics.js';
import type { AnyAgent } from './model/agent-definition.js';
import type { ActionName, ActionsOf, AgentRef, TellArguments, TellOutcome } from './model/agent-ref.js';
import type { AgentLocation } from './model/agent-location.js';
import type { Group, GroupOptions } from './model/group.js';
import type { AgentInspection, FollowEvent, SystemSnapshot } from './model/observation.js';
import type { PublishOptions, Signal } from './model/signal.js';
import type { SendOptions, SpawnArguments, SpawnOptions } from './model/spawn-options.js';
import type { Topic } from './model/topic.js';
import type { EngineReport, TableStatistics } from './ports/engine.js';
import type { Storage } from './ports/storage.js';
import { type AgentNode, treeLimits, type ProcessNode, type SupervisionTreeOptions } from './model/supervision-tree.js';
import { flightOff, nexusStopped } from './runtime/failures.js';
import type { FlightDumps, FlightRecorderReport } from './runtime/flight-dumps.js';
import { type AgentSummary, agentSummaries, agentSummary } from './runtime/agent-summaries.js';
import { AgentControl, type InspectOptions } from './runtime/agent-control.js';
import { Followers, type FollowOptions } from './runtime/followers.js';
import { openGroup, outside } from './runtime/group-handle.js';
import { readHistogram } from './runtime/read-histogram.js';
import { readBreakers, readOperations } from './runtime/meters/read-meters.js';
import { type MigrationFailure, type MigrationOptions, type MigrationReport, type MigrationTarget, relocate } from './runtime/migration-options.js';
import { checkEvent, type NexusEvents } from './runtime/nexus-events.js';
import { forgetDurable } from './runtime/durable/forget-durable.js';
import { checkedDeadline, shutDown, type StopReport } from './runtime/nexus-shutdown.js';
import type { Tracing } from './runtime/tracing.js';
import { processTree } from './runtime/process-tree.js';
import { readProcess } from './runtime/process-reading.js';
import { type LocateOptions, locateAgents } from './runtime/remote/locate-agents.js';
import { referencesOf } from './runtime/remote/references-of.js';
import type { ThreadHost } from './runtime/thread-host.js';
import { checkedSnapshots, type SnapshotsOptions, SystemObserver } from './runtime/system-observer.js';
import { subscribedEverywhere } from './runtime/subscribed-everywhere.js';
import { type ThreadStatistics, threadStatistics } from './runtime/thread-statistics.js';
import type { WorkerPool } from './runtime/worker-pool.js';

export type { AgentSummary } from './runtime/agent-summaries.js';
export type { ThreadState, ThreadStatistics } from './runtime/thread-statistics.js';

/** What the testing kit uses of a nexus besides its API. */
export interface NexusParts {
  readonly host: ThreadHost;
  readonly node: NodeParts | undefined;
  /** Before anything else of its stop. */
  onStopping(listener: () => void): void;
}

export let partsOf: (nexus: Nexus) => NexusParts;

/** For what asks agents in the name of somebody outside; undefined in a nexus that does not trace. */
export let tracingOf: (nexus: Nexus) => Tracing | undefined;

/** A running system of agents on the calling thread and its workers, as `createNexus` makes it. It belongs to the thread that made it; agents use their context instead. */
export class Nexus {
  static {
    partsOf = (nexus) => ({ host: nexus.#host, node: nexus.#node, onStopping: (listener) => void nexus.#emitter.once('stopping', listener) });
    tracingOf = (nexus) => (#host in nexus ? nexus.#host.observation.tracing : undefined);
  }

  readonly engine: EngineReport;
  /** The cluster that this nexus is a node of; undefined without the option `cluster`. */
  readonly cluster: Cluster | undefined;
  readonly #host: ThreadHost;
  /** What it does as a node; undefined without a cluster. */
  readonly #node: NodeParts | undefined;
  readonly #pool: WorkerPool;
  readonly #shared: SharedMemory;
  readonly #emitter: EventEmitter;
  readonly #placement: Placement;
  readonly #storage: Storage | undefined;
  readonly #flight: FlightDumps | undefined;
  readonly #observer: SystemObserver;
  readonly #control: AgentControl;
  readonly #followers: Followers;
  #stopped: Promise<StopReport> | undefined;
  #drained: Promise<DrainReport> | undefined;

  constructor(
    host: ThreadHost,
    pool: WorkerPool,
    engine: EngineReport,
    placement: Placement,
    emitter: EventEmitter,
    storage?: Storage,
    flight?: FlightDumps,
    cluster?: Cluster,
    node?: NodeParts,
  ) {
    this.#host = host;
    this.#pool = pool;
    this.#shared = host.shared;
    this.engine = engine;
    this.#placement = placement;
    this.#emitter = emitter;
    this.#storage = storage;
    this.#flight = flight;
    this.cluster = cluster;
    this.#node = node;
    this.#observer = new SystemObserver({ host, threadCount: this.threadCount, isOpen: () => this.#isOpen, processReading: () => readProcess(this) });
    this.#control = new AgentControl(host);
    this.#followers = new Followers(host, this.#control);
    emitter.once('stopping', () => this.#observer.close());
    emitter.on('threadLost', () => this.#followers.check());
  }

  /** Number of threads, the calling one included. */
  get threadCount(): number {
    return this.#shared.threadCount;
  }

  /** Nodes, processors and memory of the host, where the threads of this nexus were put, and what the kernel refused of it. Read when first asked for. */
  get topology(): NexusTopology {
    return this.#placement.describe();
  }

  /** How the flight record is kept, and which crashes leave one; undefined with `flightRecorder: false`. */
  get flightRecorder(): FlightRecorderReport | undefined {
    return this.#flight?.report;
  }

  /**
   * The last events of every thread as they are now, as the bytes of a file that `nexus flight` reads. No thread is stopped or asked.
   * @throws NexusError NEXUS_FLIGHT_OFF
   */
  flightRecord(): Uint8Array {
    if (this.#flight === undefined) throw flightOff();
    return this.#flight.record();
  }

  /**
   * Writes what `flightRecord` returns, and resolves with the path: the given one, over a file that is there, or a new file in `flightRecorder.directory`. Rejects with NexusError NEXUS_FLIGHT_OFF or
   * NEXUS_FLIGHT_UNWRITABLE.
   */
  async writeFlightRecord(path?: string): Promise<string> {
    if (this.#flight === undefined) throw flightOff();
    return this.#flight.write(path);
  }

  /** True once `stop` was called. */
  get isStopping(): boolean {
    return this.#stopped !== undefined;
  }

  /**
   * Starts an agent. Rejects with a NexusError: NEXUS_ID_DUPLICATE, NEXUS_KIND_UNKNOWN, NEXUS_START_FAILED, NEXUS_SPAWN_TIMEOUT, NEXUS_TABLE_FULL,
   * NEXUS_THREAD_LOST, NEXUS_STOPPED;
   * or a NexusTypeError: NEXUS_OPTION_INVALID, NEXUS_THREAD_UNKNOWN, NEXUS_NOT_CLONEABLE (`init` for another thread).
   */
  spawn<D extends AnyAgent>(definition: D, ...rest: SpawnArguments<D>): Promise<AgentRef<D>> {
    if (this.#stopped !== undefined) return Promise.reject(nexusStopped());
    return this.#host.spawn(definition, rest[0] as SpawnOptions | undefined, undefined) as Promise<unknown> as Promise<AgentRef<D>>;
  }

  /**
   * The live agent of this id, or a new one: if the end of one with this id has begun, after that. Concurrent calls from any thread get the same agent.
   * Rejects as `spawn`, and with NEXUS_KIND_MISMATCH.
   */
  getOrSpawn<D extends AnyAgent>(definition: D, id: string, ...rest: SpawnArguments<D, 'id'>): Promise<AgentRef<D>> {
    if (this.#stopped !== undefined) return Promise.reject(nexusStopped());
    return this.#host.getOrSpawn(definition, id, rest[0] as SpawnOptions | undefined) as Promise<unknown> as Promise<AgentRef<D>>;
  }

  /**
   * The live agent of this id on any thread, from the shared table: no other thread is asked. Not one whose end has begun.
   * @param definition types the reference; an agent of another kind is then a NexusError NEXUS_KIND_MISMATCH
   */
  find<D extends AnyAgent = AnyAgent>(id: string, definition?: D): AgentRef<D> | undefined {
    if (!this.#isOpen) return undefined;
    return this.#host.find(id, definition) as unknown as AgentRef<D> | undefined;
  }

  /**
   * `find` for many ids in one call, in their order: less than half the time a name of a list of 64 or more. Each is looked up at a moment of its own during the call.
   * @param ids at most 65,536
   * @param definition types the references; an agent of another kind is then a NexusError NEXUS_KIND_MISMATCH
   */
  findMany<D extends AnyAgent = AnyAgent>(ids: readonly string[], definition?: D): (AgentRef<D> | undefined)[] {
    if (!this.#isOpen) return ids.map(() => undefined);
    return this.#host.findMany(ids, definition) as unknown as (AgentRef<D> | undefined)[];
  }

  /**
   * Where the agent of this id is: on which node of the cluster, and on which thread if that is one of this nexus. Undefined if there is none now; also for a durable one that is not in memory. Asks at most one other
   * node. Rejects with NexusError NEXUS_REGISTRY_TIMEOUT, NEXUS_ASK_TIMEOUT, NEXUS_STOPPED; NexusTypeError NEXUS_OPTION_INVALID, NEXUS_OPTION_UNKNOWN.
   */
  async locate(id: string, options?: LocateOptions): Promise<AgentLocation | undefined> {
    return (await this.locateMany([id], options))[0];
  }

  /** `locate` for at most 65,536 ids, in their order: one message to each node that has to be asked. Rejects as `locate`. */
  async locateMany(ids: readonly string[], options?: LocateOptions): Promise<readonly (AgentLocation | undefined)[]> {
    if (!this.#isOpen) throw nexusStopped();
    return locateAgents(this.#host, ids, options);
  }

  /**
   * One message to each agent: as many tells, but to those of another node in one frame, however many they are. Returns what became of each, in their order.
   * @throws what `tell` throws: messages to agents before that one have been sent then
   */
  tellMany<D extends AnyAgent, N extends ActionName<D>>(
    agents: readonly AgentRef<D>[],
    action: N,
    ...rest: TellArguments<ActionsOf<D>[N]>
  ): readonly TellOutcome[] {
    return this.#isOpen ? this.#host.router.tellMany(referencesOf(agents), action, rest[0], undefined) : agents.map(() => 'stopped');
  }

  /**
   * Moves an agent to another thread while it lives, or to another node of the cluster (`{ node: 'oslo' }`): its state, mailbox, timers and watches go with it, references to it stay valid on all threads, and messages of one
   * sender stay in order. Waits for its running handlers. Resolves when it handles messages there.
   * Rejects with NexusError NEXUS_MIGRATION_REFUSED (it goes on where it is: `data.thread`), NEXUS_AGENT_NOT_FOUND, NEXUS_THREAD_LOST or NEXUS_THREAD_FAILED (a thread was
   * lost meanwhile), NEXUS_STOPPED; NexusTypeError NEXUS_THREAD_UNKNOWN, NEXUS_OPTION_INVALID, NEXUS_OPTION_UNKNOWN.
   */
  async migrate(agent: AgentRef, to: MigrationTarget, options?: MigrationOptions): Promise<void> {
    const [failure] = await this.#relocate([agent], to, options, true);
    if (failure !== undefined) throw failure;
  }

  /**
   * `migrate` for many agents, of whatever threads, at most 1,048,576: much faster than one by one. Resolves when all have come to an end; those that did not move are in the report. Rejects only
   * for wrong arguments and when the nexus stops.
   */
  async migrateMany(agents: readonly AgentRef[], to: MigrationTarget, options?: MigrationOptions): Promise<MigrationReport> {
    const results = await this.#relocate(agents, to, options);
    const failures: MigrationFailure[] = [];
    results.forEach((error, index) => {
      if (error !== undefined) failures.push({ agent: agents[index] as AgentRef, error });
    });
    return { moved: agents.length - failures.length, failures };
  }

  /**
   * A named group of agents, whether it has members or not.
   * @param definition types what is sent; members may be of several kinds, and each is sent the action of this name
   * @throws NexusTypeError NEXUS_OPTION_INVALID, NEXUS_OPTION_UNKNOWN
   */
  group<D extends AnyAgent = AnyAgent>(name: string, definition?: D, options?: GroupOptions): Group<D> {
    return openGroup(this.#host, name, definition, options, outside(undefined)) as unknown as Group<D>;
  }

  /** Sends to whatever agent has this id now, else to a member of the group of that name. */
  send(address: string, action: string, input?: unknown, options?: SendOptions): TellOutcome {
    return this.#isOpen ? this.#host.send(address, action, input, options, undefined) : 'stopped';
  }

  /**
   * Publishes a signal from outside of agents, as `ctx.emit` does from one: nothing after the end of the nexus.
   * @throws NexusTypeError NEXUS_OPTION_INVALID, NEXUS_OPTION_UNKNOWN, NEXUS_SHAPE_MISMATCH, NEXUS_NOT_CLONEABLE (a subscriber on another thread); NexusError NEXUS_MESSAGE_TOO_LARGE
   */
  publish(topic: string, data?: unknown, options?: PublishOptions): void;
  publish<T>(topic: Topic<T>, data: T, options?: PublishOptions): void;
  publish(topic: string | Topic, data?: unknown, options?: PublishOptions): void {
    if (this.#isOpen) this.#host.signals.emit(undefined, topic, data, options);
  }

  /**
   * Calls the listener on the calling thread with every signal whose topic matches, until the function it returns is called. A listener that throws is logged.
   * @throws NexusTypeError NEXUS_OPTION_INVALID
   */
  subscribe<T>(topic: Topic<T>, listener: (signal: Signal<T>) => void): () => void;
  subscribe(pattern: string, listener: (signal: Signal) => void): () => void;
  subscribe(pattern: string | Topic, listener: (signal: Signal<never>) => void): () => void {
    return this.#host.signals.listen(pattern, listener as (signal: Signal) => void);
  }

  /** Resolves when every thread, of all members of the cluster, knows what has been subscribed to so far here: on the calling thread, and by agents whose spawn has resolved. Rejects with NEXUS_STOPPED. */
  async subscribed(): Promise<void> {
    if (!this.#isOpen) throw nexusStopped();
    await subscribedEverywhere(this.#host, this.#pool.ready);
  }

  /**
   * Ends a durable agent, if it is in memory, and deletes what is stored of it, with its reminders. Resolves when that is on disk; also if there is nothing. The next
   * `getOrSpawn` of this id makes a new one. Rejects with NEXUS_KIND_UNKNOWN, NEXUS_KIND_MISMATCH, NEXUS_STORE_FAILED or NEXUS_OPTION_INVALID (a kind that is not durable).
   */
  async forget(definition: AnyAgent, id: string): Promise<void> {
    if (this.#stopped !== undefined) throw nexusStopped();
    await forgetDurable(this.#host, definition, id);
  }

  /**
   * Calls `fn` on the calling thread, and gives the operation metrics, a span where there is tracing, and a log line; passes on what `fn` returns or throws.
   * @param name of few: it is a label of time series. At most 100 bytes of UTF-8, and 256 names in a nexus; further ones are counted together
   * @throws NexusTypeError NEXUS_OPTION_INVALID, NEXUS_OPTION_UNKNOWN
   */
  observe<T>(name: string, fn: (operation: ObservedOperation) => PromiseLike<T>, options?: ObserveOptions): Promise<T>;
  observe<T>(name: string, fn: (operation: ObservedOperation) => T, options?: ObserveOptions): T;
  observe<T>(name: string, fn: (operation: ObservedOperation) => T, options?: ObserveOptions): T {
    return this.#host.operations.observe(name, fn, options);
  }

  /**
   * Counts the calls through a circuit breaker of the calling thread, and its state, under a name in the metrics, until the nexus ends or the function it returns is called.
   * @param breaker what `circuitBreaker` of `nexus-agents/resilience` returns
   * @throws NexusTypeError NEXUS_OPTION_INVALID
   */
  meter(breaker: MeterableBreaker, name: string): () => void {
    return this.#isOpen ? this.#host.operations.meters.breaker(breaker, name) : () => undefined;
  }

  /** The operations that have been observed on all threads, from shared memory: no thread is stopped or asked. At most 257. */
  operations(): OperationStatistics[] {
    return readOperations(this.#shared);
  }

  /** The circuit breakers that are metered on all threads, from shared memory. At most 257 names. */
  breakers(): BreakerStatistics[] {
    return readBreakers(this.#shared);
  }

  on<E extends keyof NexusEvents>(event: E, listener: (...values: NexusEvents[E]) => void): this {
    checkEvent(event, listener);
    this.#emitter.on(event, listener as (...values: unknown[]) => void);
    this.#countListeners();
    return this;
  }

  off<E extends keyof NexusEvents>(event: E, listener: (...values: NexusEvents[E]) => void): this {
    checkEvent(event, listener);
    this.#emitter.off(event, listener as (...values: unknown[]) => void);
    this.#countListeners();
    return this;
  }

  /** Live agents, of one kind or of all, in no order; a snapshot that is exact where nothing changes meanwhile. */
  *agents(kind?: string): IterableIterator<AgentSummary> {
    yield* agentSummaries(this.#host, kind);
  }

  /** The live agent of this id as `agents` shows it, from the shared table. */
  summary(id: string): AgentSummary | undefined {
    return this.#isOpen ? agentSummary(this.#host, id) : undefined;
  }

  /** Number of live agents on all threads, from the counts that the threads publish. */
  get agentCount(): number {
    return this.threads().reduce((count, { agents }) => count + agents, 0);
  }

  /** The registered kinds with their actions. */
  kinds(): readonly { readonly kind: string; readonly actions: readonly string[] }[] {
    return this.#host.kinds.kinds.map((kind) => ({ kind: kind.name, actions: kind.actions.map((action) => action.name) }));
  }

  /** State and counters of every thread, read from shared memory: no thread is stopped or asked. */
  threads(): ThreadStatistics[] {
    return Array.from({ length: this.threadCount }, (_, thread) => threadStatistics(this.#shared, thread));
  }

  /**
   * How long something took, in nanoseconds, since the start of the nexus and over replacements: on all threads together, or on one. Read from shared memory: no thread is
   * stopped or asked. What is timed is a sample; `docs/metrics.md` says which. Throws a NexusTypeError: NEXUS_OPTION_INVALID, NEXUS_THREAD_UNKNOWN.
   */
  histogram(name: HistogramName, thread?: number): HistogramSnapshot {
    return readHistogram(this.#shared, name, thread);
  }

  /**
   * Who supervises whom: the process, its threads with their services, and the agents below them, as a plain value. Asks every thread; one that does not answer in time
   * is shown without its agents. Costs as much as it shows, but for one walk over the agents of each thread. Rejects with NexusTypeError NEXUS_OPTION_INVALID or
   * NEXUS_OPTION_UNKNOWN.
   */
  async supervisionTree(options: SupervisionTreeOptions = {}): Promise<ProcessNode> {
    const needs = { host: this.#host, pool: this.#pool, threads: () => this.threads(), isOpen: () => this.#isOpen };
    return processTree(needs, treeLimits(options));
  }

  /**
   * One agent and what is below it, as `supervisionTree` shows it; undefined if there is none of this id, of status `unknown` if its thread does not answer. Costs as much as it shows.
   * Rejects with NexusTypeError NEXUS_OPTION_INVALID or NEXUS_OPTION_UNKNOWN.
   */
  async agentTree(id: string, options: SupervisionTreeOptions = {}): Promise<AgentNode | undefined> {
    const limits = treeLimits(options);
    const agent = this.#isOpen ? this.#host.find(id, undefined) : undefined;
    return agent === undefined ? undefined : this.#host.supervision.describing.agent(agent, limits);
  }

  /**
   * The whole system at a moment, in aggregates, with rates over the time since somebody looked before: at least the last half second, at most the last minute. For the first call after a minute
   * without any, `periodMs` is 0. From then on each thread times a sample of its messages, until nobody has asked for a minute. Several may ask. Rejects with NEXUS_STOPPED.
   */
  async snapshot(): Promise<SystemSnapshot> {
    return this.#observer.snapshot();
  }

  /**
   * A snapshot every `intervalMs`, each with rates over the time since the one before, whoever else looks. Ends with the nexus, or when the loop over it is left.
   * @throws NexusTypeError NEXUS_OPTION_INVALID, NEXUS_OPTION_UNKNOWN
   */
  snapshots(options: SnapshotsOptions = {}): AsyncIterableIterator<SystemSnapshot> {
    return this.#observer.snapshots(checkedSnapshots(options));
  }

  /**
   * Looks inside an agent of whatever thread: state, mailbox, timers, ties. Runs nothing of it. Rejects with NexusError NEXUS_AGENT_NOT_FOUND, NEXUS_ASK_TIMEOUT (its thread is blocked),
   * NEXUS_THREAD_LOST, NEXUS_STOPPED; NexusTypeError NEXUS_OPTION_INVALID, NEXUS_OPTION_UNKNOWN.
   */
  async inspect(agent: string | AgentRef, options?: InspectOptions): Promise<AgentInspection> {
    if (!this.#isOpen) throw nexusStopped();
    return this.#control.inspect(agent, options);
  }

  /**
   * From now on the agent begins no message: they wait in its mailbox, within its limits, until `resume`, whatever restarts and moves there are. A handler that runs finishes. A second call changes
   * nothing. Rejects as `inspect`.
   */
  async pause(agent: string | AgentRef): Promise<void> {
    if (!this.#isOpen) throw nexusStopped();
    await this.#control.setPaused(agent, true);
  }

  /** Lets a paused agent go on; nothing for one that is not paused. Rejects as `pause`. */
  async resume(agent: string | AgentRef): Promise<void> {
    if (!this.#isOpen) throw nexusStopped();
    await this.#control.setPaused(agent, false);
  }

  /**
   * Calls the listener on the calling thread with each message that the agent handles, wherever it goes, until the function that it resolves with is called, or the agent has ended. Rejects as
   * `inspect`, and with NEXUS_OPTION_INVALID when 64 agents are followed already.
   */
  async follow(agent: string | AgentRef, listener: (event: FollowEvent) => void, options?: FollowOptions): Promise<() => Promise<void>> {
    if (!this.#isOpen) throw nexusStopped();
    return this.#followers.follow(agent, listener, options);
  }

  /** Load and shape of the routing table. Walks all of it: milliseconds at a million agents. */
  tableStatistics(): TableStatistics {
    return this.#host.engine.table.statistics();
  }

  /**
   * Ends everything: takes nothing new, lets the agents handle what is in their mailboxes, runs their stop hooks, and ends the threads. What is not done by the
   * deadline is discarded, and the report says so. A second call returns the first one's promise. A handler may call it but must not await it: it would be
   * waited for itself, until the deadline. Rejects with NexusTypeError NEXUS_OPTION_INVALID or NEXUS_OPTION_UNKNOWN.
   */
  stop(options: { readonly deadlineMs?: number } = {}): Promise<StopReport> {
    try {
      const deadlineMs = checkedDeadline(options);
      this.#stopped ??= this.#shutDown(deadlineMs);
      return this.#stopped;
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** Empties this node of a cluster, then stops it: agents move to the owners of their ids; what cannot move ends with it, and the report says what. A second call returns the first promise. Rejects as `stop`. */
  async drain(options: DrainOptions = {}): Promise<DrainReport> {
    const deadlineMs = checkedDrain(options);
    if (this.#drained === undefined) this.#emitter.emit('draining');
    this.#drained ??= drainAndStop({ moves: this.#node?.moves, clock: this.#host.clock, stop: (leftMs) => this.stop({ deadlineMs: leftMs }) }, deadlineMs);
    return this.#drained;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #isOpen = true;

  #relocate(agents: readonly AgentRef[], to: MigrationTarget, options: MigrationOptions = {}, isOne = false): Promise<(NexusError | undefined)[]> {
    if (this.#stopped !== undefined) throw nexusStopped();
    return relocate(this.#host.relocation, this.#node?.moves, agents, to, options, isOne);
  }

  #shutDown(deadlineMs: number): Promise<StopReport> {
    const closed = (): void => {
      this.#isOpen = false;
      this.#followers.close();
    };
    const needs = {
      ...{ host: this.#host, pool: this.#pool, emitter: this.#emitter, storage: this.#storage, closed },
      threads: () => this.threads(),
      leave: async (remainingMs: number) => this.cluster && leaveCluster(this.cluster, remainingMs),
    };
    return shutDown(needs, deadlineMs).finally(() => this.#flight?.close());
  }

  #countListeners(): void {
    this.#shared.words[L.HEADER_WORD_DEAD_LETTER_LISTENERS] = this.#emitter.listenerCount('deadLetter');
    this.#shared.words[L.HEADER_WORD_SIGNAL_LISTENERS] = this.#emitter.listenerCount('signal');
  }
}
