/**
 * One cluster of whole nexuses with the agents of a user, through set-up, faults, healing and agreement (`cluster-run.ts`), with what the user's simulation does meanwhile. The time passes by itself
 * here: whoever awaits something lets it, and needs nothing to move it.
 */
import { NexusTypeError } from '../../errors.js';
import type { NodeParts } from '../../cluster/node-parts.js';
import type { AgentContext } from '../../model/agent-context.js';
import type { ClusterOptions } from '../../model/cluster-options.js';
import type { Nexus } from '../../nexus.js';
import type { LogLine } from '../../runtime/system-calls.js';
import { Membership } from '../../protocols/membership/membership-machine.js';
import { TestNode } from '../test-node.js';
import { ClusterRun } from './cluster-run.js';
import type { SimulationDefinition } from './define-simulation.js';
import type { Violation } from './invariants.js';
import { failureOf } from './membership-simulation.js';
import { MEMBERSHIP_PORT, nexusProgram, type NexusStart, type ObservedMembership } from './nexus-program.js';
import { nameOfNode, type Plan } from './plan.js';
import { CountedTrace } from './protocol-marks.js';
import type { RunFailure, RunOptions, RunResult, Simulation } from './simulation.js';
import { Trace } from './trace.js';
import { SimulatedWorld } from './world.js';

/** What a step of the user may take, of the simulation. */
const STEP_MS_MAX = 120_000;
const STOP_MS_MAX = 60_000;
/** Whether the process of a node is still there. */
const LOOK_MS = 100;
const LOG_LINES_MAX = 1000;

/** The cluster as the functions of a simulation have it. Time passes while they await something. */
export interface SimulatedCluster {
  readonly seed: number;
  /** Milliseconds since the cluster was made. */
  readonly nowMs: number;
  /** All nodes, also those that are down: their order is that of their numbers. */
  readonly nodes: readonly TestNode[];
  /** Nodes whose nexus is there, and is a member of the cluster. */
  readonly members: readonly TestNode[];
  /** Whether the time of `during` is over. */
  readonly isOver: boolean;
  /** Resolves after a time of the simulation. */
  sleep(forMs: number): Promise<void>;
  /** Does something with the nexus of a node. Rejects with NexusTypeError NEXUS_NODE_STATE when it has none, or when its process ends before that is done: nothing of it would ever settle. */
  using<T>(node: TestNode, work: (nexus: Nexus) => T | PromiseLike<T>): Promise<T>;
  /** Whether agents of this node may run at this moment, as its lease says; false while it is paused. */
  mayRun(node: TestNode): boolean;
  /** 0 ≤ x < 1, from the seed. */
  random(): number;
  /** Into the trace. */
  say(text: string): void;
}

/** What is looked at from within, by the built-in simulation of agents. */
export interface NexusLook {
  /** Before a handler or hook runs. */
  handled?(start: ObservedMembership, parts: NodeParts | undefined, ctx: AgentContext, what: string): void;
  readonly cluster?: Pick<ClusterOptions, 'copies'>;
  /** As invariants of a user, asked at the same moments. */
  violation?(cluster: SimulatedCluster): Violation | undefined;
  /** Told once, before anything runs. */
  ready?(world: SimulatedWorld): void;
  /** What has been seen, when the run is over. */
  readonly coverage?: Readonly<Record<string, number>>;
}

/** Runs one cluster of a definition that has been checked. */
export function simulationOfNexus(definition: SimulationDefinition, look: NexusLook = {}): Simulation['run'] {
  return (plan, options) => new NexusRun(definition, look, plan, options).run();
}

class NexusRun {
  readonly #definition: SimulationDefinition;
  readonly #look: NexusLook;
  readonly #plan: Plan;
  readonly #trace: Trace;
  readonly #counted: CountedTrace;
  readonly #world: SimulatedWorld;
  readonly #run: ClusterRun;
  readonly #cluster: Cluster;

