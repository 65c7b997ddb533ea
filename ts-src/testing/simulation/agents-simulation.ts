/**
 * Clusters of whole nexuses with agents that move, end, come back and are kept on disks, in which all kinds of things go wrong: `nexus sim --agents`. What goes on is `agent-workload.ts`, what is seen of it is judged by
 * `agent-ledger.ts`; here it is put together for one cluster, with what must hold when all has healed.
 */
import { nodeKey } from '../../model/node-identity.js';
import { partitionOf } from '../../protocols/registry/partition.js';
import { checkLinearizable } from '../linearizability/check-linearizable.js';
import { casRegisterModel } from '../linearizability/sequential-model.js';
import type { TestNode } from '../test-node.js';
import { AgentLedger, textOf } from './agent-ledger.js';
import { ASK_TIMEOUT_MS, GROUP, kindsOf } from './agent-kinds.js';
import { AGENT_IDS, Workload } from './agent-workload.js';
import { AGENT_MARKS } from './coverage.js';
import { defineSimulation } from './define-simulation.js';
import { FAULT_KINDS, type Fault } from './fault.js';
import { QuietChecks } from './quiet-checks.js';
import { wrongCopy } from './replica-check.js';
import { simulationOfNexus, type SimulatedCluster } from './nexus-simulation.js';
import type { NexusStart } from './nexus-program.js';
import { inOrder, mayBothRun, type Plan } from './plan.js';
import type { RunOptions, RunResult, Simulation } from './simulation.js';
import type { SwarmOptions } from './swarm.js';
import type { SimulatedWorld } from './world.js';

export const AGENTS_SWARM: SwarmOptions = { nodes: { min: 3, max: 5 }, durationMs: 20_000, threads: 1 };
/** How long the registry, the copies and the groups of a cluster in which nothing goes wrong take to agree. */
const AGREE_MS_MAX = 60_000;
const LOOK_MS = 500;
/** Until every register has been read. */
const READ_MS_MAX = 30_000;
/** A node that has come back has all that it is to have after so long. */
const COPIED_MS = 20_000;
/** Of an ask that settles late because its node is slow: the slowest step there is, and several of them. */
const LATE_MS = 15_000;
const HISTORY_STEPS_MAX = 2_000_000;
const CUT_OFF_MS = 12_000;

export function builtInAgents(options: { readonly swarm?: SwarmOptions } = {}): Simulation {
  const swarm = options.swarm ?? AGENTS_SWARM;
  return {
    swarm,
    kinds: FAULT_KINDS,
    marks: AGENT_MARKS,
    within: withinPromise,
    run: (plan, given) => new AgentsRun(plan).run(given),
  };
}

/**
 * Disks of one node only are lost or changed, the same one in all of a run: what is on one disk alone is lost with it. In every other run all that ends nodes, or cuts them off, happens to no more of them than there are
 * copies, and to less than half: so that what is durable must be there in the end, which `checkLinearizable` then judges.
 */
function withinPromise(plan: Plan): Plan {
  const unlucky = unluckyOf(plan);
  const one = unlucky[0] as number;
  const faults = plan.faults.flatMap((fault): Fault[] => {
    if (fault.kind === 'bitFlips') return fault.nodes.includes(one) ? [{ ...fault, nodes: [one] }] : [];
    if (fault.kind !== 'crash' || fault.disk === 'kept') return [fault];
    return fault.nodes.length === 1 && fault.nodes[0] === one ? [fault] : [{ ...fault, disk: 'kept' }];
  });
  if (!isGentle(plan)) return { ...plan, faults };
  const gentle = faults.flatMap((fault) => onlyTo(unlucky, plan.nodes, fault));
  return inOrder({ ...plan, resolver: { strategy: 'keepMajority' }, faults: plan.seed % 4 === 1 ? gentle.map((fault) => lasting(plan, fault)) : gentle });
}

/** For longer than a lease: the others go on without those that are cut off, and without what those alone have said is written. */
function lasting({ durationMs }: Plan, fault: Fault): Fault {
  if (fault.kind !== 'partition') return fault;
  return { ...fault, atMs: fault.atMs % Math.max(1, durationMs - CUT_OFF_MS), forMs: Math.max(fault.forMs, CUT_OFF_MS) };
}

