/**
 * Memberships over a bare queue of events: no wires, no simulator, only the machines, their clocks and the datagrams between them. For the tests of views, which look at every step of thousands of
 * runs. Checks the promises of the agreement itself whenever anything has happened (`wrong`). `make` makes the machines, so that broken ones can be tried.
 */
import type { ResolverOptions } from '../../../../dist/ts-src/model/cluster-options.js';
import type { NodeAddress, NodeIdentity } from '../../../../dist/ts-src/model/node-identity.js';
import { SeededRandom } from '../../../../dist/ts-src/model/seeded-random.js';
import type { MembershipConfiguration, MembershipEvent, MembershipInput, MembershipMachine } from '../../../../dist/ts-src/protocols/membership/membership.js';
import { Membership } from '../../../../dist/ts-src/protocols/membership/membership-machine.js';

export const TIMING = { probeIntervalMs: 1000, probeTimeoutMs: 500, leaseMs: 5000, stopMarginMs: 1000, stalledAfterMs: 500 };
const EPOCH_MS = 1_750_000_000_000;

export interface BareNode {
  readonly name: string;
  readonly address: NodeAddress;
  machine: MembershipMachine | undefined;
  /** Local milliseconds for each of the world, and where its clock began. */
  rate: number;
  offsetMs: number;
  /** Does not run until then, in the time of the world. */
  pausedUntilMs: number;
  disk: Uint8Array | undefined;
  wakeAtMs: number;
  readonly events: { readonly atMs: number; readonly event: MembershipEvent }[];
  starts: number;
}

interface Delivery {
  readonly atMs: number;
  readonly order: number;
  readonly node: BareNode;
  readonly input: MembershipInput | undefined;
  readonly start: number;
}

export interface BareOptions {
  readonly seed?: number;
  readonly resolver?: ResolverOptions;
  readonly cluster?: string;
  readonly seeds?: readonly string[] | 'all';
  readonly make?: (configuration: MembershipConfiguration) => MembershipMachine;
  /** Whether what was persisted is there after a restart. */
  readonly log?: (line: string) => void;
}

export class BareCluster {
  nowMs = 0;
  readonly nodes: BareNode[] = [];
  readonly random: SeededRandom;
  readonly wrong: string[] = [];
  /** Probability that a datagram is lost, that it comes twice, and its greatest delay. */
  lossRate = 0;
  duplicationRate = 0;
  delayMsMax = 5;
  /** Whether a datagram from one to the other goes through. */
  isCut: (from: string, to: string) => boolean = () => false;
  datagrams = 0;
  #order = 0;
  readonly #options: BareOptions;
  readonly #queue = new Heap();
  readonly #viewsByNumber = new Map<string, string>();
  readonly #highest = new Map<string, number>();
  readonly #removed = new Set<string>();
  readonly #byAddress = new Map<string, BareNode>();

  constructor(count: number, options: BareOptions = {}) {
    this.#options = options;
    this.random = new SeededRandom(options.seed ?? 1, 'world');
    for (let index = 0; index < count; index++) this.add();
  }

  add(name = `n${this.nodes.length + 1}`): BareNode {
    const address = { host: `10.0.0.${this.nodes.length + 1}`, port: 7400 };
    const clock = { rate: 1, offsetMs: 0, pausedUntilMs: 0, wakeAtMs: Number.POSITIVE_INFINITY };
    const node: BareNode = { name, address, machine: undefined, disk: undefined, events: [], starts: 0, ...clock };
    this.nodes.push(node);
    this.#byAddress.set(address.host, node);
    return node;
  }

  node(name: string): BareNode {
    const found = this.nodes.find((candidate) => candidate.name === name);
    if (found === undefined) throw new Error(`no node ${name}`);
    return found;
  }

  localMs(node: BareNode, worldMs = this.nowMs): number {
    return node.offsetMs + worldMs * node.rate;
  }

