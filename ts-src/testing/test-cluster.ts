/**
 * A whole cluster in one thread: `createTestCluster` starts nodes that run the code of production, agents included, in a simulated world (`simulation/world.ts`): its network, disks, clocks and threads are
 * those of the seed, and what goes wrong is done by the test. For one nexus without a cluster see `test-nexus.ts`.
 */
import { NexusError, NexusTypeError, optionError, quoted, valueText } from '../errors.js';
import type { ClusterOptions } from '../model/cluster-options.js';
import { checkNames } from '../model/nearest-name.js';
import { type NexusOptions, resolveOptions } from '../options.js';
import { isStorageSource, type StorageSource } from '../ports/storage.js';
import { Membership } from '../protocols/membership/membership-machine.js';
import type { LogLine } from '../runtime/system-calls.js';
import { seedOf, withSeed } from './seed.js';
import { checkConditions, type LinkConditions } from './simulation/link.js';
import { MEMBERSHIP_PORT, nexusProgram, type NexusStart } from './simulation/nexus-program.js';
import type { Program } from './simulation/program.js';
import { Trace, type TraceEntry } from './simulation/trace.js';
import { SimulatedWorld } from './simulation/world.js';
import { TestNode } from './test-node.js';

const NODES = 3;
const NODES_MAX = 100;
const FORM_MS = 60_000;
const STOP_MS = 60_000;
const TRACE_ENTRIES_MAX = 100_000;
const LOG_LINES_MAX = 10_000;
const LINES_SHOWN = 30;

/** What `createTestCluster` takes: the options of `createNexus` for every node, and what the cluster is made of. */
export interface TestClusterOptions extends Omit<NexusOptions, 'engine' | 'cluster' | 'storage' | 'logger'> {
  /** How many nodes, called `n1`, `n2` and so on, or their names. Default 3; at most 100. */
  readonly nodes?: number | readonly string[];
  /** Of the cluster; where nodes listen and how they find each other is the simulation's. */
  readonly cluster?: Pick<ClusterOptions, 'name' | 'resolver' | 'metadata' | 'timing' | 'weight' | 'copies'>;
  /** `disk`: durable agents are kept on the simulated disk of their node. A source with `isShared`: in one store for all nodes. Default: there is no store. */
  readonly storage?: 'disk' | StorageSource;
  /** What all links are like. Default: a good network in one place, 0.3 to 1.5 ms one way. */
  readonly network?: Partial<LinkConditions>;
  /** Whether it resolves when all nodes are members; otherwise when they have started. Default true. */
  readonly isFormed?: boolean;
  /** What the wall clocks begin with, each wrong by up to half a second. Default 1,767,225,600,000, the beginning of 2026. */
  readonly epochMs?: number;
}

/** Nodes of a cluster, or their names. */
export type TestNodes = readonly (TestNode | string)[];

const OPTION_NAMES = [
  ...['nodes', 'cluster', 'storage', 'network', 'isFormed', 'epochMs', 'seed'],
  ...['agents', 'threads', 'memory', 'messages', 'workers', 'balancing', 'flightRecorder', 'tracing'],
];
const CLUSTER_NAMES = ['name', 'resolver', 'metadata', 'timing', 'weight', 'copies'];

/**
 * Starts nodes that form a cluster, all in this thread, and resolves when all of them are members. Options are those of `createNexus` but `engine`, `storage` and `logger`, for every node; `threads` is 1 by default.
 * NEXUS_TEST_SEED takes the place of `seed`. Rejects as `createNexus`, and with NexusError NEXUS_NEVER_QUIET if no cluster has formed after a minute of its time.
 */
export async function createTestCluster(options: TestClusterOptions): Promise<TestCluster> {
  if (typeof options !== 'object' || options === null) throw optionError('createTestCluster', `expected an object of options, not ${valueText(options)}`);
  for (const name of ['engine', 'logger'] as const)
    if (name in options)
      throw new NexusTypeError('NEXUS_OPTION_UNKNOWN', `createTestCluster: ${name} is that of the simulation; leave the option out`, { option: name });
  checkNames('createTestCluster', options, OPTION_NAMES);
  const { nodes = NODES, cluster: clusterOptions = {}, storage, network = {}, isFormed = true, epochMs, seed: _seed, ...nexus } = options;
  if (storage !== undefined && storage !== 'disk' && !(isStorageSource(storage) && storage.isShared === true))
    throw optionError(
      'storage',
      `is ${valueText(storage)}; it must be 'disk', where every node has a store on a disk of its own, or a store that all nodes share (isShared)`,
    );
  if (typeof isFormed !== 'boolean') throw optionError('isFormed', `is ${valueText(isFormed)}; it must be true or false`);
  if (epochMs !== undefined && !Number.isFinite(epochMs)) throw optionError('epochMs', `is ${valueText(epochMs)}; it must be a finite number of milliseconds`);
  checkNames('cluster', clusterOptions, CLUSTER_NAMES);
  checkConditions('network', network);
  // Once, and not by each of the nodes.
  resolveOptions({ ...nexus, cluster: clusterOptions });
  const names = namesOf(nodes);
  const seed = seedOf(options.seed);
  const cluster = new TestCluster(seed, epochMs);
  cluster.links(network);
  const program = nexusProgram({
    nexus: { threads: 1, ...nexus, cluster: clusterOptions },
    seeds: names.map((host) => ({ host, port: MEMBERSHIP_PORT })),
    hasStorage: storage !== undefined,
    sharedStorage: storage === 'disk' ? undefined : storage,
    machine: (configuration) => new Membership(configuration),
  });
  try {
    await startCluster(cluster, names, program, isFormed);
  } catch (error) {
    cluster.close();
    throw withSeed(error, seed);
  }
  return cluster;
}

