/** Options of `createNexus`: their types, defaults and limits, and the one place that checks them. */
import { availableParallelism } from 'node:os';
import { pathToFileURL } from 'node:url';
import { isAbsolute, join, resolve } from 'node:path';
import { type ResolvedCluster, resolveClusterOptions } from './cluster/resolve-cluster-options.js';
import { optionError, quoted, valueText } from './errors.js';
import { type AnyAgent, isAgentDefinition } from './model/agent-definition.js';
import type { Logger } from './model/agent-context.js';
import type { ClusterOptions } from './model/cluster-options.js';
import { type BalancingOptions, type ResolvedBalancing, resolveBalancing } from './model/balancing-options.js';
import { type FlightRecorderOptions, type ResolvedFlightRecorder, resolveFlightRecorder } from './model/flight-options.js';
import { checkNames, didYouMean, misspelt } from './model/nearest-name.js';
import { type ResolvedSupervision, resolveSupervision } from './model/supervision.js';
import { type ResolvedTracing, resolveTracing, type TracingOptions } from './model/tracing-options.js';
import { PLACEMENT_POLICIES, type PlacementPolicy } from './model/thread-placement.js';
import type { EngineKind } from './ports/engine.js';
import { isStorageSource, type StorageSource } from './ports/storage.js';

/** The option `memory` of `createNexus`: the size of what is shared by the threads. */
export interface MemoryOptions {
  /** Agents the routing table can hold, 4,096 to 8,388,608, rounded up to a power of two. Address space is reserved, memory is used as agents come. Default 2,097,152. */
  readonly agentsMax?: number;
  /** Bytes of the ring between each ordered pair of threads: a power of two from 16,384 to 67,108,864. Default 1,048,576, less from 32 threads on, so that all rings fit into 1 GiB. */
  readonly ringBytes?: number;
}

/** The option `messages` of `createNexus`: limits of messages and asks. */
export interface MessageOptions {
  /** Time an ask waits if it does not say. Default 5,000; at most 86,400,000. */
  readonly askTimeoutMs?: number;
  /** Largest encoded message or reply between threads. Default 67,108,864; 1,024 to 1,073,741,824. */
  readonly bytesMax?: number;
}

/** The option `engine` of `createNexus`: which of the three engines runs, and how it waits. */
export interface EngineOptions {
  /** Use this engine (also NEXUS_ENGINE). Default: the best that loads. */
  readonly force?: EngineKind;
  /** Refuse to start with any other. */
  readonly require?: EngineKind;
  /**
   * How long a thread that just had messages looks for more before it parks, 0 to 1,000. One that has woken another thread looks for the answer up to four times as
   * long; the calling thread of a node, which has the connections to other nodes, looks at its sockets twice as long. All of it happens less and less often while it is in vain. Default 20.
   */
  readonly spinMicroseconds?: number;
}

/** How often a worker that is lost is replaced before it is given up, and how soon. */
export interface WorkerRestartOptions {
  /** Losses of one thread allowed within `periodMs`; one more and it is given up, with its agents. Default 10. */
  readonly intensity?: number;
  /** Default 10,000. */
  readonly periodMs?: number;
  /** Delay before the first replacement within the period; doubles with each. Default 0. */
  readonly initialDelayMs?: number;
  /** Default 5,000. */
  readonly maxDelayMs?: number;
}

/** The option `workers` of `createNexus`: worker threads, their limits, and what happens when one is lost. */
export interface WorkerOptions {
  /** Ties workers to processors, and their rings to the memory of those: `compact` on as few nodes as possible, `spread` over all. Default `none`. */
  readonly placement?: PlacementPolicy;
  /** As for `new Worker`; each more than 0. */
  readonly resourceLimits?: {
    readonly maxOldGenerationSizeMb?: number;
    readonly maxYoungGenerationSizeMb?: number;
    readonly codeRangeSizeMb?: number;
    readonly stackSizeMb?: number;
  };
  readonly execArgv?: readonly string[];
  readonly restart?: WorkerRestartOptions;
  /** Time a worker has to import the modules; and that one agent may hold it up when it starts again after a loss. Default 30,000. */
  readonly startTimeoutMs?: number;
}