  start(node: BareNode, overrides: Partial<MembershipConfiguration> = {}): void {
    node.starts += 1;
    const random = new SeededRandom((this.#options.seed ?? 1) * 31 + node.starts, node.name);
    const configuration: MembershipConfiguration = {
      cluster: this.#options.cluster ?? 'test',
      node: node.name,
      incarnation: EPOCH_MS + Math.floor(this.nowMs),
      address: node.address,
      description: { dataAddress: undefined, version: '1.0.0', metadata: {}, stalledThreads: [] },
      resolver: this.#options.resolver ?? { strategy: 'keepMajority' },
      timing: TIMING,
      state: node.disk,
      random: () => random.next(),
      ...overrides,
    };
    node.machine = (this.#options.make ?? ((given) => new Membership(given)))(configuration);
    this.#step(node, { type: 'tick' });
    const seeds = this.#options.seeds ?? 'all';
    const addresses = this.nodes.filter(({ name }) => seeds === 'all' || seeds.includes(name)).map(({ address }) => address);
    this.#step(node, { type: 'discovered', addresses: seeds !== 'all' && seeds.length === 0 ? [] : addresses, isStatic: true });
  }

  crash(node: BareNode): void {
    node.machine = undefined;
    node.wakeAtMs = Number.POSITIVE_INFINITY;
  }

  input(node: BareNode, input: MembershipInput): void {
    this.#step(node, input);
  }

  running(): BareNode[] {
    return this.nodes.filter((node) => this.isRunning(node));
  }

  isRunning(node: BareNode): boolean {
    // A process that does not run runs no agents; one that does looks at its clock first.
    return node.machine?.mayRun(this.localMs(node)) === true;
  }

  members(): BareNode[] {
    return this.nodes.filter(({ machine }) => machine?.standing === 'member');
  }

  /** All that are started are members, of one view that has nobody else. */
  isSettled(): boolean {
    const started = this.nodes.filter(({ machine }) => machine !== undefined);
    const views = new Set(started.map(({ machine }) => JSON.stringify(machine?.snapshot(0).members.map(({ name, incarnation }) => [name, incarnation]))));
    return (
      started.every(({ machine }) => machine?.standing === 'member') && views.size === 1 && started[0]?.machine?.snapshot(0).members.length === started.length
    );
  }

  /** Runs until then, or until it is so; whether it was. */
  run(forMs: number, until?: () => boolean): boolean {
    const endMs = this.nowMs + forMs;
    while (this.wrong.length === 0) {
      if (until?.()) return true;
      const next = this.#queue.peek();
      if (next === undefined || next.atMs > endMs) break;
      this.#queue.pop();
      this.nowMs = Math.max(this.nowMs, next.atMs);
      const { node } = next;
      if (node.machine === undefined || (next.start !== -1 && next.start !== node.starts)) continue;
      if (node.pausedUntilMs > this.nowMs) {
        this.#push(node.pausedUntilMs, node, next.input);
        continue;
      }
      if (next.input === undefined) {
        if (next.atMs !== node.wakeAtMs && node.wakeAtMs > this.nowMs) continue;
        node.wakeAtMs = Number.POSITIVE_INFINITY;
        this.#step(node, { type: 'tick' });
      } else this.#step(node, next.input);
    }
    if (this.wrong.length === 0) this.nowMs = Math.max(this.nowMs, endMs);
    return until?.() ?? false;
  }

  #push(atMs: number, node: BareNode, input: MembershipInput | undefined): void {
    this.#queue.push({ atMs, order: this.#order++, node, input, start: node.starts });
  }

  #step(node: BareNode, input: MembershipInput): void {
    const { machine } = node;
    if (machine === undefined) return;
    const inputs = [input];
    for (let next = inputs.shift(); next !== undefined; next = inputs.shift()) {
      for (const effect of machine.step(this.localMs(node), next)) {
        switch (effect.type) {
          case 'send':
            this.#deliver(node, effect.to, effect.bytes);
            break;
          case 'persist':
            node.disk = effect.bytes;
            inputs.push({ type: 'persisted' });
            break;
          case 'event':
            node.events.push({ atMs: this.nowMs, event: effect.event });
            this.#options.log?.(`${this.nowMs.toFixed(0)} ${node.name} ${JSON.stringify(effect.event)}`);
            this.#check(node, machine, effect.event);
        }
      }
    }
    if (machine.standing === 'member') this.#checkLineage(node);
    const dueMs = machine.dueMs;
    if (dueMs === Number.POSITIVE_INFINITY) return;
    const atMs = Math.max(this.nowMs + 0.01, (dueMs - node.offsetMs) / node.rate + 0.01);
    if (atMs < node.wakeAtMs) {
      node.wakeAtMs = atMs;
      this.#push(atMs, node, undefined);
    }
  }

  #deliver(from: BareNode, to: NodeAddress, bytes: Uint8Array): void {
    const node = this.#byAddress.get(to.host);
    this.datagrams += 1;
    if (node === undefined || this.isCut(from.name, node.name)) return;
    const copies = this.random.next() < this.duplicationRate ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) {
      if (this.random.next() < this.lossRate) continue;
      const atMs = this.nowMs + 0.1 + this.random.next() * this.delayMsMax;
      // It reaches whatever process is there then.
      this.#queue.push({ atMs, order: this.#order++, node, input: { type: 'received', from: from.address, bytes }, start: -1 });
    }
  }

  #check(node: BareNode, machine: MembershipMachine, event: MembershipEvent): void {
    if (event.type !== 'view') return;
    const snapshot = machine.snapshot(this.localMs(node));
    const clusterId = clusterIdOf(machine);
    const key = `${clusterId} ${event.number}`;
    const text = event.members.map(({ name, incarnation }) => `${name}#${incarnation}`).join(' ');
    const known = this.#viewsByNumber.get(key);
    if (known !== undefined && known !== text) this.wrong.push(`view ${key} is "${known}" and, at ${node.name}, "${text}"`);
    this.#viewsByNumber.set(key, text);
    for (const { name, incarnation } of event.members) {
      const identity = `${name}#${incarnation}`;
      const highestKey = `${clusterId} ${name}`;
      if (known === undefined) {
        const before = this.#highest.get(highestKey) ?? 0;
        if (this.#removed.has(`${clusterId} ${identity}`) && !this.#seenBefore(clusterId, event.number, identity))
          this.wrong.push(`${identity} was removed, and is in view ${event.number} again`);
        this.#highest.set(highestKey, Math.max(before, incarnation));
      }
    }
    for (const removed of event.removed) {
      this.#removed.add(`${clusterId} ${removed.name}#${removed.incarnation}`);
      this.#checkStopped(node, removed);
    }
    if (snapshot.view !== event.number && machine.standing !== 'left') this.wrong.push(`${node.name} says view ${event.number} and is in ${snapshot.view}`);
  }

  /** An older view that somebody hears of late may still have it. */
  #seenBefore(clusterId: string, number: number, identity: string): boolean {
    for (let later = number + 1; this.#viewsByNumber.has(`${clusterId} ${later}`); later++)
      if (!this.#viewsByNumber.get(`${clusterId} ${later}`)?.split(' ').includes(identity)) return true;
    return false;
  }

  #checkStopped(by: BareNode, { name, incarnation }: NodeIdentity): void {
    const node = this.node(name);
    if (node.machine?.self.incarnation !== incarnation) return;
    // Its stop margin has passed as well.
    if (node.machine.mayRun(this.localMs(node))) this.wrong.push(`${name} runs at ${this.nowMs}, and ${by.name} says that it was removed`);
    else if (lastRanMs(node) > this.nowMs - TIMING.stopMarginMs + 1)
      this.wrong.push(`${name} ran until ${lastRanMs(node)}, and at ${this.nowMs} ${by.name} says that it was removed`);
  }

  /** All that run are of one cluster, and, whatever view each knows, no one of them is removed in the view of another. */
  #checkLineage(changed: BareNode): void {
    const own = clusterIdOf(changed.machine as MembershipMachine);
    for (const other of this.nodes) {
      if (other === changed || !this.isRunning(other) || !this.isRunning(changed)) continue;
      if (clusterIdOf(other.machine as MembershipMachine) !== own) this.wrong.push(`${changed.name} and ${other.name} run in two clusters at ${this.nowMs}`);
    }
  }
}