/** Gives the body a test cluster, and stops it afterwards. What the body throws is thrown, its message with the seed and the last that happened. */
export async function withCluster<T>(options: TestClusterOptions, body: (cluster: TestCluster) => T | Promise<T>): Promise<T> {
  const cluster = await createTestCluster(options);
  try {
    return await body(cluster);
  } catch (error) {
    throw withSeed(error, cluster.seed, `the last that happened was\n${cluster.tail(LINES_SHOWN)}`);
  } finally {
    cluster.close();
  }
}

let startCluster: (cluster: TestCluster, names: readonly string[], program: Program<NexusStart>, isFormed: boolean) => Promise<void>;

/** A cluster of simulated nodes whose time the test moves, as `createTestCluster` makes it. */
export class TestCluster {
  static {
    startCluster = async (cluster, names, program, isFormed) => {
      for (const name of names) cluster.#add(name, program);
      await cluster.#start(isFormed);
    };
  }

  readonly #world: SimulatedWorld;
  readonly #trace = new Trace({ entriesMax: TRACE_ENTRIES_MAX });
  readonly #nodes: TestNode[] = [];
  #isStopped = false;

  constructor(seed: number, epochMs: number | undefined) {
    this.#world = new SimulatedWorld({ seed, trace: this.#trace, ...(epochMs === undefined ? {} : { epochMs }) });
  }

  /** What decides everything. */
  get seed(): number {
    return this.#world.seed;
  }

  /** Milliseconds since the cluster was made. */
  get nowMs(): number {
    return this.#world.nowMs;
  }

  /** All nodes, in the order in which they were named; also those that are down. */
  get nodes(): readonly TestNode[] {
    return this.#nodes;
  }

  /** @throws NexusTypeError NEXUS_NODE_UNKNOWN */
  node(name: string): TestNode {
    const node = this.#nodes.find((each) => each.name === name);
    if (node === undefined)
      throw new NexusTypeError('NEXUS_NODE_UNKNOWN', `there is no node ${quoted(name)} in this cluster: ${this.#nodes.map((each) => each.name).join(', ')}`, {
        node: name,
      });
    return node;
  }

  /** Lets a time pass for all nodes. Rejects with what was thrown meanwhile; its message has the seed. */
  advance(byMs: number): Promise<void> {
    return this.#world.advance(byMs);
  }

  /** Lets everything happen that can at this time. It does also whenever something is awaited; time passes only with `advance`, `until`, `settle` and `formed`. */
  run(): Promise<void> {
    return this.#world.run();
  }

  /** Lets time pass until the condition holds. False if it does not within so many milliseconds of the cluster. */
  until(condition: () => boolean, withinMs = FORM_MS): Promise<boolean> {
    return this.#world.until(condition, withinMs);
  }

  /** The value of a promise: lets time pass until it settles. Rejects with NEXUS_NEVER_QUIET if it has not after `withinMs` (default 60,000). */
  settle<T>(promise: PromiseLike<T>, options: { readonly withinMs?: number } = {}): Promise<T> {
    checkNames('settle', options, ['withinMs']);
    return this.#world.settle(promise, options.withinMs);
  }