/** The option `storage` of `createNexus`: where durable agents are kept. */
export interface StorageOptions {
  /** Directory of the store; made if it is not there, its parent must be. Needs the package `lmdb`. */
  readonly path: string;
}

/** What `createNexus` takes. A name that does not exist and a value outside of its limits are refused. */
export interface NexusOptions {
  /** Modules every thread imports (file URLs or paths), whose exported definitions become kinds; or definitions, whose agents run on the calling thread only. */
  readonly agents: readonly (URL | string | AnyAgent)[];
  /** Worker threads beside the calling one, 0 to 127. Default: one less than the cores, at least 1. */
  readonly threads?: number;
  readonly memory?: MemoryOptions;
  readonly messages?: MessageOptions;
  readonly engine?: EngineOptions;
  readonly workers?: WorkerOptions;
  /** Anything with debug, info, warn and error (data, message), such as pino. Default: warnings and errors as JSON lines on standard error. */
  readonly logger?: Logger;
  /** Where durable agents are kept; needed for kinds with `durable`. A directory on disk, which this nexus has for itself (`docs/durability.md`), or a storage such as `memoryStorage()`. */
  readonly storage?: StorageOptions | StorageSource;
  /** The loop that measures every thread, and relieves those that are short of memory or time; `false`: not even measured. `docs/balancing.md`. */
  readonly balancing?: BalancingOptions | false;
  /** The last events of every thread, written to a file on a crash; `false`: none are kept. `docs/flight-recorder.md`. */
  readonly flightRecorder?: FlightRecorderOptions | false;
  /** Spans for messages, by the OpenTelemetry SDK that is set up on each thread; needs the package `@opentelemetry/api`. Default: no tracing. `docs/telemetry.md`. */
  readonly tracing?: TracingOptions;
  /** Makes this nexus a node of a cluster. Default: it is none. `docs/cluster.md`. */
  readonly cluster?: ClusterOptions;
  /** Seed of `ctx.random` and of jitter: a 32-bit integer. Default: drawn at random. */
  readonly seed?: number;
}

export interface ResolvedOptions {
  readonly modules: readonly string[];
  readonly definitions: readonly AnyAgent[];
  readonly threads: number;
  /** They were asked for: not only as many as there are by default. */
  readonly wantsThreads: boolean;
  readonly recordCapacity: number;
  readonly ringBytes: number;
  readonly askTimeoutMs: number;
  readonly messageBytesMax: number;
  readonly engine: { readonly force: EngineKind | undefined; readonly require: EngineKind | undefined };
  readonly spinMicroseconds: number;
  readonly placement: PlacementPolicy;
  readonly resourceLimits: WorkerOptions['resourceLimits'];
  readonly execArgv: readonly string[] | undefined;
  readonly restart: ResolvedSupervision;
  readonly startTimeoutMs: number;
  readonly logger: Logger | undefined;
  readonly storage: StorageOptions | StorageSource | undefined;
  readonly balancing: ResolvedBalancing | undefined;
  readonly flightRecorder: ResolvedFlightRecorder | undefined;
  readonly tracing: ResolvedTracing | undefined;
  readonly cluster: ResolvedCluster | undefined;
  readonly seed: number | undefined;
}

const ENGINES: readonly EngineKind[] = ['native', 'wasm', 'portable'];
const GROUPS: Readonly<Record<string, readonly string[]>> = {
  '': ['agents', 'threads', 'memory', 'messages', 'engine', 'workers', 'logger', 'storage', 'balancing', 'flightRecorder', 'tracing', 'cluster', 'seed'],
  memory: ['agentsMax', 'ringBytes'],
  messages: ['askTimeoutMs', 'bytesMax'],
  engine: ['force', 'require', 'spinMicroseconds'],
  storage: ['path'],
  workers: ['placement', 'resourceLimits', 'execArgv', 'restart', 'startTimeoutMs'],
  'workers.resourceLimits': ['maxOldGenerationSizeMb', 'maxYoungGenerationSizeMb', 'codeRangeSizeMb', 'stackSizeMb'],
  'workers.restart': ['intensity', 'periodMs', 'initialDelayMs', 'maxDelayMs'],
};

