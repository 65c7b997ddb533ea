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
  /** Until when its present start could have run at most, in the time of the world, if it does not any more. */
  ranUntilMs: number;
  view: { readonly number: number; readonly members: ReadonlySet<string> } | undefined;
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
  /** False for clusters that promise less: nothing is checked then. */
  readonly isChecked?: boolean;
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
  readonly #incarnations = new Map<string, [view: number, incarnation: number][]>();
  readonly #goneIn = new Map<string, number>();
  readonly #byAddress = new Map<string, BareNode>();

  constructor(count: number, options: BareOptions = {}) {
    this.#options = options;
    this.random = new SeededRandom(options.seed ?? 1, 'world');
    for (let index = 0; index < count; index++) this.add();
  }

  add(name = `n${this.nodes.length + 1}`): BareNode {
    const address = { host: `10.0.0.${this.nodes.length + 1}`, port: 7400 };
    const clock = { rate: 1, offsetMs: 0, pausedUntilMs: 0, wakeAtMs: Number.POSITIVE_INFINITY };
    const node: BareNode = {
      name,
      address,
      machine: undefined,
      disk: undefined,
      events: [],
      starts: 0,
      ranUntilMs: Number.NEGATIVE_INFINITY,
      view: undefined,
      ...clock,
    };
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
    node.view = undefined;
    node.ranUntilMs = Number.NEGATIVE_INFINITY;
    node.events.length = 0;
    const random = new SeededRandom((this.#options.seed ?? 1) * 31 + node.starts, node.name);
    const configuration: MembershipConfiguration = {
      cluster: this.#options.cluster ?? 'test',
      node: node.name,
      incarnation: EPOCH_MS + Math.floor(this.nowMs),
      address: node.address,
      weight: 1,
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
    let first: BareNode | undefined;
    let count = 0;
    for (const node of this.nodes) {
      if (node.machine === undefined) continue;
      first ??= node;
      count += 1;
      if (node.machine.standing !== 'member' || node.view?.number !== first.view?.number || node.machine.clusterId !== first.machine?.clusterId) return false;
    }
    return first?.view?.members.size === count;
  }

  /** Runs until then, or until it is so; whether it was. */
  run(forMs: number, until?: () => boolean): boolean {
    let steps = 0;
    const endMs = this.nowMs + forMs;
    while (this.wrong.length === 0) {
      if (until?.()) return true;
      const next = this.#queue.peek();
      if (next === undefined || next.atMs > endMs) break;
      this.#queue.pop();
      if (++steps > 300_000)
        throw new Error(
          `endless at ${this.nowMs}: ${next.node.name} ${JSON.stringify(next.input)} ${next.node.machine?.dueMs} ${this.localMs(next.node)} ${next.node.machine?.standing}`,
        );
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
      const leaseEndMs = machine.standing === 'member' ? (machine.leaseEndMs - node.offsetMs) / node.rate : Number.NEGATIVE_INFINITY;
      const effects = machine.step(this.localMs(node), next);
      // Who leaves runs nothing from then on, by its own word.
      if (leaseEndMs !== Number.NEGATIVE_INFINITY && machine.standing === 'fenced') node.ranUntilMs = Math.min(this.nowMs, leaseEndMs);
      for (const effect of effects) {
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
            if (this.#options.isChecked === false) this.#note(node, effect.event);
            else this.#check(node, effect.event);
        }
      }
    }
    if (machine.standing === 'member' && this.#options.isChecked !== false) this.#checkLineage(node);
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

  #note(node: BareNode, event: MembershipEvent): void {
    if (event.type === 'view') node.view = { number: event.number, members: new Set(event.members.map(identityText)) };
  }

  #check(node: BareNode, event: MembershipEvent): void {
    if (event.type !== 'view') return;
    const { clusterId, number, members } = event;
    const before = node.view?.number ?? 0;
    if (number <= before) this.wrong.push(`${node.name} goes from view ${before} to ${number}`);
    node.view = { number, members: new Set(members.map(identityText)) };
    const text = members.map((member) => `${identityText(member)} weighs ${member.weight}`).join(' ');
    const key = `${clusterId} ${number}`;
    const known = this.#viewsByNumber.get(key);
    if (known !== undefined && known !== text) this.wrong.push(`view ${key} is "${known}" and, at ${node.name}, "${text}"`);
    if (known === undefined) {
      this.#viewsByNumber.set(key, text);
      for (const member of members) this.#checkHistory(clusterId, number, member);
    }
    for (const gone of [...event.left, ...event.removed]) {
      const goneKey = `${clusterId} ${identityText(gone)}`;
      this.#goneIn.set(goneKey, Math.min(number, this.#goneIn.get(goneKey) ?? number));
    }
    for (const removed of event.removed) this.#checkStopped(node, removed);
  }

  /** Of one name incarnations only grow, and none that has gone is in a later view. Views may be heard of in another order. */
  #checkHistory(clusterId: string, number: number, { name, incarnation }: NodeIdentity): void {
    const goneIn = this.#goneIn.get(`${clusterId} ${name}#${incarnation}`) ?? Number.POSITIVE_INFINITY;
    if (goneIn < number && !this.#viewsByNumber.get(`${clusterId} ${goneIn}`)?.includes(`${name}#${incarnation}`))
      this.wrong.push(`${name}#${incarnation} had gone in view ${goneIn}, and is in view ${number}`);
    const history = this.#incarnations.get(`${clusterId} ${name}`) ?? [];
    for (const [then, other] of history)
      if ((then < number && other > incarnation) || (then > number && other < incarnation))
        this.wrong.push(`${name} has incarnation ${other} in view ${then}, and ${incarnation} in view ${number}`);
    history.push([number, incarnation]);
    this.#incarnations.set(`${clusterId} ${name}`, history);
  }

  #checkStopped(by: BareNode, { name, incarnation }: NodeIdentity): void {
    const node = this.node(name);
    if (node.machine?.self.incarnation !== incarnation) return;
    if (node.machine.mayRun(this.localMs(node))) this.wrong.push(`${name} runs at ${this.nowMs}, and ${by.name} says that it was removed`);
    // Its stop margin has passed as well.
    else if (node.ranUntilMs > this.nowMs - TIMING.stopMarginMs + 1)
      this.wrong.push(`${name} ran until ${node.ranUntilMs}, and at ${this.nowMs} ${by.name} says that it was removed`);
  }

  /** All that run are of one cluster, and, whatever view each knows, no one of them is removed in the view of another. */
  #checkLineage(changed: BareNode): void {
    if (!this.isRunning(changed)) return;
    for (const other of this.nodes) {
      if (other === changed || !this.isRunning(other)) continue;
      const wrong = this.#apart(changed, other);
      if (wrong !== undefined) this.wrong.push(`${wrong}, at ${this.nowMs}`);
    }
  }

  #apart(a: BareNode, b: BareNode): string | undefined {
    if (a.machine?.clusterId !== b.machine?.clusterId) return `${a.name} and ${b.name} run in two clusters`;
    const [older, newer] = (a.view?.number ?? 0) <= (b.view?.number ?? 0) ? [a, b] : [b, a];
    const { self } = older.machine as MembershipMachine;
    if (newer.view?.members.has(`${self.name}#${self.incarnation}`)) return undefined;
    return `${older.name} runs in view ${older.view?.number}, and ${newer.name} in view ${newer.view?.number}, in which it is not`;
  }
}

function identityText({ name, incarnation }: NodeIdentity): string {
  return `${name}#${incarnation}`;
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
