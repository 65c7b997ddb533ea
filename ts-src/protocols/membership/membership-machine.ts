/**
 * `Membership`: the machine that `membership.ts` describes. It has one life: it joins or founds, is a member, and is then left or fenced for ever; another start of the node is another machine. It
 * reads and writes the envelopes, gives each part what concerns it, and keeps the standing. What is decided is decided in `views/` and `swim/`.
 */
import type { NodeStanding } from '../../model/cluster-snapshot.js';
import { addressText, type NodeAddress, type NodeIdentity, sameNode } from '../../model/node-identity.js';
import { NexusError } from '../../errors.js';
import { Swim } from '../swim/swim.js';
import type { SwimEffect, SwimInput } from '../swim/swim-steps.js';
import { Joining } from '../views/joining.js';
import { type Departure, foundingView, INCARNATION_LEAP_MAX, INCARNATION_MAX, incarnationMost, type Joiner, type View } from '../views/view.js';
import type { ViewMessage } from '../views/view-messages.js';
import { type Exclusion, Views } from '../views/views.js';
import { Descriptions } from './descriptions.js';
import { exclusionText, leaseEndedText } from './fenced-because.js';
import type {
  MembershipConfiguration,
  MembershipEffect,
  MembershipEvent,
  MembershipInput,
  MembershipMachine,
  MembershipSnapshot,
  NodeDescription,
} from './membership.js';
import { decodeMembership, type Envelope, encodeMembership, isSwimMessage, type MembershipMessage } from './membership-codec.js';
import { membershipSnapshot } from './membership-snapshot.js';
import { NodeMemory, VIEWS_AHEAD } from './node-memory.js';
import { settingsText } from './settings.js';

/** A member tells an address that discovery knows, and that is no member's, that there is a cluster: about so often. */
const ANNOUNCE_MS = 4000;
/** A fenced node says so a few times: the others then need not wait for its lease. */
const GONE_TIMES = 3;
const GONE_AGAIN_MS = 500;

export class Membership implements MembershipMachine {
  readonly #configuration: MembershipConfiguration;
  readonly #settings: string;
  #self: NodeIdentity;
  #standing: NodeStanding = 'joining';
  #fencedBecause: string | undefined;
  #nowMs = Number.NEGATIVE_INFINITY;
  #effects: MembershipEffect[] = [];
  /** Until the incarnation is on disk nobody is told of it. */
  #isPersisted = false;
  readonly #memory: NodeMemory;
  #hasBegun = false;
  #joining: Joining | undefined;
  #swim: Swim | undefined;
  /** The view it is in: set before the first message that is sent as one of it. */
  #view: View | undefined;
  #views: Views | undefined;
  readonly #descriptions: Descriptions;
  #discovered: { readonly addresses: readonly NodeAddress[]; readonly isStatic: boolean } | undefined;
  #announceAtMs = Number.POSITIVE_INFINITY;
  /** When a node that is in a view but never got a lease stops waiting for one. */
  #firstLeaseByMs = Number.POSITIVE_INFINITY;
  #leftByMs = Number.POSITIVE_INFINITY;
  #exclusion: { readonly number: number; readonly why: Exclusion } | undefined;
  #goneAtMs = Number.POSITIVE_INFINITY;
  #goneTimes = 0;
  #weight: number;
  readonly #warned = new Set<string>();

  constructor(configuration: MembershipConfiguration) {
    this.#configuration = configuration;
    this.#settings = settingsText(configuration);
    this.#weight = configuration.weight;
    this.#memory = new NodeMemory(configuration.incarnation, configuration.state);
    this.#self = { name: configuration.node, incarnation: this.#memory.incarnation };
    this.#descriptions = new Descriptions(configuration.description);
  }

  get self(): NodeIdentity {
    return this.#self;
  }

  get clusterId(): string {
    return this.#view?.clusterId ?? '';
  }

  get standing(): NodeStanding {
    return this.#standing;
  }

  get leaseEndMs(): number {
    return this.#standing === 'member' && this.#views !== undefined ? this.#views.leaseEndMs : Number.NEGATIVE_INFINITY;
  }