function othersThan(unlucky: readonly number[], nodes: number): number[] {
  return Array.from({ length: nodes }, (_, index) => index + 1).filter((node) => !unlucky.includes(node));
}

function isGentle({ seed }: Plan): boolean {
  return seed % 4 < 2;
}

function copiesOf({ seed }: Plan): number {
  return 1 + (seed % 3);
}

/** Nodes that are lost, in runs in which not all may be. */
function unluckyOf(plan: Plan): readonly number[] {
  const count = Math.max(1, Math.min(copiesOf(plan), Math.floor((plan.nodes - 1) / 2)));
  return Array.from({ length: count }, (_, index) => ((plan.seed + index) % plan.nodes) + 1);
}

function onlyTo(unlucky: readonly number[], nodes: number, fault: Fault): Fault[] {
  const others = othersThan(unlucky, nodes);
  switch (fault.kind) {
    case 'partition':
      return [{ ...fault, groups: [unlucky, others] }];
    case 'oneWayPartition':
      return [fault.atMs % 2 === 0 ? { ...fault, from: unlucky, to: others } : { ...fault, from: others, to: unlucky }];
    // Which of the two is removed nobody can say.
    case 'nonTransitivePartition':
    case 'cloggedLink':
    // What was copied from a disk while its bits changed is as wrong as that.
    case 'bitFlips':
      return [];
    case 'loss':
    case 'duplication':
    case 'reordering':
    case 'corruption':
    case 'latency':
    case 'bandwidth':
      return [{ ...fault, nodes: unlucky }];
    default: {
      const hit = fault.nodes.filter((node) => unlucky.includes(node));
      return hit.length === 0 ? [] : [{ ...fault, nodes: hit } as Fault];
    }
  }
}

class AgentsRun {
  readonly #plan: Plan;
  readonly #ledger: AgentLedger;
  readonly #workload: Workload;
  readonly #kinds: ReturnType<typeof kindsOf>;
  readonly #copies: number;
  readonly #hosts = new Map<unknown, string>();
  readonly #presentSinceMs = new Map<number, number>();
  #world: SimulatedWorld | undefined;
  #cluster: SimulatedCluster | undefined;
  #hasBegun = false;
  /** More nodes were lost at once than there are copies: what was on them alone need not be there. */
  #isBeyondPromise: boolean;

  constructor(plan: Plan) {
    this.#plan = plan;
    this.#ledger = new AgentLedger(mayBothRun(plan));
    this.#kinds = kindsOf(this.#ledger);
    this.#workload = new Workload(this.#kinds, this.#ledger, isGentle(plan) ? unluckyOf(plan) : undefined);
    this.#copies = copiesOf(plan);
    this.#isBeyondPromise = mayBothRun(plan) || plan.faults.some(({ kind }) => kind === 'bitFlips');
  }