  constructor(definition: SimulationDefinition, look: NexusLook, plan: Plan, { entriesMax }: RunOptions = {}) {
    this.#definition = definition;
    this.#look = look;
    this.#plan = plan;
    this.#trace = new Trace(entriesMax === undefined ? {} : { entriesMax });
    this.#counted = new CountedTrace(this.#trace);
    this.#world = new SimulatedWorld({ seed: plan.seed, trace: this.#counted });
    this.#run = new ClusterRun({
      world: this.#world,
      plan,
      observed: (node) => (node.program as NexusStart | undefined)?.observed,
      killThread: (node, thread) => void (node.program as NexusStart | undefined)?.killThread(thread),
      invariants: () => this.#violation(),
    });
    this.#cluster = new Cluster(this.#world, this.#nodes());
    look.ready?.(this.#world);
  }

  async run(): Promise<RunResult> {
    const { setup, during, check } = this.#definition;
    let failure: RunFailure | undefined;
    try {
      await this.#run.setUp();
      if (setup !== undefined) await this.#step('setup', setup);
      await this.#run.suffer(during === undefined ? undefined : (isOver) => this.#during(during, isOver));
      await this.#run.heal();
      if (check !== undefined) await this.#step('check', check);
      await this.#stop();
    } catch (error) {
      failure = failureOf(error, this.#world.nowMs);
    }
    const simulatedMs = this.#world.nowMs;
    this.#world.close();
    this.#run.coverage.add(this.#counted.counts);
    if (this.#look.coverage !== undefined) this.#run.coverage.add(this.#look.coverage);
    return { plan: this.#plan, failure, trace: this.#trace, coverage: this.#run.coverage.counts, simulatedMs };
  }

  #nodes(): readonly TestNode[] {
    const { storage, network, agents, threads = 1, memory, messages, workers, balancing, flightRecorder, tracing } = this.#definition;
    const nexus = withoutUndefined({ memory, messages, workers, balancing, flightRecorder, tracing });
    const names = Array.from({ length: this.#plan.nodes }, (_, index) => nameOfNode(index + 1));
    if (network !== undefined) this.#world.network.setAll(network);
    const program = nexusProgram({
      nexus: { agents, threads, ...nexus, cluster: { ...this.#look.cluster, resolver: this.#plan.resolver } },
      seeds: names.map((host) => ({ host, port: MEMBERSHIP_PORT })),
      hasStorage: storage !== undefined,
      machine: (configuration) => new Membership(configuration),
      started: (nexus) => this.#definition.start?.call(this.#definition, nexus),
      happened: (start, event) => this.#run.happened(start, event),
      handled: (start, parts, ctx, what) => this.#look.handled?.(start, parts, ctx, what),
    });
    return names.map((name) => {
      const { logger, lines } = keptLog();
      return new TestNode(this.#world.add(name, program, logger), lines);
    });
  }

  /** Of the user's invariants. */
  #violation(): Violation | undefined {
    const found = this.#look.violation?.(this.#cluster);
    if (found !== undefined) return found;
    for (const [name, holds] of Object.entries(this.#definition.invariants ?? {})) {
      try {
        if (holds(this.#cluster) === false) return { invariant: name, text: 'it does not hold' };
      } catch (error) {
        return { invariant: name, text: (error as Error)?.message ?? String(error) };
      }
    }
    return undefined;
  }

  async #during(during: (cluster: SimulatedCluster) => unknown, isOver: () => boolean): Promise<void> {
    this.#cluster.isOverNow = isOver;
    const working = Promise.resolve(during.call(this.#definition, this.#cluster));
    working.catch(() => undefined);
    return working.then(() => undefined);
  }

  /** Lets time pass until a function of the user is done. */
  async #step(what: string, body: (cluster: SimulatedCluster) => unknown): Promise<void> {
    await this.#run.settled(what, (async () => body.call(this.#definition, this.#cluster))(), STEP_MS_MAX);
  }

  async #stop(): Promise<void> {
    for (const node of this.#cluster.nodes)
      if (node.status === 'running' && node.hasStarted) await this.#run.settled(`the stop of ${node.name}`, node.stop(), STOP_MS_MAX);
  }
}

class Cluster implements SimulatedCluster {
  isOverNow = (): boolean => false;
  readonly #world: SimulatedWorld;
  readonly #random: () => number;

  constructor(
    world: SimulatedWorld,
    readonly nodes: readonly TestNode[],
  ) {
    this.#world = world;
    const random = world.randomOf('user');
    this.#random = () => random.next();
  }

  get seed(): number {
    return this.#world.seed;
  }

  get nowMs(): number {
    return this.#world.nowMs;
  }

  get members(): readonly TestNode[] {
    return this.nodes.filter((node) => node.hasStarted && node.nexus.cluster?.standing === 'member');
  }

  get isOver(): boolean {
    return this.isOverNow();
  }

  sleep(forMs: number): Promise<void> {
    return new Promise((resolve) => {
      this.#world.time.after(forMs, () => {
        this.#world.schedule.unsettled();
        resolve();
      });
    });
  }

  async using<T>(node: TestNode, work: (nexus: Nexus) => T | PromiseLike<T>): Promise<T> {
    const { nexus } = node;
    let isDone = false;
    const ended = (async () => {
      while (!isDone && node.hasStarted && node.nexus === nexus) await this.sleep(LOOK_MS);
      if (isDone) return undefined as never;
      throw new NexusTypeError('NEXUS_NODE_STATE', `using: the process of node ${node.name} has ended before that was done`, { node: node.name });
    })();
    try {
      return await Promise.race([ended, (async () => work(nexus))()]);
    } finally {
      isDone = true;
    }
  }

  mayRun(node: TestNode): boolean {
    return !node.isPaused && (this.#world.nodes[node.number - 1]?.program as NexusStart | undefined)?.observed.runs === true;
  }

  random(): number {
    return this.#random();
  }

  say(text: string): void {
    this.#world.note('say', 0, 0, 0, text);
  }
}

function withoutUndefined<T extends object>(options: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as { [K in keyof T]?: Exclude<T[K], undefined> };
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
