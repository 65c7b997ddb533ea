/**
 * One cluster in a simulated world, from its start to its end, by a plan: the set-up, in which nothing goes wrong and all nodes must become members of one view; the fault phase, in which things go
 * wrong and the invariants must hold; the healing; and then again all must agree, within a deadline of the simulation. Whoever made the nodes says who they are and whether they run; what runs on
 * them is not known here. As an orchestrator does, it starts nodes again whose process has ended.
 */
import type { NodeStanding } from '../../model/cluster-snapshot.js';
import { type NodeIdentity, nodeKey, sameNode } from '../../model/node-identity.js';
import { SeededRandom } from '../../model/seeded-random.js';
import type { MembershipEvent, MembershipSnapshot } from '../../protocols/membership/membership.js';
import { Coverage } from './coverage.js';
import { FaultInjector } from './fault-injector.js';
import { ClusterInvariants, type Start, type Violation } from './invariants.js';
import { forgetful, mayBothRun, type Plan } from './plan.js';
import { ProtocolMarks } from './protocol-marks.js';
import type { SimulatedNode } from './simulated-node.js';
import type { SimulatedWorld } from './world.js';

/** Between two looks at all nodes. What nodes are told is looked at when they are told it, and each of them after each of its steps. */
const LOOK_MS = 200;
const START_MS_MAX = 2000;
const START_AGAIN_MS_MAX = 4000;
export const SETTLE_MS = 90_000;
/** What goes on meanwhile is to end when it is told that it is over. */
const DURING_MS_MAX = 60_000;

/** One start of a node, as it is looked at. */
export interface ObservedStart extends Start {
  readonly standing: NodeStanding;
  /** Whether its agents run, or may. */
  readonly runs: boolean;
  /** That it wants to have; undefined for whatever it has. */
  readonly weight?: number;
  /** Its store takes nothing more until it is opened again. */
  readonly hasBrokenStore?: boolean;
  snapshot(): MembershipSnapshot | undefined;
}

export interface ClusterRunNeeds {
  readonly world: SimulatedWorld;
  readonly plan: Plan;
  /** Undefined if it is down, or has not got that far. */
  observed(node: SimulatedNode): ObservedStart | undefined;
  killThread?(node: SimulatedNode, thread: number): void;
  /** More that must hold: what it returns is a violation. Asked at each look. */
  invariants?(): Violation | undefined;
}

type ViewEvent = Extract<MembershipEvent, { type: 'view' }>;

/** Something that must hold did not. Ends the run. */
export class InvariantViolated extends Error {
  readonly violation: Violation;

  constructor(violation: Violation) {
    super(`${violation.invariant}: ${violation.text}`);
    this.violation = violation;
  }
}

export class ClusterRun {
  readonly coverage = new Coverage([]);
  readonly #needs: ClusterRunNeeds;
  readonly #invariants: ClusterInvariants;
  readonly #marks = new ProtocolMarks(this.coverage);
  readonly #injector: FaultInjector;
  readonly #random: SeededRandom;
  readonly #startsAt = new Map<number, number>();
  /** Of each node the start that was there at the last look. */
  readonly #starts = new Map<number, ObservedStart>();
  readonly #views = new Map<ObservedStart, ViewEvent>();
  #violation: Violation | undefined;

  constructor(needs: ClusterRunNeeds) {
    this.#needs = needs;
    const { world, plan, killThread } = needs;
    this.#invariants = new ClusterInvariants({ mayBothRun: mayBothRun(plan), seeds: plan.nodes, forgetful: forgetful(plan) });
    this.#random = new SeededRandom(plan.seed, 'starts');
    world.stepped = (node) => this.#stepped(node);
    this.#injector = new FaultInjector({ world, begun: ({ kind }) => this.coverage.seen(kind), ...(killThread === undefined ? {} : { killThread }) });
  }

