/**
 * Views alone against an adversary: it says who can be reached, whether that is so or not, holds datagrams back for seconds in one direction, kills proposers between their proposal and its outcome, pauses nodes, and lets
 * nodes come and go all the time. There is no failure detector that would have to be deceived first, so that what the explorer (`explorer.ts`) meets once in thousands of runs happens in each. Only safety is
 * looked at. `make` makes the views, so that broken ones can be tried.
 */
import type { ResolverOptions } from '../../../../dist/ts-src/model/cluster-options.js';
import type { NodeAddress, NodeIdentity } from '../../../../dist/ts-src/model/node-identity.js';
import { SeededRandom } from '../../../../dist/ts-src/model/seeded-random.js';
import type { Departure, View, ViewMember } from '../../../../dist/ts-src/protocols/views/view.js';
import type { ViewMessage } from '../../../../dist/ts-src/protocols/views/view-messages.js';
import { Views, type ViewsNeeds, type ViewsOptions } from '../../../../dist/ts-src/protocols/views/views.js';

export type MakeViews = (nowMs: number, self: NodeIdentity, view: View, options: ViewsOptions, needs: ViewsNeeds) => Views;

const LEASE_MS = 5000;
const STOP_MARGIN_MS = 1000;
const STEP_MS = 125;
const RUN_MS = 120_000;

interface Node {
  readonly name: string;
  readonly address: NodeAddress;
  rate: number;
  incarnation: number;
  views: Views | undefined;
  /** It asks to be taken in. */
  isJoining: boolean;
  /** It has had a lease. */
  hasRun: boolean;
  /** It has said that it goes, and runs nothing from then on. */
  isLeaving: boolean;
  pausedUntilMs: number;
  /** What it says until then is lost. */
  muteUntilMs: number;
}

type Content =
  | { readonly type: 'ping'; readonly sentAtMs: number }
  | { readonly type: 'ack'; readonly sentAtMs: number; readonly grant: number }
  | { readonly type: 'views'; readonly message: ViewMessage };

interface Datagram {
  readonly from: NodeIdentity;
  readonly to: string;
  /** Of whom it is meant for; 0 for whoever is there. */
  readonly incarnation: number;
  readonly view: number;
  readonly atMs: number;
  readonly content: Content;
}

export interface Outcome {
  /** The first thing that was wrong; undefined if nothing was. */
  readonly wrong: string | undefined;
  readonly views: number;
  readonly removals: number;
}

export function attack(seed: number, make: MakeViews = (...values) => new Views(...values)): Outcome {
  return new Adversary(seed, make).run();
}

class Adversary {
  readonly #random: SeededRandom;
  /** Of its own, so that runs in which nobody says that it is gone stay as they are. */
  readonly #goneRandom: SeededRandom;
  readonly #make: MakeViews;
  readonly #resolver: ResolverOptions;
  readonly #nodes: Node[];
  /** Faults are not the same in each run: some keep others from happening. */
  readonly #strange: readonly number[];
  readonly #muteRate: number;
  readonly #splitRate: number;
  #nowMs = 0;
  #incarnations = 100;
  #datagrams: Datagram[] = [];
  /** Of the one direction of each link: the greatest delay; infinity if it is cut. */
  #delays = new Map<string, number>();
  #contents = new Map<number, string>();
  /** Until when each start that does not run any more may have run, or does. */
  #ranUntilMs = new Map<string, number>();
  #lastProposer: Node | undefined;
  #removed = new Set<string>();
  #wrong: string | undefined;

