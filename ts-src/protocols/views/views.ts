/**
 * The views of one member: from the first that it is in until it is in none any more. It takes part in the agreement on the next view, gives and takes leases, tells others of views and asks for those
 * it has missed. It knows who can be reached from the failure detector, and moves no time of its own. How a node comes to its first view is in `joining.ts`; who calls is `membership/`.
 */
import { addressText, type NodeAddress, type NodeIdentity, sameNode } from '../../model/node-identity.js';
import type { ResolverOptions } from '../../model/cluster-options.js';
import { Agreement, BALLOT_MS_MAX } from './agreement.js';
import { Grants } from './grants.js';
import { Lease } from './lease.js';
import { type QuorumSystem, quorumSystemOf } from './quorum.js';
import {
  changedView,
  type Departure,
  type DepartureReason,
  descendsFrom,
  incarnationMost,
  type Joiner,
  type View,
  type ViewChange,
  type ViewMember,
} from './view.js';
import { REDIRECTS_MAX, type ViewMessage } from './view-messages.js';
import { WantedChanges } from './wanted-changes.js';

/** What happens together goes into one view: so long it is waited for more. */
const SETTLE_MS = 100;
/** Whoever is next in age proposes when the one before has not for so long: well within a lease. */
const TAKEOVER_MS = 600;
/** Nobody waits for more turns than that once it has agreed to something: the leases of all wait for what comes of it. */
const TURNS_UNSETTLED_MAX = 2;
/** What was not answered is said again. */
const RESEND_MS = 250;
/** A proposer that found no quorum for what it wants tries again. */
const RETRY_MS = 400;
/** At most so often is anybody asked for a view. */
const PULL_MS = 100;

export interface ViewsOptions {
  readonly resolver: ResolverOptions;
  readonly cluster: string;
  readonly leaseMs: number;
  readonly stopMarginMs: number;
  readonly probeTimeoutMs: number;
  /** That this node wants to have. */
  readonly weight: number;
}

export interface ViewsNeeds {
  /** @param incarnation of whom it is meant for; 0 for whoever is there */
  send(to: NodeAddress, incarnation: number, message: ViewMessage): void;
  installed(before: View | undefined, view: View, departed: readonly Departure[]): void;
  /** This node is in no view any more. */
  excluded(number: number, why: Exclusion): void;
  warning(because: string): void;
  random(): number;
}

/** `replaced`: by another incarnation of its name. `otherSide`: both sides of a partition have gone on, and the other one has the later view. */
export type Exclusion = 'removed' | 'replaced' | 'otherSide';

interface Farewell {
  readonly change: ViewChange;
  readonly untold: Set<ViewMember>;
  againAtMs: number;
  readonly untilMs: number;
}

export class Views {
  readonly #self: NodeIdentity;
  readonly #options: ViewsOptions;
  readonly #needs: ViewsNeeds;
  readonly #wanted = new WantedChanges();
  readonly #grants: Grants;
  readonly #lease: Lease;
  readonly #agreement: Agreement;
  #nowMs: number;
  #view: View;
  #system: QuorumSystem;
  #index = -1;
  #byName = new Map<string, ViewMember>();
  /** From the view before to this one, for those who lack nothing but that. */
  #lastChange: ViewChange | undefined;
  #departing: DepartureReason | undefined;
  #sayLeaveAtMs = Number.POSITIVE_INFINITY;
  /** That this node wants to have; when the voters are told so, while the view says otherwise. */
  #weight: number;
  #sayWeightAtMs = Number.POSITIVE_INFINITY;
  /** A change is wanted since then. */
  #wantedSinceMs = Number.POSITIVE_INFINITY;
  #proposeAtMs = Number.POSITIVE_INFINITY;
  #triedAtMs = Number.NEGATIVE_INFINITY;
  #jitter = 0;
  #pulledAtMs = Number.NEGATIVE_INFINITY;
  /** This node has proposed the view without itself: it goes when enough others know. */
  #farewell: Farewell | undefined;

