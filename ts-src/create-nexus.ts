/** The composition root: options in, a running nexus out. */
import { randomBytes } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { type ChosenEngine, chooseEngine } from '../bindings/choose-engine.js';
import { Placement } from '../bindings/placement.js';
import { PortableRoutingTable } from '../bindings/portable/routing-table.js';
import { createSharedMemory, type SharedMemory, threadWord } from '../bindings/shared-memory.js';
import * as L from '../layout/generated/layout.js';
import { channels } from './adapters/diagnostics.js';
import { lmdbStorage } from './adapters/lmdb/lmdb-storage.js';
import { NodeLoadMeter, nodeProcessMemory } from './adapters/node-load-meter.js';
import { openTelemetry } from './adapters/open-telemetry.js';
import { standardErrorLogger } from './adapters/standard-error-logger.js';
import { systemClock } from './adapters/system-clock.js';
import { attachParts, type Cluster, openCluster, ownCluster } from './cluster/cluster.js';
import type { ClusterSurroundings } from './cluster/cluster-surroundings.js';
import { EventLoopWatch } from './cluster/event-loop-watch.js';
import type { NodeParts, NodeStorage } from './cluster/node-parts.js';
import type { ResolvedCluster } from './cluster/resolve-cluster-options.js';
import { NexusError, optionError, quoted, valueText } from './errors.js';
import type { AnyAgent } from './model/agent-definition.js';
import type { Logger } from './model/agent-context.js';
import type { PlacementPolicy } from './model/thread-placement.js';
import { SeededRandom } from './model/seeded-random.js';
import { Nexus } from './nexus.js';
import type { Clock } from './ports/clock.js';
import type { EngineReport } from './ports/engine.js';
import type { LoadMeter, ProcessMemory } from './ports/load-meter.js';
import type { TracingApi } from './ports/tracing-api.js';
import type { Turns } from './ports/turns.js';
import { type NexusOptions, type ResolvedOptions, resolveOptions, type StorageOptions } from './options.js';
import { duplicateKind, importDefinitions, withSensors } from './runtime/agent-modules.js';
import { Balancing } from './runtime/balancing.js';
import { EventLoopBeat } from './runtime/event-loop-beat.js';
import { eventLoopTurns } from './runtime/event-loop-turns.js';
import { FlightDumps } from './runtime/flight-dumps.js';
import { type KindSources, outlineOf, type KindOutline } from './runtime/kind.js';
import { isStorageSource, type Storage, type StorageSource, type ThreadStorage } from './ports/storage.js';
import { runtimeCalls } from './runtime/runtime-calls.js';
import { ThreadHost } from './runtime/thread-host.js';
import { LoadMeasuring } from './runtime/thread-load.js';
import { type WorkerHandle, WorkerPool } from './runtime/worker-pool.js';
import type { WorkerBoot } from './runtime/worker-protocol.js';

/**
 * Starts a nexus: reserves the shared memory, imports the agent modules here and on every worker, and resolves when all threads serve.
 * Rejects with NexusTypeError NEXUS_OPTION_INVALID or NEXUS_OPTION_UNKNOWN, NexusError NEXUS_MODULE_FAILED (with the module's own error), NEXUS_MODULE_EMPTY, NEXUS_MODULE_MISMATCH,
 * NEXUS_KIND_DUPLICATE, NEXUS_THREAD_START_FAILED, NEXUS_ENGINE_UNAVAILABLE, NEXUS_MEMORY_UNAVAILABLE; nothing is left running then.
 */
export async function createNexus(options: NexusOptions): Promise<Nexus> {
  const resolved = resolveOptions(options);
  const { force, require } = resolved.engine;
  const engine = chooseEngine({ forced: force, require });
  return composeNexus(resolved, {
    clock: systemClock,
    turns: eventLoopTurns,
    engine,
    random: randomBytes(12),
    load: { meter: new NodeLoadMeter(), memory: nodeProcessMemory },
    // Connections between nodes, and the package behind them, are loaded by nodes only.
    ...(resolved.cluster === undefined
      ? {}
      : { cluster: (await import('./cluster/node-surroundings.js')).nodeSurroundings(engine.report, resolved.spinMicroseconds) }),
    nexus: (...parts) => new Nexus(...parts),
  });
}