  constructor(seed: number, make: MakeViews) {
    this.#random = new SeededRandom(seed, 'adversary');
    this.#goneRandom = new SeededRandom(seed, 'gone');
    this.#make = make;
    this.#strange = this.#pick([[0, 0.1, 0.3], [0, 0.2, 0.4], [0.2]]);
    this.#muteRate = this.#pick([0, 0, 0.25]);
    this.#splitRate = this.#pick([0, 0, 0.2]);
    const count = 3 + (seed % 4);
    const outside = this.#pick([0, 0, 1, 2]);
    this.#resolver = resolverOf(Math.floor(seed / 4));
    this.#nodes = Array.from({ length: count + outside }, (_, index) => ({
      ...{ name: `n${index}`, address: { host: `n${index}`, port: 1 }, rate: 1 + (this.#random.next() - 0.5) * 0.0196 },
      ...{ incarnation: 1, views: undefined, isJoining: false, hasRun: false, isLeaving: false, pausedUntilMs: 0, muteUntilMs: 0 },
    }));
    const members = this.#nodes
      .slice(0, count)
      .map(({ name, address }): ViewMember => ({ name, address, incarnation: 1, status: 'up', weight: 1, sinceView: 1 }));
    for (const node of this.#nodes.slice(0, count)) this.#enter(node, { clusterId: 'c', number: 1, members, incarnationFloor: 0 });
  }