/** @throws NexusTypeError NEXUS_OPTION_INVALID, NEXUS_OPTION_UNKNOWN, which name the option */
export function resolveOptions(options: NexusOptions): ResolvedOptions {
  check('', options);
  const { agents, memory = {}, messages = {}, engine = {}, workers = {} } = options;
  check('memory', memory);
  check('messages', messages);
  check('engine', engine);
  check('workers', workers);
  const { restart = {} } = workers;
  check('workers.restart', restart);
  if (!Array.isArray(agents))
    throw optionError(
      'agents',
      `is ${valueText(agents)}; it must be a list of modules (URL or path) or definitions, such as [new URL('./counter.js', import.meta.url)]`,
    );
  const modules: string[] = [];
  const definitions: AnyAgent[] = [];
  agents.forEach((agent: unknown, index) => {
    if (isAgentDefinition(agent)) definitions.push(agent);
    else modules.push(moduleUrl(agent, `agents[${index}]`));
  });
  const cores = availableParallelism();
  const threads = whole('threads', options.threads, Math.max(1, cores - 1), 0, 127);
  const agentsMax = whole('memory.agentsMax', memory.agentsMax, 2_097_152, 4096, 8_388_608);
  const ringBytes = whole('memory.ringBytes', memory.ringBytes, ringBytesFor(threads + 1), 16_384, 67_108_864);
  if (2 ** Math.log2(ringBytes) !== ringBytes || !Number.isInteger(Math.log2(ringBytes)))
    throw optionError('memory.ringBytes', `is ${ringBytes}; it must be a power of two, from 16,384 to 67,108,864`);
  const { logger } = options;
  if (logger !== undefined) {
    for (const level of ['debug', 'info', 'warn', 'error'] as const)
      if (typeof logger?.[level] !== 'function')
        throw optionError('logger', `has no method ${level}(data, message); it needs debug, info, warn and error, as pino and console have`);
  }
  const storage = storageSource(options.storage);
  return {
    modules,
    definitions,
    threads,
    wantsThreads: options.threads !== undefined && threads > 0,
    recordCapacity: 2 ** Math.ceil(Math.log2(agentsMax)),
    ringBytes,
    askTimeoutMs: number('messages.askTimeoutMs', messages.askTimeoutMs, 5000, 1, 86_400_000),
    messageBytesMax: whole('messages.bytesMax', messages.bytesMax, 67_108_864, 1024, 1_073_741_824),
    engine: { force: engineKind('engine.force', engine.force), require: engineKind('engine.require', engine.require) },
    spinMicroseconds: number('engine.spinMicroseconds', engine.spinMicroseconds, 20, 0, 1000),
    placement: placementPolicy(workers.placement),
    resourceLimits: resourceLimits(workers.resourceLimits),
    execArgv: execArgv(workers.execArgv),
    restart: {
      ...resolveSupervision(),
      intensity: whole('workers.restart.intensity', restart.intensity, 10, 0, 1_000_000),
      periodMs: number('workers.restart.periodMs', restart.periodMs, 10_000, 1, 86_400_000),
      initialMs: number('workers.restart.initialDelayMs', restart.initialDelayMs, 0, 0, 86_400_000),
      maxMs: number('workers.restart.maxDelayMs', restart.maxDelayMs, 5000, 0, 86_400_000),
    },
    startTimeoutMs: number('workers.startTimeoutMs', workers.startTimeoutMs, 30_000, 1, 3_600_000),
    logger,
    storage,
    balancing: resolveBalancing(options.balancing),
    flightRecorder: resolveFlightRecorder(options.flightRecorder),
    tracing: resolveTracing(options.tracing),
    cluster: withStateDirectory(resolveClusterOptions(options.cluster), storage),
    seed: options.seed === undefined ? undefined : whole('seed', options.seed, 0, -(2 ** 31), 2 ** 32 - 1),
  };
}