  /** Lets time pass until all nodes that run are members, agree on the view, and reach each other. Rejects with NEXUS_NEVER_QUIET if they do not after `withinMs` (default 60,000). */
  async formed(options: { readonly withinMs?: number } = {}): Promise<void> {
    checkNames('formed', options, ['withinMs']);
    const { withinMs = FORM_MS } = options;
    if (await this.until(() => this.#isFormed(), withinMs)) return;
    throw withSeed(
      new NexusError('NEXUS_NEVER_QUIET', `the nodes have not become one cluster within ${withinMs} ms: ${this.#nodes.map((node) => node.text).join('; ')}`, {
        data: { withinMs },
      }),
      this.seed,
    );
  }

  /**
   * Cuts the network between nodes of different groups; nodes in no group reach everybody.
   * @param options.isOneWay only what nodes of the first group send to the others is lost
   * @throws NexusTypeError NEXUS_NODE_UNKNOWN
   */
  partition(groups: readonly TestNodes[], options: { readonly isOneWay?: boolean } = {}): void {
    checkNames('partition', options, ['isOneWay']);
    this.#say(`partition ${groups.map((group) => group.map(nameOf).join(',')).join(options.isOneWay === true ? ' > ' : ' | ')}`);
    this.#world.network.partition(
      groups.map((group) => group.map((node) => this.node(nameOf(node)).number)),
      options.isOneWay,
    );
  }

  /** No link is cut, clogged or bad any more. Latencies and bandwidths stay. */
  heal(): void {
    this.#say('heal');
    this.#world.network.heal();
  }

  /** Changes what the way from one node to another one is like; the way back stays as it is. @throws NexusTypeError NEXUS_NODE_UNKNOWN, NEXUS_OPTION_INVALID, NEXUS_OPTION_UNKNOWN */
  link(from: TestNode | string, to: TestNode | string, conditions: Partial<LinkConditions>): void {
    this.#say(`link ${nameOf(from)} > ${nameOf(to)} ${JSON.stringify(conditions)}`);
    this.#world.network.set(this.node(nameOf(from)).number, this.node(nameOf(to)).number, conditions);
  }

  /** Changes all links. @throws NexusTypeError NEXUS_OPTION_INVALID, NEXUS_OPTION_UNKNOWN */
  links(conditions: Partial<LinkConditions>): void {
    this.#say(`links ${JSON.stringify(conditions)}`);
    this.#world.network.setAll(conditions);
  }

  /** What happened, at most the last 100,000 entries. */
  get trace(): readonly TraceEntry[] {
    return this.#trace.entries;
  }

  /** Of everything that has happened: two runs with the same one were the same. */
  get traceHash(): string {
    return this.#trace.hash;
  }

  /** The last entries of the trace as lines of text. */
  tail(lines: number): string {
    return this.#trace.tail(lines);
  }

  /** Stops the nodes that run, one after the other, each leaving the cluster. Time passes for it, at most a minute a node; what has not stopped then is ended. */
  async stop(): Promise<void> {
    if (this.#isStopped) return;
    this.#isStopped = true;
    try {
      for (const node of this.#nodes) {
        if (node.status !== 'running' || node.isPaused) continue;
        const stopping = node.stop();
        if (await this.until(() => !node.isUp, STOP_MS)) await stopping;
      }
    } finally {
      this.close();
    }
  }

  /** Ends all nodes at once, with nothing said or saved. */
  close(): void {
    this.#isStopped = true;
    this.#world.close();
  }

  #add(name: string, program: Program<NexusStart>): void {
    const { logger, lines } = keptLog();
    this.#nodes.push(new TestNode(this.#world.add(name, program, logger), lines));
  }

  async #start(isFormed: boolean): Promise<void> {
    for (const node of this.#nodes) node.start();
    if (!(await this.until(() => this.#nodes.every((node) => node.hasStarted), FORM_MS)))
      throw new NexusError('NEXUS_NEVER_QUIET', `not all nodes have started: ${this.#nodes.map((node) => node.text).join('; ')}`);
    if (isFormed) await this.formed();
  }

  #isFormed(): boolean {
    const running = this.#nodes.filter(({ status }) => status !== 'down');
    if (!running.every((node) => node.hasStarted && !node.isPaused && node.nexus.cluster?.standing === 'member')) return false;
    const views = running.map((node) => node.nexus.cluster?.view);
    if (views.some((view) => view !== views[0])) return false;
    return running.every((node) => {
      const members = node.nexus.cluster?.members() ?? [];
      return members.length === running.length && members.every(({ reachability }) => reachability === 'reachable');
    });
  }

  #say(text: string): void {
    this.#world.note('say', 0, 0, 0, text);
  }
}

function namesOf(nodes: number | readonly string[]): readonly string[] {
  const names = typeof nodes === 'number' ? Array.from({ length: Math.max(0, Math.min(nodes, NODES_MAX + 1)) }, (_, index) => `n${index + 1}`) : nodes;
  if (!Array.isArray(names) || names.length < 1 || names.length > NODES_MAX || (typeof nodes === 'number' && !Number.isInteger(nodes)))
    throw optionError('nodes', `is ${valueText(nodes)}; it must be a whole number from 1 to ${NODES_MAX}, or the names of as many nodes`);
  return names;
}

function nameOf(node: TestNode | string): string {
  return typeof node === 'string' ? node : node.name;
}

function keptLog(): { readonly logger: Record<LogLine['level'], (data: object, message: string) => void>; readonly lines: LogLine[] } {
  const lines: LogLine[] = [];
  const keep =
    (level: LogLine['level']) =>
    (data: object, message: string): void => {
      if (lines.length < LOG_LINES_MAX) lines.push({ level, data, message });
    };
  return { logger: { debug: keep('debug'), info: keep('info'), warn: keep('warn'), error: keep('error') }, lines };
}