/** Until when it could have run: what its standing says, or the end of a lease that nobody has looked at. */
function lastRanMs(node: BareNode): number {
  const { machine, events } = node;
  const leaseEndMs = machine === undefined ? Number.NEGATIVE_INFINITY : machine.leaseEndMs;
  const stopped = events.findLast(({ event }) => event.type === 'standing' && (event.standing === 'fenced' || event.standing === 'leaving'));
  if (machine?.standing === 'member') return Number.isFinite(leaseEndMs) ? (leaseEndMs - node.offsetMs) / node.rate : Number.POSITIVE_INFINITY;
  const because = stopped?.event.type === 'standing' ? stopped.event.because : undefined;
  // Leaving or told by the others: it runs nothing then. A late look does not make its agents run longer, because they look as well.
  return because === undefined || because.startsWith('removed') || because.startsWith('a newer') || because.startsWith('this process')
    ? Number.NEGATIVE_INFINITY
    : (stopped?.atMs ?? Number.NEGATIVE_INFINITY);
}

/** Of whichever cluster its last view was. */
export function clusterIdOf(machine: MembershipMachine): string {
  return machine.clusterId;
}

/** By time, then by order of coming. */
class Heap {
  readonly #items: Delivery[] = [];

  peek(): Delivery | undefined {
    return this.#items[0];
  }

  push(item: Delivery): void {
    const items = this.#items;
    items.push(item);
    let at = items.length - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(item, items[parent] as Delivery)) break;
      items[at] = items[parent] as Delivery;
      at = parent;
    }
    items[at] = item;
  }

  pop(): void {
    const items = this.#items;
    const last = items.pop() as Delivery;
    if (items.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= items.length) break;
      if (child + 1 < items.length && isBefore(items[child + 1] as Delivery, items[child] as Delivery)) child++;
      if (!isBefore(items[child] as Delivery, last)) break;
      items[at] = items[child] as Delivery;
      at = child;
    }
    items[at] = last;
  }
}

function isBefore(a: Delivery, b: Delivery): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}