/** What a nexus is put together over: the machine, or a simulation of it. */
export interface Surroundings<N extends Nexus> {
  readonly clock: Clock;
  readonly turns: Turns;
  readonly engine: ChosenEngine;
  /** Twelve bytes: what keeps chosen names from colliding in the table, and the seed where the options have none. */
  readonly random: Buffer;
  /** Default: threads of Node. `storage` is that of the nexus, opened for this worker. */
  readonly startWorker?: (
    boot: WorkerBoot,
    shared: SharedMemory,
    kinds: KindSources,
    storage: ThreadStorage | undefined,
    tracingApi: TracingApi | undefined,
  ) => WorkerHandle;
  /** What measures the calling thread and the process. Without it nothing is measured or balanced. */
  readonly load?: { readonly meter: LoadMeter; readonly memory: ProcessMemory };
  /** What makes the nexus a node of a cluster, if its options say so. */
  readonly cluster?: ClusterSurroundings;
  /** Takes the place of each definition. */
  readonly observe?: (definition: AnyAgent) => AnyAgent;
  nexus(...parts: ConstructorParameters<typeof Nexus>): N;
}

const { 'nexus:thread:lost': lost, 'nexus:thread:restored': restored, 'nexus:thread:failed': givenUp } = channels;

/** Puts a nexus together of options and surroundings. */
export async function composeNexus<N extends Nexus>(resolved: ResolvedOptions, surroundings: Surroundings<N>): Promise<N> {
  const { engine, startWorker, observe = (definition) => definition } = surroundings;
  const logger = careful(resolved.logger ?? standardErrorLogger);
  if (engine.report.tried.length > 0) sayFallback(logger, engine.report);
  if (resolved.modules.length === 0 && resolved.definitions.length > 0 && resolved.wantsThreads && startWorker === undefined)
    sayIdleThreads(logger, resolved.threads);
  const exported = await importDefinitions(resolved.modules);
  const definitions = new Map<string, AnyAgent>(exported.map((definition) => [definition.kind, observe(definition)]));
  const outlines = exported.map((definition) => outlineOf(definition, false));
  for (const definition of withSensors(resolved.definitions, exported)) {
    if (definitions.has(definition.kind)) throw duplicateKind(definition.kind, 'a module or definition in agents', 'another definition in agents');
    definitions.set(definition.kind, observe(definition));
    // Threads of a simulation have the code of every kind.
    outlines.push(outlineOf(definition, startWorker === undefined));
  }
  // After the modules, which may set up the SDK.
  const tracingApi = resolved.tracing === undefined ? undefined : await openTelemetry();
  const storage = await openStorage(resolved.storage, definitions);
  try {
    return await startNexus(resolved, surroundings, { logger, definitions, outlines, storage, tracingApi });
  } catch (error) {
    await storage?.close();
    throw error;
  }
}

/** @throws NexusTypeError NEXUS_OPTION_INVALID if a kind needs storage and there is none */
async function openStorage(source: StorageOptions | StorageSource | undefined, definitions: ReadonlyMap<string, AnyAgent>): Promise<Storage | undefined> {
  if (source !== undefined) return isStorageSource(source) ? source.open() : lmdbStorage(source).open();
  for (const { kind, durable } of definitions.values())
    if (durable !== undefined)
      throw optionError('storage', `kind '${kind}' is durable and needs a place to be kept: give createNexus storage: { path: '...' }`);
  return undefined;
}

interface Prepared {
  readonly logger: Logger;
  readonly definitions: ReadonlyMap<string, AnyAgent>;
  readonly outlines: readonly KindOutline[];
  readonly storage: Storage | undefined;
  readonly tracingApi: TracingApi | undefined;
}