  /** To be called with everything that a node is told, when it is told it. */
  happened(start: ObservedStart, event: MembershipEvent): void {
    if (this.#violation !== undefined) return;
    this.#marks.happened(start, event);
    if (event.type === 'view') this.#views.set(start, event);
    this.#found(this.#invariants.happened(start, event, this.#runs));
  }

  /** Starts all nodes, and waits until they are members of one view. */
  async setUp(): Promise<void> {
    const { world } = this.#needs;
    for (const node of world.nodes) world.time.after(this.#random.next() * START_MS_MAX, () => node.status === 'down' && node.start());
    await this.#settle('at the start');
  }

  /** The fault phase, and the healing at its end. @param during what goes on meanwhile, until it is told that this is over */
  async suffer(during?: (isOver: () => boolean) => Promise<unknown>): Promise<void> {
    const { plan, world } = this.#needs;
    this.#injector.begin(plan.faults);
    const endMs = world.nowMs + plan.durationMs;
    let isOver = false;
    const working = during?.(() => isOver);
    // It may fail before anybody waits for it.
    working?.catch(() => undefined);
    while (world.nowMs < endMs) await this.#pass(Math.min(LOOK_MS, endMs - world.nowMs));
    isOver = true;
    this.#injector.heal();
    world.note('healed', 0, 0, 0, 'everything');
    for (const node of world.nodes) {
      if (this.#needs.observed(node)?.hasBrokenStore !== true) continue;
      world.note('say', node.number, 0, 0, 'an operator starts it again: its store has to be opened anew');
      node.restart();
    }
    if (working !== undefined) await this.settled('during', working, DURING_MS_MAX);
  }

  /** All agree again. */
  async heal(): Promise<void> {
    await this.#settle('after the healing');
  }

  /** Lets time pass until a promise settles. Rejects with its reason, and with a violation when it has not after so long. */
  async settled(what: string, promise: Promise<unknown>, withinMs: number): Promise<void> {
    let isSettled = false;
    const settled = (): void => {
      isSettled = true;
    };
    promise.then(settled, settled);
    const { world } = this.#needs;
    const endMs = world.nowMs + withinMs;
    await this.#pass(0);
    while (!isSettled) {
      if (world.nowMs >= endMs)
        throw new InvariantViolated({ invariant: 'everything comes to its end', text: `${what} has not within ${withinMs / 1000} s of the simulation` });
      await this.#pass(LOOK_MS);
    }
    await promise;
  }

  async #settle(when: string): Promise<void> {
    const { world } = this.#needs;
    const endMs = world.nowMs + SETTLE_MS;
    for (let missing = this.#missing(); missing !== undefined; missing = this.#missing()) {
      if (world.nowMs >= endMs)
        throw new InvariantViolated({ invariant: 'all members agree in the end', text: `${when} they do not within ${SETTLE_MS / 1000} s: ${missing}` });
      await this.#pass(LOOK_MS);
    }
  }

  async #pass(forMs: number): Promise<void> {
    const { world, invariants } = this.#needs;
    try {
      await world.advance(forMs);
    } catch (error) {
      if (this.#violation === undefined) throw error;
    }
    this.#found(this.#invariants.passed(this.#look()));
    this.#found(invariants?.());
    if (this.#violation !== undefined) throw new InvariantViolated(this.#violation);
  }

  #found(violation: Violation | undefined): void {
    if (violation === undefined || this.#violation !== undefined) return;
    this.#violation = violation;
    const { world } = this.#needs;
    world.note('say', 0, 0, 0, `violated: ${violation.invariant}: ${violation.text}`);
    // Nothing more is to happen.
    world.fail(new InvariantViolated(violation), { name: '' });
  }

  #stepped(node: SimulatedNode): void {
    const start = this.#violation === undefined ? this.#needs.observed(node) : undefined;
    if (start !== undefined) this.#found(this.#invariants.stepped(start, start.runs, this.#runs));
  }

  /** Starts what is down and is not held down. Returns what runs. */
  #look(): readonly ObservedStart[] {
    const { world, observed } = this.#needs;
    const running: ObservedStart[] = [];
    let starts = 0;
    for (const node of world.nodes) {
      const start = observed(node);
      if (start?.runs === true) running.push(start);
      const before = this.#starts.get(node.number);
      if (before !== undefined && before !== start) this.#ended(before);
      if (start !== undefined) {
        this.#starts.set(node.number, start);
        starts++;
      }
      if (node.status !== 'down' || this.#injector.isDown(node.number)) {
        this.#startsAt.delete(node.number);
        continue;
      }
      if (this.#startsAt.has(node.number)) continue;
      const delayMs = this.#random.next() * START_AGAIN_MS_MAX;
      this.#startsAt.set(node.number, world.nowMs + delayMs);
      world.time.after(delayMs, () => {
        this.#startsAt.delete(node.number);
        if (node.status === 'down' && !this.#injector.isDown(node.number)) node.start();
      });
    }
    this.#marks.looked(running, starts);
    return running;
  }

  #ended(start: ObservedStart): void {
    this.#invariants.ended(start);
    this.#marks.ended(start);
    this.#views.delete(start);
  }

  readonly #runs = (identity: NodeIdentity): boolean => {
    const node = this.#needs.world.nodes.find(({ name }) => name === identity.name);
    const start = node === undefined ? undefined : this.#needs.observed(node);
    return start?.runs === true && sameNode(start.self, identity);
  };

  /** What is not as it is to be in the end; undefined if all is. */
  #missing(): string | undefined {
    const { world, observed, plan } = this.#needs;
    const starts: ObservedStart[] = [];
    for (const node of world.nodes) {
      const start = observed(node);
      if (start === undefined) return `${node.name} is ${node.status === 'running' ? 'starting' : node.status}`;
      if (start.standing !== 'member') return `${node.name} is ${start.standing}`;
      starts.push(start);
    }
    return mayBothRun(plan) ? undefined : (this.#differing(starts) ?? missed(starts));
  }

  /** By what they have been told: whose view is not that of all nodes. */
  #differing(starts: readonly ObservedStart[]): string | undefined {
    const { nodes } = this.#needs.world;
    let first: { readonly view: number; readonly members: string } | undefined;
    for (const start of starts) {
      const { number: view = 0, members: told = [] } = this.#views.get(start) ?? {};
      if (told.length !== nodes.length) return `${start.self.name} has ${told.length} of ${nodes.length} members in view ${view}`;
      const members = told.map(nodeKey).sort().join(' ');
      first ??= { view, members };
      if (first.view !== view || first.members !== members)
        return `${start.self.name} has view ${view} (${members}), another one has ${first.view} (${first.members})`;
      const weight = told.find((member) => sameNode(member, start.self))?.weight;
      if (start.weight !== undefined && weight !== start.weight) return `${start.self.name} weighs ${weight}, and wants to weigh ${start.weight}`;
    }
    return undefined;
  }
}

/** Whom one of them does not reach. */
function missed(starts: readonly ObservedStart[]): string | undefined {
  for (const start of starts) {
    const member = start.snapshot()?.members.find(({ reachability }) => reachability !== 'reachable');
    if (member !== undefined) return `${start.self.name} takes ${member.name} for ${member.reachability}`;
  }
  return undefined;
}