  constructor(nowMs: number, self: NodeIdentity, view: View, options: ViewsOptions, needs: ViewsNeeds) {
    this.#nowMs = nowMs;
    this.#self = self;
    this.#options = options;
    this.#needs = needs;
    this.#weight = options.weight;
    this.#grants = new Grants(nowMs, options, BALLOT_MS_MAX);
    this.#lease = new Lease(self.name, options);
    this.#view = view;
    this.#system = quorumSystemOf(options.resolver, view);
    this.#agreement = new Agreement(this.#system, -1, view.number + 1, RESEND_MS, {
      sendToVoter: (index, message) => this.#sendTo(this.#system.voters[index] as ViewMember, message),
      removable: () =>
        this.#grants.offer(
          this.#nowMs,
          this.#view.members.filter((member) => !sameNode(member, self)),
          this.#wanted,
        ),
      mayDepart: (departure) => this.#mayDepart(departure),
      accepted: () => this.#lease.accepted(this.#nowMs),
      wanted: (_, isRemovable) => this.#wanted.change(this.#nowMs, this.#view, isRemovable),
      chosen: (change) => this.#chosen(change),
    });
    this.#install(view, undefined, []);
  }

  get view(): View {
    return this.#view;
  }

  get voters(): readonly ViewMember[] {
    return this.#system.voters;
  }

  get leaseEndMs(): number {
    return this.#lease.endMs;
  }

  /** The oldest voter that can be reached. */
  get coordinator(): ViewMember | undefined {
    return this.#system.voters.find((voter) => sameNode(voter, this.#self) || !this.#wanted.isUnreachable(voter));
  }

  /** When `tick` and `probes` are wanted. */
  get dueMs(): number {
    // Who takes leave does nothing else any more: `tick` leaves all other times as they are.
    if (this.#farewell !== undefined) return Math.min(this.#lease.dueMs, this.#farewell.againAtMs, this.#farewell.untilMs);
    return Math.min(
      this.#agreement.dueMs,
      this.#lease.dueMs,
      this.#proposeAtMs,
      this.#sayLeaveAtMs,
      this.#sayWeightAtMs,
      this.#agreement.isUnsettled ? this.#pulledAtMs + RESEND_MS : Number.POSITIVE_INFINITY,
    );
  }

  memberOf({ name, incarnation }: NodeIdentity): ViewMember | undefined {
    const member = this.#byName.get(name);
    return member?.incarnation === incarnation ? member : undefined;
  }

  isDeparting(node: NodeIdentity): boolean {
    return this.#wanted.isDeparting(node);
  }

  /** The answer to a ping of this member: under which view it may count on this node for the time of a lease; 0 for none. */
  grantFor(nowMs: number, node: NodeIdentity): number {
    this.#nowMs = nowMs;
    if (this.memberOf(node) === undefined || this.#agreement.isUnsettled || this.#farewell !== undefined) return 0;
    // Others may be about to remove it: it is not to come between.
    if (this.#grants.isHeld(nowMs, node) || (this.#wanted.isUnreachable(node) && this.#mayRemove(node))) return 0;
    this.#grants.granted(nowMs, node);
    return this.#view.number;
  }

  acked(node: NodeIdentity, grant: number, sentAtMs: number): void {
    if (this.memberOf(node) !== undefined) this.#lease.acked(node, grant, sentAtMs);
  }

  reachable(node: NodeIdentity, isReachable: boolean): void {
    this.#wanted.reachable(node, isReachable);
  }

  /** Members to be pinged out of turn, so that the lease does not end. */
  probes(nowMs: number): readonly NodeIdentity[] {
    return this.#lease.ask(nowMs);
  }

  /** This node goes: from now on it runs nothing, and the others need not wait for its lease. */
  leave(nowMs: number, reason: DepartureReason): void {
    this.#nowMs = nowMs;
    if (this.#departing !== undefined) return;
    this.#departing = reason;
    this.#wanted.departs({ name: this.#self.name, incarnation: this.#self.incarnation, reason });
    if (this.#view.members.length === 1) return this.#needs.excluded(this.#view.number, 'removed');
    this.#sayLeaveAtMs = nowMs;
    this.tick(nowMs);
  }

  /** This node wants another weight, and goes on asking for it until the view says so. */
  weigh(nowMs: number, weight: number): void {
    this.#nowMs = nowMs;
    this.#weight = weight;
    this.#wantWeight();
    this.tick(nowMs);
  }

  tick(nowMs: number): void {
    this.#nowMs = nowMs;
    if (this.#farewell !== undefined) return this.#bidFarewell(this.#farewell);
    if (nowMs >= this.#sayLeaveAtMs) {
      this.#sayLeaveAtMs = nowMs + RESEND_MS;
      for (const voter of this.#system.voters) this.#sendTo(voter, { type: 'leave', isFenced: this.#departing === 'gone' });
    }
    if (nowMs >= this.#sayWeightAtMs) {
      this.#sayWeightAtMs = nowMs + RESEND_MS;
      for (const voter of this.#system.voters) this.#sendTo(voter, { type: 'weigh', weight: this.#weight });
    }
    this.#agreement.tick(nowMs);
    if (this.#agreement.isUnsettled && nowMs >= this.#pulledAtMs + RESEND_MS) {
      this.#pulledAtMs = nowMs;
      for (const voter of this.#system.voters) this.#sendTo(voter, { type: 'pull', number: this.#view.number });
    }
    this.#propose();
  }

  /** A node that may be no member wants to be one; its settings are those of the cluster. */
  join(nowMs: number, joiner: Joiner): void {
    this.#nowMs = nowMs;
    const reply = (message: ViewMessage): void => this.#needs.send(joiner.address, joiner.incarnation, message);
    if (this.memberOf(joiner) !== undefined) return reply({ type: 'whole', view: this.#view });
    const present = this.#byName.get(joiner.name);
    const least = Math.max(this.#view.incarnationFloor, present?.incarnation ?? 0);
    if (joiner.incarnation <= least) {
      const because = `this cluster has seen greater incarnations of its nodes than ${joiner.incarnation}: one above ${least} is needed`;
      return reply({ type: 'refusal', code: 'NEXUS_NODE_STALE', because, incarnation: least + 1 });
    }
    const most = incarnationMost(this.#view);
    if (joiner.incarnation > most) {
      const because = `the incarnation ${joiner.incarnation} is far above all that this cluster has seen: at most ${most} is taken`;
      return reply({ type: 'refusal', code: 'NEXUS_NODE_AHEAD', because, incarnation: 0 });
    }
    if (present !== undefined && !this.#wanted.isUnreachable(present) && !this.#wanted.isDeparting(present)) {
      const because = `a node named ${joiner.name} is a member, at ${addressText(present.address)}, and answers or has until a moment ago; who starts again joins when that one is gone, two need two names`;
      reply({ type: 'refusal', code: 'NEXUS_NODE_DUPLICATE', because, incarnation: 0 });
    }
    this.#wanted.joins(nowMs, joiner);
    const { coordinator } = this;
    if (coordinator !== undefined && !sameNode(coordinator, this.#self)) this.#sendTo(coordinator, { type: 'joinFor', joiner });
    reply(this.redirection());
    this.tick(nowMs);
  }

  redirection(): ViewMessage {
    return { type: 'redirect', cluster: this.#options.cluster, members: this.#system.voters.slice(0, REDIRECTS_MAX).map(({ address }) => address) };
  }

  /** A message of a node of this cluster, which knew the view of this number when it sent it. Returns whether it is a member. */
  hear(nowMs: number, from: NodeIdentity, address: NodeAddress, number: number): boolean {
    this.#nowMs = nowMs;
    if (number > this.#view.number) this.#pull(address, from.incarnation);
    if (this.memberOf(from) !== undefined) return true;
    if (number > this.#view.number) return false;
    const byName = (this.#byName.get(from.name)?.incarnation ?? 0) > from.incarnation;
    this.#needs.send(address, from.incarnation, { type: 'removed', number: this.#view.number, byName });
    return false;
  }

  /** A message about views, of a member or of one that is none any more (`hear` has said which). */
  receive(nowMs: number, from: NodeIdentity, address: NodeAddress, message: ViewMessage, isMember: boolean): void {
    this.#nowMs = nowMs;
    switch (message.type) {
      case 'decided':
        return this.#decided(message.change);
      case 'whole':
        return this.#whole(message.view);
      case 'pull':
        return this.#tell(address, from.incarnation, message.number);
      case 'removed':
        return this.#removed(from, message.number, message.byName);
      case 'leave':
        if (!isMember) return;
        this.#wanted.departs({ name: from.name, incarnation: from.incarnation, reason: message.isFenced ? 'gone' : 'left' });
        return this.tick(nowMs);
      case 'weigh':
        if (!isMember) return;
        this.#wanted.weighs(this.memberOf(from) as ViewMember, message.weight);
        return this.tick(nowMs);
      case 'joinFor':
        if (!isMember || this.memberOf(message.joiner) !== undefined || message.joiner.incarnation > incarnationMost(this.#view)) return;
        this.#wanted.joins(nowMs, message.joiner);
        return this.tick(nowMs);
      case 'prepare':
      case 'promise':
      case 'accept':
      case 'accepted':
      case 'superseded':
        if (!isMember || this.#farewell !== undefined) return;
        this.#agree(from, address, message);
        return this.tick(nowMs);
      default:
        return;
    }
  }

  #agree(
    from: NodeIdentity,
    address: NodeAddress,
    message: Extract<ViewMessage, { type: 'prepare' | 'promise' | 'accept' | 'accepted' | 'superseded' }>,
  ): void {
    const number = message.type === 'accept' ? message.change.number : message.number;
    const voter = this.#system.voters.findIndex((candidate) => sameNode(candidate, from));
    if (number <= this.#view.number) {
      if (message.type === 'prepare' || message.type === 'accept') this.#tell(address, from.incarnation, number - 1);
      return;
    }
    if (number > this.#view.number + 1) return this.#pull(address, from.incarnation);
    if (voter === -1 || this.#index === -1) return;
    switch (message.type) {
      case 'prepare':
        return this.#agreement.prepare(this.#nowMs, voter, message.ballot);
      case 'promise':
        if (message.accepted !== undefined && changedView(this.#view, message.accepted.change) === undefined) return;
        return this.#agreement.promise(this.#nowMs, voter, message.ballot, message.accepted, message.removable);
      case 'accept':
        if (changedView(this.#view, message.change) === undefined) return;
        return this.#agreement.accept(this.#nowMs, voter, message.ballot, message.change);
      case 'accepted':
        return this.#agreement.accepted(voter, message.ballot);
      case 'superseded':
        return this.#agreement.superseded(this.#nowMs, message.ballot);
    }
  }

  #mayRemove(node: NodeIdentity): boolean {
    return this.#nowMs >= this.#grants.removableAtMs(node);
  }

  #mayDepart(departure: Departure): boolean {
    // Its own word is as good as the end of its lease, also where the proposer has not heard it.
    if (departure.reason !== 'removed' || this.#wanted.isDeparting(departure)) return true;
    return !sameNode(departure, this.#self) && this.#mayRemove(departure);
  }

  /** Whoever is the oldest that can be reached proposes; the next in age when nothing has come of it for a while, and so on. */
  #propose(): void {
    const nowMs = this.#nowMs;
    this.#proposeAtMs = Number.POSITIVE_INFINITY;
    if (this.#index === -1 || this.#farewell !== undefined) return;
    let nextRemovableMs = Number.POSITIVE_INFINITY;
    for (const node of this.#wanted.unreachable) {
      const removableAtMs = this.#grants.removableAtMs(node);
      if (removableAtMs > nowMs) nextRemovableMs = Math.min(nextRemovableMs, removableAtMs);
    }
    const isWanted = this.#agreement.isUnsettled || this.#wanted.change(nowMs, this.#view, (node) => this.#mayRemove(node)) !== undefined;
    if (!isWanted || this.#agreement.isProposing) {
      if (!isWanted) this.#wantedSinceMs = Number.POSITIVE_INFINITY;
      this.#proposeAtMs = isWanted ? Number.POSITIVE_INFINITY : nextRemovableMs;
      return;
    }
    if (this.#wantedSinceMs === Number.POSITIVE_INFINITY) {
      this.#wantedSinceMs = nowMs;
      this.#jitter = this.#needs.random();
    }
    const rank = this.#system.voters.slice(0, this.#index).filter((voter) => !this.#wanted.isUnreachable(voter)).length;
    const turns = this.#agreement.isUnsettled ? Math.min(rank, TURNS_UNSETTLED_MAX) : rank;
    const waitMs = SETTLE_MS + turns * TAKEOVER_MS;
    const atMs = Math.max(
      this.#wantedSinceMs + waitMs,
      this.#triedAtMs + RETRY_MS * (1 + this.#jitter),
      // Somebody else's ballot is given its time.
      this.#agreement.activeAtMs + (turns + 1) * TAKEOVER_MS * (1 + this.#jitter / 2),
    );
    if (nowMs < atMs) {
      this.#proposeAtMs = Math.min(atMs, nextRemovableMs);
      return;
    }
    this.#triedAtMs = nowMs;
    this.#jitter = this.#needs.random();
    this.#agreement.propose(nowMs);
    if (!this.#agreement.isProposing && this.#proposeAtMs === Number.POSITIVE_INFINITY) this.#proposeAtMs = nowMs + RETRY_MS;
  }

  /** By this proposer. Whoever is in the next view, or is not any more, is told. */
  #chosen(change: ViewChange): void {
    const before = this.#view;
    const view = changedView(before, change);
    if (view === undefined) return;
    const joined = new Set(change.joined.map(({ name }) => name));
    for (const member of before.members) if (!sameNode(member, this.#self)) this.#sendTo(member, { type: 'decided', change });
    const whole: ViewMessage = { type: 'whole', view };
    for (const member of view.members) if (joined.has(member.name)) this.#needs.send(member.address, 0, whole);
    this.#advance(view, change);
  }

  #decided(change: ViewChange): void {
    if (this.#farewell !== undefined) return;
    const view = changedView(this.#view, change);
    if (view !== undefined) this.#advance(view, change);
    else if (change.number === this.#view.number + 1) this.#needs.excluded(change.number, 'otherSide');
  }

  #advance(view: View, change: ViewChange): void {
    const own = change.departed.find((departure) => sameNode(departure, this.#self));
    if (own === undefined) return this.#install(view, change, change.departed);
    if (this.#departing === undefined || !this.#agreement.isProposing) return this.#needs.excluded(view.number, 'removed');
    const untold = new Set(quorumSystemOf(this.#options.resolver, view).voters);
    this.#farewell = { change, untold, againAtMs: this.#nowMs + RESEND_MS, untilMs: this.#nowMs + this.#options.leaseMs / 2 };
  }

  /** Without this node perhaps nobody would know of the view without it. */
  #bidFarewell(farewell: Farewell): void {
    if (farewell.untold.size === 0 || this.#nowMs >= farewell.untilMs) return this.#needs.excluded(farewell.change.number, 'removed');
    if (this.#nowMs < farewell.againAtMs) return;
    farewell.againAtMs = this.#nowMs + RESEND_MS;
    for (const member of farewell.untold) this.#sendTo(member, { type: 'decided', change: farewell.change });
  }

  #whole(view: View): void {
    if (view.clusterId !== this.#view.clusterId || view.number <= this.#view.number || this.#farewell !== undefined) return;
    const next = new Map(view.members.map((member) => [member.name, member]));
    const own = next.get(this.#self.name);
    if (own === undefined || !sameNode(own, this.#self))
      return this.#needs.excluded(view.number, (own?.incarnation ?? 0) > this.#self.incarnation ? 'replaced' : 'removed');
    // Who was told that a node is gone is not told that it is back: this one starts again, and joins.
    if (!descendsFrom(this.#view, view)) return this.#needs.excluded(view.number, 'otherSide');
    const departed = this.#view.members.filter((member) => next.get(member.name)?.incarnation !== member.incarnation);
    const reasonOf = (member: ViewMember): DepartureReason => (this.#wanted.isDeparting(member) ? 'left' : 'removed');
    this.#install(
      view,
      undefined,
      departed.map((member): Departure => ({ name: member.name, incarnation: member.incarnation, reason: reasonOf(member) })),
    );
  }

  #removed(from: NodeIdentity, number: number, byName: boolean): void {
    if (this.#farewell !== undefined) {
      for (const member of this.#farewell.untold) if (sameNode(member, from)) this.#farewell.untold.delete(member);
      return this.#bidFarewell(this.#farewell);
    }
    if (number > this.#view.number) this.#needs.excluded(number, byName ? 'replaced' : 'removed');
  }

  #install(view: View, change: ViewChange | undefined, departed: readonly Departure[]): void {
    const before = this.#view === view ? undefined : this.#view;
    const system = quorumSystemOf(this.#options.resolver, view);
    const isSameVoters =
      system.voters.length === this.#system.voters.length && system.voters.every((voter, at) => sameNode(voter, this.#system.voters[at] as ViewMember));
    // Who could grant until now may have granted until now.
    if (before !== undefined && !(isSameVoters && view.number === before.number + 1)) this.#grants.grantedByOthers(this.#nowMs);
    for (const departure of departed) this.#grants.forget(departure);
    this.#grants.installed();
    if (!system.intersects && (before === undefined || this.#system.intersects))
      this.#needs.warning(
        `a quorum of ${(this.#options.resolver as { quorum?: number }).quorum} is half of the ${system.voters.length} voters or less: two sides of a partition may both go on`,
      );
    this.#view = view;
    this.#lastChange = change;
    this.#system = system;
    this.#index = system.voters.findIndex((voter) => sameNode(voter, this.#self));
    this.#byName = new Map(view.members.map((member) => [member.name, member]));
    this.#lease.installed(this.#nowMs, view.number, system);
    this.#agreement.begin(system, this.#index, view.number + 1);
    this.#wanted.installed(view);
    this.#wantWeight();
    this.#wantedSinceMs = Number.POSITIVE_INFINITY;
    this.#triedAtMs = Number.NEGATIVE_INFINITY;
    this.#needs.installed(before, view, departed);
    this.#proposeAtMs = this.#nowMs;
    if (this.#departing !== undefined && view.members.length === 1) this.#needs.excluded(view.number, 'removed');
  }

  #wantWeight(): void {
    const member = this.memberOf(this.#self);
    if (member === undefined) return;
    this.#sayWeightAtMs = member.weight === this.#weight || this.#departing !== undefined ? Number.POSITIVE_INFINITY : this.#nowMs;
    this.#wanted.weighs(member, this.#weight);
  }

  #pull(address: NodeAddress, incarnation: number): void {
    if (this.#nowMs < this.#pulledAtMs + PULL_MS) return;
    this.#pulledAtMs = this.#nowMs;
    this.#needs.send(address, incarnation, { type: 'pull', number: this.#view.number });
  }

  #tell(address: NodeAddress, incarnation: number, number: number): void {
    if (number >= this.#view.number) return;
    if (number === this.#view.number - 1 && this.#lastChange !== undefined)
      this.#needs.send(address, incarnation, { type: 'decided', change: this.#lastChange });
    else this.#needs.send(address, incarnation, { type: 'whole', view: this.#view });
  }

  #sendTo(member: ViewMember, message: ViewMessage): void {
    if (!sameNode(member, this.#self)) this.#needs.send(member.address, member.incarnation, message);
  }
}