  run(options: RunOptions | undefined): Promise<RunResult> {
    const ledger = this.#ledger;
    const { Register, Behind, Counter, Brief, Sender, Watcher } = this.#kinds;
    const definition = defineSimulation({
      nodes: this.#plan.nodes,
      agents: [Register, Behind, Counter, Brief, Sender, Watcher],
      threads: this.#plan.seed % 2,
      storage: 'disk',
      durationMs: this.#plan.durationMs,
      setup: async (cluster) => {
        await this.#workload.begin(cluster);
        this.#hasBegun = true;
        this.#cluster = cluster;
      },
      start: (nexus) => nexus.cluster?.on('view', ({ number }) => this.#cluster !== undefined && this.#workload.viewed(this.#cluster, number)),
      during: (cluster) => this.#workload.run(cluster),
      check: (cluster) => this.#check(cluster),
    });
    return simulationOfNexus(definition, {
      cluster: { copies: this.#copies },
      coverage: ledger.counts,
      ready: (world) => {
        this.#world = world;
      },
      violation: (cluster) => this.#violation(cluster),
      handled: (start, parts, { id, self }, what) =>
        ledger.begun({
          id,
          kind: self.kind,
          what,
          host: this.#hostOf(start, nodeKey(start.self)),
          mayRun: start.handles,
          clusterId: start.clusterId ?? '',
          token: parts?.registry.own(id)?.token,
          atMs: this.#world?.nowMs ?? 0,
        }),
    })(this.#plan, options);
  }

  /** One name for each start of a node. */
  #hostOf(start: unknown, name: string): string {
    const known = this.#hosts.get(start);
    if (known !== undefined) return known;
    const host = `${name} (start ${this.#hosts.size + 1})`;
    this.#hosts.set(start, host);
    return host;
  }

  #violation(cluster: SimulatedCluster): AgentLedger['violation'] {
    if (this.#hasBegun) this.#countLost(cluster);
    return this.#ledger.violation ?? this.#wrongCopy();
  }

  #wrongCopy(): AgentLedger['violation'] {
    // Two clusters number their views each by itself.
    if (this.#ledger.mayBothRun) return undefined;
    const starts = (this.#world?.nodes ?? []).flatMap(({ program }) => (program as NexusStart | undefined) ?? []);
    const text = wrongCopy(starts.map(({ parts, observed }) => ({ name: observed.self.name, directory: parts.registry.directory })));
    return text === undefined ? undefined : { invariant: 'copies of the registry are what they say', text };
  }

  #countLost(cluster: SimulatedCluster): void {
    let lost = 0;
    for (const node of cluster.nodes) {
      const isPresent = node.hasStarted && cluster.mayRun(node);
      if (!isPresent) this.#presentSinceMs.set(node.number, Number.POSITIVE_INFINITY);
      else if (this.#presentSinceMs.get(node.number) === Number.POSITIVE_INFINITY) this.#presentSinceMs.set(node.number, cluster.nowMs);
      const sinceMs = this.#presentSinceMs.get(node.number);
      if (sinceMs !== undefined && cluster.nowMs - sinceMs < COPIED_MS) lost++;
    }
    // All of them at once is more than anybody keeps copies for.
    if (lost > Math.min(this.#copies, cluster.nodes.length - 1)) this.#isBeyondPromise = true;
  }

  /** When all has healed. */
  async #check(cluster: SimulatedCluster): Promise<void> {
    await this.#agreed(cluster, 'after the healing');
    if (this.#ledger.violation !== undefined) return;
    this.#count();
    const open = this.#ledger.asks.find(({ outcome, atMs }) => outcome === 'open' && cluster.nowMs - atMs > ASK_TIMEOUT_MS * 2 + LATE_MS);
    if (open !== undefined) return this.#ledger.fail('every ask settles', `${textOf(open)} has not`);
    if (this.#ledger.mayBothRun) return;
    const failed = await this.#workload.readAll(cluster, cluster.nowMs + READ_MS_MAX).catch((error: unknown) => {
      // What is on no disk any more, or on a disk that was changed, cannot be read.
      if (!this.#isBeyondPromise) throw error;
    });
    if (failed !== undefined && !this.#isBeyondPromise) return this.#ledger.fail('all answer in the end', `${textOf(failed)} after the healing`);
    if (!this.#isBeyondPromise) this.#judgeHistories();
    if (this.#ledger.violation !== undefined) return;
    await this.#workload.ended(cluster);
    await new QuietChecks(cluster, this.#kinds, this.#ledger).run();
    await this.#agreed(cluster, 'when nothing goes wrong any more');
  }

  async #agreed(cluster: SimulatedCluster, when: string): Promise<void> {
    const untilMs = cluster.nowMs + AGREE_MS_MAX;
    for (let problem = this.#problem(cluster); problem !== undefined; problem = this.#problem(cluster)) {
      if (cluster.nowMs >= untilMs) return this.#ledger.fail('the registry agrees in the end', `${AGREE_MS_MAX / 1000} s ${when} ${problem}`);
      await cluster.sleep(LOOK_MS);
    }
  }

  /** What the nodes that are there now have done since they started. */
  #count(): void {
    for (const { program } of this.#world?.nodes ?? []) {
      const { registry, moves } = (program as NexusStart).parts;
      this.#ledger.seen('hand-off', registry.snapshot().handOffs);
      this.#ledger.seen('started again as an orphan', moves.orphans.restarted);
    }
  }

  #judgeHistories(): void {
    for (const [id, history] of this.#ledger.histories) {
      const result = checkLinearizable(casRegisterModel(), history, { stepsMax: HISTORY_STEPS_MAX });
      if (result.verdict === 'notLinearizable') return this.#ledger.fail('durable registers are linearizable', `'${id}': ${result.text}`);
      if (result.verdict === 'linearizable') this.#ledger.seen('history judged');
    }
  }

  /** What the nodes do not agree on; undefined if they do. */
  #problem(cluster: SimulatedCluster): string | undefined {
    if (this.#ledger.mayBothRun) return undefined;
    const nodes = cluster.nodes.map((node) => ({ node, start: this.#world?.nodes[node.number - 1]?.program as NexusStart | undefined }));
    let [registered, activations, replicated] = [0, 0, 0];
    for (const { node, start } of nodes) {
      if (start === undefined || node.status !== 'running') return `${node.name} ${node.status === 'running' ? 'has not started' : `is ${node.status}`}`;
      const snapshot = start.parts.registry.snapshot();
      if (snapshot.claiming > 0) return `${node.name} claims ${snapshot.claiming} partitions still, and waits for ${snapshot.waitingFor.join(', ')}`;
      registered += snapshot.registered;
      activations += snapshot.activations;
      replicated += snapshot.replicated;
    }
    return (
      this.#ids(nodes as Looked[]) ?? sums(registered, activations, replicated, Math.min(this.#copies, nodes.length - 1)) ?? this.#groups(nodes as Looked[])
    );
  }

  #ids(nodes: readonly Looked[]): string | undefined {
    for (const { node, start } of nodes) {
      const { registry } = start.parts;
      const running = new Set<string>();
      for (const { id } of start.nexus.agents()) {
        running.add(id);
        const own = registry.own(id);
        if (own === undefined) return `'${id}' runs on ${node.name} without a registration`;
        const others = nodes.filter((other) => other.node !== node && other.start.parts.registry.own(id) !== undefined);
        if (others.length > 0) return `'${id}' is registered on ${node.name} and on ${others.map((other) => other.node.name).join(', ')}`;
        const owner = registry.ownerOf(id);
        const atOwner = nodes.find((other) => other.node.name === owner?.name)?.start.parts.registry.cached(id);
        if (atOwner === undefined) return `'${id}' runs on ${node.name}, and its owner ${owner?.name} does not know it`;
        if (atOwner.host.name !== node.name || atOwner.token !== own.token)
          return `'${id}' runs on ${node.name} with token ${own.token}, and its owner ${owner?.name} has it on ${atOwner.host.name} with token ${atOwner.token}`;
        for (const { name } of registry.successorsOf(id, this.#copies)) {
          const copied = nodes
            .find((other) => other.node.name === name)
            ?.start.parts.registry.directory.part(partitionOf(id))
            ?.entries.get(id)?.registration;
          if (copied?.token !== own.token || copied.host.name !== node.name)
            return `'${id}' runs on ${node.name} with token ${own.token}, and the copy of its registration on ${name} has it on ${copied?.host.name ?? 'no node'} with token ${copied?.token}`;
        }
      }
      const { activations } = registry.snapshot();
      if (activations === running.size) continue;
      const left = AGENT_IDS.filter((id) => !running.has(id) && registry.own(id) !== undefined);
      return `${node.name} runs ${running.size} agents, and has ${activations} registrations: those of ${left.join(', ')} are of no agent`;
    }
    return undefined;
  }

  #groups(nodes: readonly Looked[]): string | undefined {
    const members = nodes.map(({ node, start }) => ({
      name: node.name,
      ids: start.nexus
        .group(GROUP)
        .members()
        .map(({ id }) => id)
        .sort()
        .join(', '),
    }));
    const running = nodes
      .flatMap(({ start }) => [...start.nexus.agents()].filter(({ kind }) => kind === 'counter').map(({ id }) => id))
      .sort()
      .join(', ');
    const other = members.find(({ ids }) => ids !== running);
    return other === undefined ? undefined : `the group has [${other.ids}] for ${other.name}, and [${running}] run`;
  }
}

interface Looked {
  readonly node: TestNode;
  readonly start: NexusStart;
}

function sums(registered: number, activations: number, replicated: number, copies: number): string | undefined {
  if (registered !== activations) return `${registered} registrations are in directories, and ${activations} are run by`;
  return replicated === registered * copies ? undefined : `there are ${replicated} copies of ${registered} registrations; there should be ${copies} of each`;
}