  run(): Outcome {
    let nextTroubleMs = 0;
    while (this.#nowMs < RUN_MS && this.#wrong === undefined && this.#nodes.some(({ views }) => views !== undefined)) {
      this.#nowMs += STEP_MS;
      if (this.#nowMs >= nextTroubleMs) {
        nextTroubleMs = this.#nowMs + 200 + this.#random.next() * 4000;
        this.#redrawLinks();
        this.#redrawReachability();
        if (this.#chance(0.15)) this.#pick(this.#nodes).pausedUntilMs = this.#nowMs + this.#random.next() * 8000;
        if (this.#chance(0.06)) this.#crash(this.#pick(this.#nodes));
      }
      this.#deliver();
      for (const node of this.#nodes) if (node.pausedUntilMs <= this.#nowMs) this.#act(node);
    }
    return { wrong: this.#wrong, views: this.#contents.size, removals: this.#removed.size };
  }

  #act(node: Node): void {
    this.#look(node);
    const { views } = node;
    if (views === undefined) {
      if (!node.isJoining && this.#chance(0.05)) {
        node.isJoining = true;
        node.incarnation = ++this.#incarnations;
      }
      if (!node.isJoining || !this.#chance(0.3)) return;
      const asked = this.#pick(this.#nodes);
      this.#look(asked);
      // What it says of greater incarnations is not heard: all are greater than any before.
      asked.views?.join(this.#localMs(asked), { name: node.name, incarnation: node.incarnation, address: node.address, weight: 1 });
      return;
    }
    views.tick(this.#localMs(node));
    const lastProposer = this.#lastProposer;
    this.#lastProposer = undefined;
    if (lastProposer === node && this.#chance(0.05)) return this.#crash(node);
    for (const voter of node.views?.voters ?? []) {
      if (voter.name !== node.name && this.#chance(0.25)) this.#send(node, voter.name, voter.incarnation, { type: 'ping', sentAtMs: this.#localMs(node) });
    }
    if (this.#chance(0.002)) this.#leave(node);
    this.#look(node);
  }

  /** What is due, in order of its time. */
  #deliver(): void {
    const due = this.#datagrams.filter(({ atMs }) => atMs <= this.#nowMs).sort((a, b) => a.atMs - b.atMs);
    this.#datagrams = this.#datagrams.filter(({ atMs }) => atMs > this.#nowMs);
    for (const datagram of due) {
      const node = this.#named(datagram.to);
      if (node.pausedUntilMs > this.#nowMs) {
        this.#datagrams.push({ ...datagram, atMs: node.pausedUntilMs });
        continue;
      }
      this.#look(node);
      if (datagram.incarnation === 0 || datagram.incarnation === node.incarnation) this.#receive(node, datagram);
      this.#look(node);
    }
  }

  #receive(node: Node, { from, view, content }: Datagram): void {
    const { views } = node;
    const message = content.type === 'views' ? content.message : undefined;
    if (views === undefined) {
      if (
        node.isJoining &&
        message?.type === 'whole' &&
        message.view.members.some(({ name, incarnation }) => name === node.name && incarnation === node.incarnation)
      )
        this.#enter(node, message.view);
      return;
    }
    const nowMs = this.#localMs(node);
    const address = this.#named(from.name).address;
    const isMember = message?.type === 'removed' ? views.memberOf(from) !== undefined : views.hear(nowMs, from, address, view);
    if (message !== undefined) return views.receive(nowMs, from, address, message, isMember);
    if (!isMember) return;
    if (content.type === 'ping') this.#send(node, from.name, from.incarnation, { type: 'ack', sentAtMs: content.sentAtMs, grant: views.grantFor(nowMs, from) });
    else if (content.type === 'ack') views.acked(from, content.grant, content.sentAtMs);
  }

  /** The clock of this node is looked at, as before every step: it has run until now, or until its lease has ended, and is then fenced. */
  #look(node: Node): void {
    const { views } = node;
    if (views === undefined || node.isLeaving) return;
    const runs = this.#localMs(node) < views.leaseEndMs;
    if (runs) {
      node.hasRun = true;
      this.#checkOneSide(node, views);
    } else if (node.hasRun) {
      this.#sayGone(node, views);
      this.#stop(node, this.#worldMs(node, views.leaseEndMs));
    }
  }

  /** What it ran has had its time to stop then. Some of the voters hear of it, some time. */
  #sayGone(node: Node, views: Views): void {
    const goneAtMs = this.#nowMs + this.#worldMs(node, STOP_MARGIN_MS);
    for (const voter of views.voters) {
      const delayMs = this.#delays.get(`${node.name} ${voter.name}`) ?? 1;
      const atMs = goneAtMs + this.#goneRandom.next() * delayMs;
      if (voter.name === node.name || this.#goneRandom.next() < 0.5 || atMs === Number.POSITIVE_INFINITY) continue;
      const content = { type: 'views', message: { type: 'leave', isFenced: true } } as const;
      this.#datagrams.push({ from: identityOf(node), to: voter.name, incarnation: voter.incarnation, view: views.view.number, atMs, content });
    }
  }

  /** It ran until then, and its process ends. */
  #stop(node: Node, ranUntilMs: number): void {
    if (node.hasRun) this.#ranUntilMs.set(keyOf(node), ranUntilMs);
    node.views = undefined;
    node.isJoining = false;
    node.hasRun = false;
  }

  #crash(node: Node): void {
    if (node.views !== undefined) this.#stop(node, Number.NEGATIVE_INFINITY);
  }

  #leave(node: Node): void {
    if (node.views === undefined) return;
    this.#look(node);
    node.hasRun = false;
    node.isLeaving = true;
    node.views?.leave(this.#localMs(node), 'left');
  }

  #enter(node: Node, view: View): void {
    const self = { name: node.name, incarnation: node.incarnation };
    node.isJoining = false;
    node.hasRun = false;
    node.isLeaving = false;
    const options = { resolver: this.#resolver, cluster: 'c', leaseMs: LEASE_MS, stopMarginMs: STOP_MARGIN_MS, probeTimeoutMs: 500, weight: 1 };
    node.views = this.#make(this.#localMs(node), self, view, options, {
      send: (to, incarnation, message) => {
        if (message.type === 'accept') this.#lastProposer = node;
        // It alone knows what has been chosen.
        if (message.type === 'decided' && node.views?.view.number === message.change.number - 1 && this.#chance(this.#muteRate))
          node.muteUntilMs = this.#nowMs + this.#random.next() * 4000;
        this.#send(node, to.host, incarnation, { type: 'views', message }, self);
      },
      installed: (_, next, departed) => this.#installed(node, next, departed),
      excluded: () => {
        if (node.incarnation === self.incarnation) this.#stop(node, this.#nowMs);
      },
      warning: () => undefined,
      random: () => this.#random.next(),
    });
    if (view.members.length > 1 && node.incarnation > 1) for (const other of this.#nodes) if (this.#chance(0.3)) node.views.reachable(identityOf(other), false);
  }

  #installed(by: Node, view: View, departed: readonly Departure[]): void {
    const content = view.members.map(keyOf).join(' ');
    const known = this.#contents.get(view.number);
    if (known !== undefined && known !== content) this.#wrong ??= `view ${view.number} is "${known}" and, at ${by.name}, "${content}"`;
    this.#contents.set(view.number, content);
    for (const departure of departed) {
      if (departure.reason === 'left') continue;
      this.#removed.add(keyOf(departure));
      const untilMs = this.#runsUntilMs(departure);
      if (untilMs > this.#nowMs - STOP_MARGIN_MS + 1)
        this.#wrong ??= `${keyOf(departure)} runs until ${untilMs}, and at ${this.#nowMs} ${by.name} says that it was removed in view ${view.number}`;
    }
  }

  #runsUntilMs(node: NodeIdentity): number {
    const there = this.#named(node.name);
    if (there.incarnation !== node.incarnation || there.views === undefined) return this.#ranUntilMs.get(keyOf(node)) ?? Number.NEGATIVE_INFINITY;
    return there.hasRun ? this.#worldMs(there, there.views.leaseEndMs) : Number.NEGATIVE_INFINITY;
  }

  #checkOneSide(node: Node, views: Views): void {
    for (const other of this.#nodes) {
      if (other === node || other.views === undefined || !other.hasRun || this.#localMs(other) >= other.views.leaseEndMs) continue;
      const [older, newer] = views.view.number <= other.views.view.number ? [node, other.views] : [other, views];
      if (newer.memberOf(older) === undefined) this.#wrong ??= `at ${this.#nowMs} ${keyOf(older)} runs, and view ${newer.view.number}, in which it is not`;
    }
  }

  #send(from: Node, to: string, incarnation: number, content: Content, self = identityOf(from)): void {
    const delayMs = this.#delays.get(`${from.name} ${to}`) ?? 1;
    if (delayMs === Number.POSITIVE_INFINITY || from.muteUntilMs > this.#nowMs) return;
    const view = from.views?.view.number ?? 0;
    for (let copies = this.#chance(0.1) ? 2 : 1; copies > 0; copies--)
      this.#datagrams.push({ from: self, to, incarnation, view, atMs: this.#nowMs + this.#random.next() * delayMs, content });
  }

  #redrawLinks(): void {
    const strange = this.#pick(this.#strange);
    const side = new Set(this.#nodes.filter(() => this.#chance(0.5)));
    const isSplit = this.#chance(this.#splitRate);
    for (const from of this.#nodes)
      for (const to of this.#nodes) {
        const isStrange = this.#chance(strange) || (isSplit && side.has(from) !== side.has(to));
        this.#delays.set(`${from.name} ${to.name}`, isStrange ? this.#pick([1000, 9000, Number.POSITIVE_INFINITY]) : 1);
      }
  }

  #redrawReachability(): void {
    // Somebody of whom most say the same, and some that each sees otherwise.
    const victim = this.#pick(this.#nodes);
    const isVictim = this.#chance(0.6);
    for (const node of this.#nodes)
      for (const other of this.#nodes)
        if (other !== node) node.views?.reachable(identityOf(other), !(other === victim && isVictim ? this.#chance(0.9) : this.#chance(0.15)));
    for (const node of this.#nodes)
      for (const member of node.views?.view.members ?? []) {
        const other = this.#named(member.name);
        if (other.incarnation !== member.incarnation || other.views === undefined) node.views?.reachable(member, this.#chance(0.1));
      }
  }

  #localMs(node: Node): number {
    return this.#nowMs * node.rate;
  }

  #worldMs(node: Node, localMs: number): number {
    return localMs / node.rate;
  }

  #named(name: string): Node {
    return this.#nodes.find((node) => node.name === name) as Node;
  }

  #chance(probability: number): boolean {
    return this.#random.next() < probability;
  }

  #pick<T>(values: readonly T[]): T {
    return values[Math.floor(this.#random.next() * values.length)] as T;
  }
}

function keyOf({ name, incarnation }: NodeIdentity): string {
  return `${name}#${incarnation}`;
}

function identityOf({ name, incarnation }: Node): NodeIdentity {
  return { name, incarnation };
}

function resolverOf(index: number): ResolverOptions {
  switch (index % 6) {
    case 0:
      return { strategy: 'keepOldest' };
    case 1:
      return { strategy: 'keepReferee', referee: 'n1' };
    case 2:
      return { strategy: 'staticQuorum', quorum: 4 };
    default:
      return { strategy: 'keepMajority' };
  }
}