/** What a node with a store keeps of its own is beside it, where nothing else is said: a store that comes back without that would begin its tokens anew. */
function withStateDirectory(cluster: ResolvedCluster | undefined, storage: StorageOptions | StorageSource | undefined): ResolvedCluster | undefined {
  if (cluster === undefined || cluster.stateDirectory !== undefined || storage === undefined || isStorageSource(storage)) return cluster;
  return { ...cluster, stateDirectory: join(storage.path, 'node') };
}

function check(group: string, options: unknown): void {
  checkNames(group === '' ? 'createNexus' : group, options, GROUPS[group] as readonly string[]);
}

function moduleUrl(agent: unknown, name: string): string {
  if (agent instanceof URL) {
    if (agent.protocol !== 'file:') throw optionError(name, `${quoted(agent.href)} is not a file: URL`);
    return agent.href;
  }
  if (typeof agent === 'string' && agent.length > 0) {
    if (agent.startsWith('file:')) return agent;
    if (/^[a-z][a-z0-9+.-]+:/i.test(agent)) throw optionError(name, `${quoted(agent)} is not a file: URL`);
    return pathToFileURL(isAbsolute(agent) ? agent : resolve(agent)).href;
  }
  throw optionError(name, `must be a URL or path of a module, or a definition made by defineAgent, not ${valueText(agent)}`);
}

function number(name: string, value: number | undefined, byDefault: number, min: number, max: number): number {
  if (value === undefined) return byDefault;
  if (!(typeof value === 'number' && value >= min && value <= max)) throw optionError(name, `is ${valueText(value)}; it must be from ${min} to ${max}`);
  return value;
}

function whole(name: string, value: number | undefined, byDefault: number, min: number, max: number): number {
  if (value !== undefined && !Number.isInteger(value)) throw optionError(name, `is ${valueText(value)}; it must be a whole number from ${min} to ${max}`);
  return number(name, value, byDefault, min, max);
}

function resourceLimits(limits: WorkerOptions['resourceLimits']): WorkerOptions['resourceLimits'] {
  if (limits === undefined) return undefined;
  check('workers.resourceLimits', limits);
  for (const [name, value] of Object.entries(limits)) number(`workers.resourceLimits.${name}`, value, 0, Number.MIN_VALUE, 1_048_576);
  return limits;
}

function execArgv(given: readonly string[] | undefined): readonly string[] | undefined {
  if (given === undefined || (Array.isArray(given) && given.every((argument) => typeof argument === 'string'))) return given;
  throw optionError('workers.execArgv', `is ${valueText(given)}; it must be a list of strings`);
}

function engineKind(name: string, value: EngineKind | undefined): EngineKind | undefined {
  if (value === undefined || value === 'native' || value === 'wasm' || value === 'portable') return value;
  throw optionError(name, `is ${valueText(value)}${didYouMean(value, ENGINES)} It must be native, wasm or portable`, misspelt(value, ENGINES));
}

function storageSource(given: StorageOptions | StorageSource | undefined): StorageOptions | StorageSource | undefined {
  if (given === undefined || isStorageSource(given)) return given;
  if (typeof given === 'object' && given !== null) {
    check('storage', given);
    if (typeof given.path !== 'string' || given.path.length === 0)
      throw optionError('storage.path', `is ${valueText(given.path)}; it must be the path of a directory`);
    return given;
  }
  throw optionError('storage', `must be { path: '...' } or a storage such as memoryStorage() of nexus-agents/testing, not ${valueText(given)}`);
}

function placementPolicy(value: PlacementPolicy = 'none'): PlacementPolicy {
  if (PLACEMENT_POLICIES.includes(value)) return value;
  throw optionError(
    'workers.placement',
    `is ${valueText(value)}${didYouMean(value, PLACEMENT_POLICIES)} It must be ${PLACEMENT_POLICIES.join(', ')}`,
    misspelt(value, PLACEMENT_POLICIES),
  );
}

/** The default size of a ring: there are as many as pairs of threads, and all of them have to fit. */
function ringBytesFor(threadCount: number): number {
  let ringBytes = 1_048_576;
  while (threadCount * threadCount * ringBytes > 2 ** 30) ringBytes /= 2;
  return ringBytes;
}