  get dueMs(): number {
    if (!this.#hasBegun) return Number.NEGATIVE_INFINITY;
    if (this.#standing === 'left') return Number.POSITIVE_INFINITY;
    if (this.#standing === 'fenced') return this.#goneAtMs;
    const views = this.#views;
    // Nothing is done before the incarnation is on disk, however long that takes.
    if (views === undefined) return Math.min((this.#isPersisted ? this.#joining?.dueMs : undefined) ?? Number.POSITIVE_INFINITY, this.#leftByMs);
    return Math.min(
      views.dueMs,
      this.#swim?.dueMs ?? Number.POSITIVE_INFINITY,
      this.#standing === 'member' ? views.leaseEndMs : Number.POSITIVE_INFINITY,
      this.#announceAtMs,
      this.#firstLeaseByMs,
      this.#leftByMs,
    );
  }

  mayRun(nowMs: number): boolean {
    return nowMs < this.leaseEndMs;
  }

  step(nowMs: number, input: MembershipInput): readonly MembershipEffect[] {
    const sinceMs = nowMs - this.#nowMs;
    this.#nowMs = nowMs;
    this.#effects = [];
    if (!this.#hasBegun) this.#begin();
    // Before anything is heard: what comes late must not bring back what has ended.
    if (this.#standing === 'member' && !this.mayRun(nowMs)) this.#fence(leaseEndedText(sinceMs, this.#configuration.timing.leaseMs));
    this.#take(input);
    this.#advance();
    return this.#effects;
  }

  snapshot(nowMs: number): MembershipSnapshot {
    return membershipSnapshot(nowMs, {
      configuration: this.#configuration,
      self: this.#self,
      standing: this.#standing,
      fencedBecause: this.#fencedBecause,
      leaseEndMs: this.leaseEndMs,
      views: this.#views,
      swim: this.#swim,
      descriptions: this.#descriptions,
    });
  }

  #begin(): void {
    this.#hasBegun = true;
    const { cluster, address, timing, random } = this.#configuration;
    const weight = this.#weight;
    this.#joining = new Joining(
      this.#nowMs,
      this.#self,
      { cluster, settings: this.#settings, address, leaseMs: timing.leaseMs, stopMarginMs: timing.stopMarginMs, weight },
      {
        send: (to, incarnation, message) => this.#send(to, incarnation, message),
        found: (clusterId, others) => this.#found(clusterId, others),
        raise: (incarnation) => this.#raise(incarnation),
        refused: (from, code, because) => this.#event({ type: 'refusedMessage', from, code, because }),
        warning: (because) => this.#warn(because),
        random,
      },
    );
    this.#persist();
  }

  #persist(): void {
    this.#isPersisted = false;
    this.#effects.push({ type: 'persist', bytes: this.#memory.bytes });
  }

  #raise(incarnation: number): void {
    const most = Math.min(INCARNATION_MAX, this.#self.incarnation + INCARNATION_LEAP_MAX);
    if (incarnation <= this.#self.incarnation || incarnation > most || this.#views !== undefined) return;
    this.#self = { name: this.#self.name, incarnation };
    this.#memory.incarnation = incarnation;
    this.#persist();
    this.#joining?.restarted(this.#nowMs, this.#self);
  }

  #take(input: MembershipInput): void {
    switch (input.type) {
      case 'tick':
        return;
      case 'received':
        return this.#received(input.from, input.bytes, input.sender);
      case 'refused':
        if (input.isToMend === true && input.because !== undefined) this.#warn(input.because);
        this.#joining?.undelivered(input.address, input.because);
        return this.#stepSwim(input);
      case 'undelivered':
        return this.#joining?.undelivered(input.address, input.because);
      case 'discovered':
        this.#discovered = { addresses: input.addresses, isStatic: input.isStatic };
        if (this.#isPersisted && this.#views === undefined) this.#joining?.discovered(this.#nowMs, input.addresses, input.isStatic);
        return;
      case 'leave':
        return this.#leave();
      case 'weigh':
        // Before its first view it is kept: it is asked for then.
        this.#weight = input.weight;
        return this.#views?.weigh(this.#nowMs, input.weight);
      case 'described':
        return this.#describe(input.description);
      case 'persisted':
        this.#isPersisted = true;
        this.#memory.persisted();
        if (this.#discovered !== undefined && this.#views === undefined && this.#standing === 'joining')
          this.#joining?.discovered(this.#nowMs, this.#discovered.addresses, this.#discovered.isStatic);
    }
  }

  #received(from: NodeAddress, bytes: Uint8Array, sender: string | undefined): void {
    let envelope: Envelope;
    try {
      envelope = decodeMembership(bytes);
    } catch (error) {
      // Nothing else comes out of reading bytes.
      const { code, message } = error instanceof NexusError ? error : { code: 'NEXUS_FRAME_INVALID', message: String(error) };
      return this.#event({ type: 'refusedMessage', from, code, because: message });
    }
    const { message } = envelope;
    if (sender !== undefined && sender !== envelope.from.name) {
      const because = `${sender} sent a message as ${envelope.from.name}`;
      return this.#event({ type: 'refusedMessage', from, code: 'NEXUS_NODE_FORGED', because });
    }
    if (envelope.to !== 0 && envelope.to !== this.#self.incarnation) return;
    if (message.type === 'join' || message.type === 'foundRequest') {
      if (!this.#isOfThisCluster(from, envelope, message)) return;
    } else if (sameNode(envelope.from, this.#self)) return;
    if (this.#standing === 'fenced' || this.#standing === 'left') return this.#hearOutside(from, envelope);
    if (this.#views === undefined) return this.#hearJoining(from, envelope);
    this.#hearMember(this.#views, from, envelope);
  }

  /** Refused otherwise, and told so. */
  #isOfThisCluster(from: NodeAddress, envelope: Envelope, { cluster, settings, address }: Extract<ViewMessage, { type: 'join' | 'foundRequest' }>): boolean {
    if (sameNode(envelope.from, this.#self)) return true;
    const own = this.#configuration.cluster;
    const refuse = (code: string, because: string): false => {
      this.#event({ type: 'refusedMessage', from, code, because });
      this.#send(address, envelope.from.incarnation, { type: 'refusal', code, because, incarnation: 0 });
      return false;
    };
    if (cluster !== own) return refuse('NEXUS_CLUSTER_MISMATCH', `${envelope.from.name} is of the cluster ${cluster}, ${this.#self.name} is of ${own}`);
    if (settings !== this.#settings) {
      const because = `all nodes need the same: ${envelope.from.name} has ${settings}; ${this.#self.name} has ${this.#settings}`;
      return refuse('NEXUS_CLUSTER_SETTINGS', because);
    }
    return true;
  }

  #hearJoining(from: NodeAddress, { from: sender, view: known, message }: Envelope): void {
    if (isSwimMessage(message) || !this.#isPersisted) return;
    this.#memory.heard(message.type, known);
    if (message.type !== 'whole') return this.#joining?.receive(this.#nowMs, sender, from, message);
    const { view } = message;
    if (view.members.some((member) => sameNode(member, this.#self)) && this.#joining?.mayBeIn(view.clusterId)) this.#enter(view);
  }

  #hearMember(views: Views, from: NodeAddress, { from: sender, clusterId, view, message }: Envelope): void {
    const nowMs = this.#nowMs;
    switch (message.type) {
      case 'join':
        if (!sameNode(sender, this.#self)) views.join(nowMs, { ...sender, address: message.address, weight: message.weight });
        return;
      case 'foundRequest':
        if (!sameNode(sender, this.#self)) this.#send(message.address, sender.incarnation, views.redirection());
        return;
      case 'foundGrant':
        return this.#answerPromise(views, from, sender, message.clusterId);
      case 'redirect':
        if (clusterId === views.view.clusterId) return this.#hearOfSide(views, from, sender, view);
        if (message.cluster === this.#configuration.cluster)
          this.#warn(
            `there is another cluster of this name, with ${message.members.map(addressText).join(', ')}: stop the nodes of one of them, and let them join the other`,
          );
        return;
      case 'alone':
      case 'refusal':
      case 'foundRelease':
        return;
    }
    if (clusterId !== views.view.clusterId) {
      const because = `${sender.name} is a member of another cluster`;
      return this.#event({ type: 'refusedMessage', from, code: 'NEXUS_CLUSTER_MISMATCH', because });
    }
    // It is not answered: two that each take the other for removed would never end.
    const isMember = message.type === 'removed' ? views.memberOf(sender) !== undefined : views.hear(nowMs, sender, from, view);
    if (!isSwimMessage(message)) return views.receive(nowMs, sender, from, message, isMember);
    if (isMember) return this.#stepSwim({ type: 'received', from: sender, address: from, message });
    this.#event({ type: 'refusedMessage', from, code: 'NEXUS_NODE_REMOVED', because: `${sender.name} is no member of view ${views.view.number}` });
  }

  /** Who has promised to be in the cluster that this node has founded has not heard of it yet. Any other one was never founded, or has nobody in it that could found or join this one. */
  #answerPromise(views: Views, from: NodeAddress, sender: NodeIdentity, clusterId: string): void {
    if (clusterId !== views.view.clusterId) return this.#send(from, sender.incarnation, { type: 'foundRelease', clusterId });
    const isMember = views.memberOf(sender) !== undefined;
    this.#send(from, sender.incarnation, isMember ? { type: 'whole', view: views.view } : views.redirection());
  }

  /** Of a node of this cluster that takes this address for nobody's: one of the two knows less, and is told so by whoever knows more. If both know as much, both sides of a partition have gone on. */
  #hearOfSide(views: Views, from: NodeAddress, sender: NodeIdentity, number: number): void {
    if (views.hear(this.#nowMs, sender, from, number) || number !== views.view.number) return;
    this.#warn(
      `both sides of a partition have gone on: ${sender.name} is no member here, and this node none there, in view ${number} of one cluster; stop the nodes of one side, and start them again`,
    );
  }

  /** Whoever still counts on this node is told that it does not run any more. */
  #hearOutside(from: NodeAddress, { from: sender, to, clusterId, message }: Envelope): void {
    if (message.type === 'foundGrant') {
      if (this.#views === undefined) this.#joining?.receive(this.#nowMs, sender, from, message);
      else this.#answerPromise(this.#views, from, sender, message.clusterId);
      return;
    }
    const hasStopped = this.#standing === 'left' || this.#nowMs >= this.#goneAtMs || this.#goneTimes > 0;
    // Answers are not answered.
    if (message.type === 'removed' || message.type === 'leave') return;
    if (to === this.#self.incarnation && hasStopped && clusterId !== '' && clusterId === this.#views?.view.clusterId)
      this.#send(from, sender.incarnation, { type: 'leave', isFenced: this.#standing === 'fenced' });
  }

  /** With all who have promised to be in it. */
  #found(clusterId: string, others: readonly Joiner[]): void {
    const founder: Joiner = { ...this.#self, address: this.#configuration.address, weight: this.#weight };
    // As those who join.
    const most = incarnationMost({ incarnationFloor: 0, members: [founder] });
    const view = foundingView(clusterId, this.#memory.viewNumberKnown, [founder, ...others.filter(({ incarnation }) => incarnation <= most)]);
    this.#enter(view);
    for (const { address, incarnation } of others) this.#send(address, incarnation, { type: 'whole', view });
  }

  /** The first view that this node is in. */
  #enter(view: View): void {
    const { timing, cluster, resolver, random } = this.#configuration;
    this.#joining?.joined(view.clusterId);
    this.#swim = new Swim(this.#self, this.#descriptions.ownBytes, { random, grantFor: (node) => this.#views?.grantFor(this.#nowMs, node) }, timing);
    this.#firstLeaseByMs = this.#nowMs + this.#firstLeaseMs;
    this.#announceAtMs = this.#nowMs + ANNOUNCE_MS * random();
    const options = {
      resolver,
      cluster,
      leaseMs: timing.leaseMs,
      stopMarginMs: timing.stopMarginMs,
      probeTimeoutMs: timing.probeTimeoutMs,
      weight: this.#weight,
    };
    this.#views = new Views(this.#nowMs, this.#self, view, options, {
      send: (to, incarnation, message) => this.#send(to, incarnation, message),
      installed: (before, next, departed) => this.#installed(before, next, departed),
      excluded: (number, why) => {
        this.#exclusion ??= { number, why };
      },
      warning: (because) => this.#warn(because),
      random,
    });
  }

  #installed(before: View | undefined, view: View, departed: readonly Departure[]): void {
    this.#view = view;
    if (this.#memory.installed(view.number)) this.#persist();
    const known = new Set(before?.members.map(({ name, incarnation }) => `${name}#${incarnation}`));
    const joined = view.members.filter(({ name, incarnation }) => !known.has(`${name}#${incarnation}`));
    const identities = (nodes: readonly NodeIdentity[]): NodeIdentity[] => nodes.map(({ name, incarnation }) => ({ name, incarnation }));
    const left = identities(departed.filter(({ reason }) => reason === 'left'));
    const removed = identities(departed.filter(({ reason }) => reason !== 'left'));
    const { clusterId, number, members, incarnationFloor } = view;
    this.#event({ type: 'view', clusterId, number, members, incarnationFloor, joined: identities(joined), left, removed });
    for (const node of departed) this.#descriptions.forget(node);
    if (departed.length > 0) this.#stepSwim({ type: 'forget', nodes: departed });
    // Also this node: until then it does not tell what it says of itself.
    if (joined.length > 0) this.#stepSwim({ type: 'admit', members: joined });
  }

  #advance(): void {
    const views = this.#views;
    if (this.#standing === 'fenced') return this.#sayGone();
    if (this.#standing === 'left') return;
    if (this.#nowMs >= this.#leftByMs) return this.#stand('left');
    if (views === undefined) {
      if (this.#isPersisted) this.#joining?.tick(this.#nowMs);
      if (this.#views === undefined) return;
    }
    const member = this.#views as Views;
    // A probe may be answered within the step, by nobody: each part comes to an end on its own.
    if (this.#nowMs >= (this.#swim?.dueMs ?? Number.POSITIVE_INFINITY)) this.#stepSwim({ type: 'tick' });
    if (this.#exclusion === undefined) member.tick(this.#nowMs);
    for (const node of member.probes(this.#nowMs)) this.#stepSwim({ type: 'probe', node });
    this.#announce(member);
    this.#conclude(member);
  }

  get #firstLeaseMs(): number {
    const { leaseMs, stopMarginMs } = this.#configuration.timing;
    return 2 * (leaseMs + stopMarginMs);
  }

  #conclude(views: Views): void {
    if (this.#exclusion !== undefined) {
      if (this.#standing === 'leaving') return this.#stand('left');
      return this.#fence(exclusionText(this.#exclusion));
    }
    const isCovered = this.#memory.covers(views.view.number);
    if (this.#standing === 'member' && !isCovered)
      return this.#fence(`what this node is to remember could not be written for ${VIEWS_AHEAD / 2} views and more`);
    if (this.#standing !== 'joining') return;
    if (this.#nowMs < views.leaseEndMs) {
      // Tokens of this view are to be known when all nodes have been down: nothing runs before that.
      if (!isCovered) this.#firstLeaseByMs = this.#nowMs + this.#firstLeaseMs;
      else {
        this.#firstLeaseByMs = Number.POSITIVE_INFINITY;
        this.#stand('member');
      }
    } else if (this.#nowMs >= this.#firstLeaseByMs) this.#fence('no quorum of voters has answered since it joined');
  }

  #leave(): void {
    if (this.#standing === 'left' || this.#standing === 'fenced' || this.#standing === 'leaving') return;
    if (this.#views === undefined) {
      this.#joining?.left();
      return this.#stand('left');
    }
    this.#firstLeaseByMs = Number.POSITIVE_INFINITY;
    this.#leftByMs = this.#nowMs + this.#configuration.timing.leaseMs;
    this.#stand('leaving');
    this.#views.leave(this.#nowMs, 'left');
  }

  #fence(because: string): void {
    // Others may count on it still, unless it is in no view any more.
    const isCounted = this.#exclusion === undefined || this.#exclusion.why === 'otherSide';
    this.#goneAtMs = isCounted ? this.#nowMs + this.#configuration.timing.stopMarginMs : Number.POSITIVE_INFINITY;
    this.#stand('fenced', because);
  }

  /** Its agents have had their time to stop. */
  #sayGone(): void {
    if (this.#nowMs < this.#goneAtMs || this.#views === undefined) return;
    this.#goneTimes += 1;
    this.#goneAtMs = this.#goneTimes < GONE_TIMES ? this.#nowMs + GONE_AGAIN_MS : Number.POSITIVE_INFINITY;
    for (const voter of this.#views.voters) if (!sameNode(voter, this.#self)) this.#send(voter.address, voter.incarnation, { type: 'leave', isFenced: true });
  }

  /** Nodes that cannot know of this cluster, because all seeds that they know have started anew. */
  #announce(views: Views): void {
    if (this.#nowMs < this.#announceAtMs) return;
    const { random, address } = this.#configuration;
    this.#announceAtMs = this.#nowMs + ANNOUNCE_MS * (0.5 + random());
    const known = new Set([addressText(address), ...views.view.members.map((member) => addressText(member.address))]);
    const strangers = this.#discovered?.addresses.filter((candidate) => !known.has(addressText(candidate))) ?? [];
    const stranger = strangers[Math.floor(random() * strangers.length)];
    if (stranger !== undefined) this.#send(stranger, 0, views.redirection());
  }

  #describe(description: NodeDescription): void {
    try {
      this.#descriptions.describe(description);
    } catch (error) {
      return this.#warn(`what this node says of itself is not told to others: ${(error as Error).message}`);
    }
    this.#stepSwim({ type: 'describe', metadata: this.#descriptions.ownBytes });
  }

  #stepSwim(input: SwimInput): void {
    for (const effect of this.#swim?.step(this.#nowMs, input) ?? []) this.#perform(effect);
  }

  #perform(effect: SwimEffect): void {
    switch (effect.type) {
      case 'send':
        return this.#send(effect.address, effect.to.incarnation, effect.message);
      case 'reachability':
        this.#views?.reachable(effect.node, effect.state !== 'unreachable');
        return this.#event({ type: 'reachability', node: effect.node, reachability: effect.state });
      case 'metadata':
        for (const event of this.#descriptions.heard(effect.node, effect.metadata)) {
          if (event.type === 'warning') this.#warn(event.because);
          else this.#event(event);
        }
        return;
      case 'acked':
        this.#views?.acked(effect.node, effect.grant, effect.sentAtMs);
    }
  }

  #send(to: NodeAddress, incarnation: number, message: MembershipMessage): void {
    const view = this.#view;
    // Of a node that is in no cluster: the greatest number that it has known. Nodes of before that said 0, and take it for nothing.
    const number = view?.number ?? this.#memory.viewNumberKnown;
    const bytes = encodeMembership({ from: this.#self, to: incarnation, clusterId: view?.clusterId ?? '', view: number, message });
    this.#effects.push({ type: 'send', to, bytes });
  }

  #stand(standing: NodeStanding, because?: string): void {
    this.#standing = standing;
    this.#fencedBecause = because;
    this.#event({ type: 'standing', standing, because });
  }

  #warn(because: string): void {
    if (this.#warned.has(because) || this.#warned.size >= 1000) return;
    this.#warned.add(because);
    this.#event({ type: 'warning', because });
  }

  #event(event: MembershipEvent): void {
    this.#effects.push({ type: 'event', event });
  }
}