async function startNexus<N extends Nexus>(
  resolved: ResolvedOptions,
  { clock, turns, engine, random, startWorker, load, cluster: clusterSurroundings, nexus }: Surroundings<N>,
  { logger, definitions, outlines, storage, tracingApi }: Prepared,
): Promise<N> {
  const seed = resolved.seed ?? random.readInt32LE(8);
  const { recordCapacity, ringBytes, flightRecorder } = resolved;
  const flightEvents = flightRecorder?.eventsPerThread ?? 0;
  const shared = createSharedMemory({ threadCount: resolved.threads + 1, recordCapacity, ringBytes, flightEvents }, [
    random.readInt32LE(0),
    random.readInt32LE(4),
  ]);
  shared.words[L.HEADER_WORD_DEBUG_LOGGED] = takesDebug(resolved.logger) ? 1 : 0;
  const placement = new Placement(resolved.threads + 1, resolved.placement);
  await placement.apply(shared);
  const emitter = new EventEmitter();
  const emit = (event: string) => (value: unknown) => {
    try {
      emitter.emit(event, value);
    } catch (error) {
      logger.error({ error, event }, 'a listener failed');
    }
  };
  const host = new ThreadHost(
    { thread: 0, incarnation: 0, askTimeoutMs: resolved.askTimeoutMs, messageBytesMax: resolved.messageBytesMax, seed, tracing: resolved.tracing },
    shared,
    engine.open(shared, 0, { spinMicroseconds: resolved.spinMicroseconds, watchesSockets: resolved.cluster !== undefined }),
    { outlines, definitions },
    clock,
    logger,
    {
      deadLetter: emit('deadLetter'),
      signal: emit('signal'),
      agentFailed(failure) {
        logger.warn({ error: failure.error, agent: failure.id, kind: failure.kind, action: failure.action, thread: failure.thread }, 'an agent failed');
        emit('agentFailed')(failure);
      },
      escalated(failure) {
        if (emitter.listenerCount('escalated') > 0) return emit('escalated')(failure);
        turns.later(() => {
          throw new NexusError(
            'NEXUS_ESCALATED',
            `${failure.kind} ${quoted(failure.id)} on thread ${failure.thread} escalated and nobody listens to 'escalated' (nexus.on('escalated', ...)): ${failure.error instanceof Error ? failure.error.message : valueText(failure.error)}`,
            { cause: failure.error, data: { id: failure.id, kind: failure.kind, action: failure.action, thread: failure.thread } },
          );
        });
      },
    },
    turns,
    storage?.openThread(),
    tracingApi,
  );
  const beatPeriodMs =
    resolved.cluster !== undefined && clusterSurroundings?.watchesEventLoops === true
      ? EventLoopWatch.beatPeriodMs(resolved.cluster.timing.stalledAfterMs)
      : undefined;
  if (beatPeriodMs !== undefined) host.supervision.services.add(new EventLoopBeat(shared, 0, beatPeriodMs));
  const flight = flightRecorder && new FlightDumps({ ...flightRecorder, engine: engine.report, watches: startWorker === undefined }, host);
  const jitter = new SeededRandom(seed, 'worker pool');
  // Workers that start later know it from the beginning.
  const boot: { node: string | undefined } = { node: undefined };
  const pool = new WorkerPool(
    {
      count: resolved.threads,
      ...(startWorker === undefined
        ? {}
        : { startWorker: (boot: WorkerBoot) => startWorker(boot, shared, { outlines, definitions }, storage?.openThread(), tracingApi) }),
      boot: Object.assign(boot, {
        memory: shared.memory,
        modules: resolved.modules,
        kinds: outlines,
        // Every thread the same one: any of them may have to wake any other.
        engine: { force: engine.report.kind, require: undefined },
        spinMicroseconds: resolved.spinMicroseconds,
        askTimeoutMs: resolved.askTimeoutMs,
        messageBytesMax: resolved.messageBytesMax,
        seed,
        measurePeriodMs: resolved.balancing?.periodMs,
        tracing: resolved.tracing,
        beatPeriodMs,
        isNode: resolved.cluster !== undefined,
      }),
      attachment: storage === undefined || startWorker !== undefined ? undefined : () => storage.attachment(),
      cpus: placement.cpus(),
      resourceLimits: resolved.resourceLimits,
      execArgv: resolved.execArgv,
      restart: resolved.restart,
      startTimeoutMs: resolved.startTimeoutMs,
    },
    host,
    {
      threadLost(loss) {
        flight?.threadLost(loss);
        logger.error({ error: loss.error, thread: loss.thread, exitCode: loss.exitCode }, 'a thread was lost and is replaced');
        if (lost.hasSubscribers) lost.publish(loss);
        emit('threadLost')(loss);
      },
      threadRestored(thread) {
        host.flight?.threadRestored(thread.thread, thread.restored, thread.failed);
        if (restored.hasSubscribers) restored.publish(thread);
        emit('threadRestored')(thread);
      },
      refused: (refusal) => placement.refused(refusal),
      threadFailed(loss) {
        flight?.threadLost(loss);
        logger.error({ error: loss.error, thread: loss.thread, exitCode: loss.exitCode }, 'a thread was lost too often and is given up');
        if (givenUp.hasSubscribers) givenUp.publish(loss);
        emit('threadFailed')(loss);
      },
      removeAgentsOf(thread) {
        // Nobody else will act for that thread any more.
        const table = new PortableRoutingTable(shared, thread);
        const left = table.inherit();
        if (host.placing !== undefined) for (const { slot, generation } of left) host.placing.ended(table.keyOf(slot, generation) as string);
        table.removeMany(Int32Array.from(left.flatMap(({ slot, generation }) => [slot, generation])));
        shared.words[threadWord(shared, thread) + L.THREAD_WORD_AGENT_COUNT] = 0;
      },
      random: () => jitter.next(),
    },
  );
  host.open(
    runtimeCalls(host, {
      deadLetter: emit('deadLetter'),
      log: ({ level, data, message }) => logger[level](data, message),
      agentFailed: (failure) => host.events.agentFailed(failure),
    }),
  );
  Atomics.store(shared.words, threadWord(shared, 0) + L.THREAD_WORD_STATE, L.THREAD_STATE_READY);
  try {
    await pool.start();
  } catch (error) {
    flight?.close();
    host.close();
    throw error;
  }
  sayPlacement(logger, placement, resolved.placement);
  const { balancing } = resolved;
  if (balancing !== undefined && load !== undefined) {
    const { services } = host.supervision;
    const rounds = new Balancing(host, load.memory, balancing, emit('balanced'));
    emitter.once('stopping', () => rounds.close());
    services.add(new LoadMeasuring({ shared, thread: 0, clock, meter: load.meter }, balancing.periodMs));
    services.add(rounds);
  }
  const cluster = await joinCluster(resolved.cluster, clusterSurroundings, shared, logger).catch(async (error: unknown) => {
    flight?.close();
    await pool.terminate();
    host.close();
    throw error;
  });
  const isShared = isStorageSource(resolved.storage) && resolved.storage.isShared === true;
  const parts = openParts(resolved.cluster, clusterSurroundings, host, cluster, logger, storage && { openThread: () => storage.openThread(), isShared });
  const { placing } = host;
  if (placing !== undefined) {
    boot.node = placing.node;
    for (const thread of pool.ready) host.router.call(thread, 'nodeNamed', { node: placing.node });
  }
  const made = nexus(host, pool, engine.report, placement, emitter, storage, flight, cluster, parts);
  if (cluster !== undefined) {
    cluster.on('view', ({ number, members }) => host.flight?.clusterView(number, members.length));
    cluster.on('standing', ({ standing }) => host.flight?.clusterStanding(standing));
    ownCluster(cluster, {
      fenced(because, deadlineMs) {
        // First: a listener that stops the nexus too must not give it more time.
        void made.stop({ deadlineMs });
        emit('fenced')({ because });
      },
      stop: (options) => made.stop(options),
    });
  }
  return made;
}

/** A node begins to join when all of its threads serve. */
async function joinCluster(
  options: ResolvedCluster | undefined,
  surroundings: ClusterSurroundings | undefined,
  shared: SharedMemory,
  logger: Logger,
): Promise<Cluster | undefined> {
  if (options === undefined) return undefined;
  if (surroundings === undefined) throw optionError('cluster', 'this kind of nexus cannot be a node of a cluster: leave the option out');
  return openCluster({ options, surroundings, shared, logger });
}

/** What the nexus does as a node, from the first view on; nothing where it has no transport. */
function openParts(
  options: ResolvedCluster | undefined,
  surroundings: ClusterSurroundings | undefined,
  host: ThreadHost,
  cluster: Cluster | undefined,
  logger: Logger,
  storage: NodeStorage | undefined,
): NodeParts | undefined {
  const transport = cluster?.transport;
  if (options === undefined || surroundings === undefined || cluster === undefined || transport === undefined) return undefined;
  const parts = surroundings.openParts({ host, cluster, transport, options, logger, storage });
  attachParts(cluster, parts);
  return parts;
}

function sayPlacement(logger: Logger, placement: Placement, policy: PlacementPolicy): void {
  if (policy === 'none') return;
  for (const warning of placement.plan.warnings) logger.warn({ warning: warning.type }, warning.message);
  if (placement.refusals.length > 0) logger.warn({ refusals: placement.refusals }, 'the host refused part of the placement');
}

/** Definitions that were given as values are known to the calling thread only. */
function sayIdleThreads(logger: Logger, threads: number): void {
  logger.warn(
    { threads },
    'agents names no module, so all agents run on the calling thread, and its workers have nothing to do: give the URL of the module that exports them',
  );
}

let saidFallback = false;

/** A slower engine than the best is said once a process, with its reason. */
function sayFallback(logger: Logger, report: EngineReport): void {
  if (saidFallback) return;
  saidFallback = true;
  logger.warn({ engine: report.kind, tried: report.tried }, `nexus runs on the ${report.kind} engine: ${report.reason}`);
}

/** Whether lines of the level debug are worth sending: a logger that can say so is believed. */
function takesDebug(logger: (Logger & { isLevelEnabled?: (level: string) => boolean }) | undefined): boolean {
  if (logger === undefined || logger.debug === standardErrorLogger.debug) return false;
  return typeof logger.isLevelEnabled === 'function' ? logger.isLevelEnabled('debug') : true;
}

/** A logger whose failures do not become failures of what it was to report. */
function careful(logger: Logger): Logger {
  const log =
    (level: keyof Logger) =>
    (data: object, message: string): void => {
      try {
        logger[level](data, message);
      } catch (error) {
        if (logger !== standardErrorLogger) standardErrorLogger.error({ error }, `the logger failed at: ${message}`);
      }
    };
  return { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') };
}
