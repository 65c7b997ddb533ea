/**
 * How a node that is in no cluster comes into one: it asks the addresses that discovery knows, and members that it is told of, until a view comes that it is in; or it founds a cluster. Founding needs
 * the word of every seed that it is in no cluster, and will be in no other than this one unless that is given up; all who gave it are the members of the first view. `docs/decisions/0005-agreed-views.md` says why not most of
 * them, `docs/decisions/0008-foundings.md` why all are in it. The answers of nodes that are in no cluster are here as well; those of members are in `views.ts`.
 */
import { addressText, type NodeAddress, type NodeIdentity, sameNode } from '../../model/node-identity.js';
import { removalWaitMs } from './grants.js';
import { type Joiner, MEMBERS_MAX, WEIGHT_DEFAULT } from './view.js';
import type { Settings, ViewMessage } from './view-messages.js';

const ATTEMPT_MS_MIN = 200;
const ATTEMPT_MS_MAX = 2000;
/** Seconds count while a cluster is founded. */
const FOUNDING_MS = 250;
/** A promise is asked for again when it is so old, and counts for so long: who has gone since is not to be in the first view. */
const PROMISE_AGAIN_MS = 500;
const PROMISE_FRESH_MS = 2000;
/** Foundings that have come to nothing, of which this node remembers that. */
const GIVEN_UP_MAX = 64;
/** Nodes that have asked this one to be taken in, of which it remembers what they said. */
const ASKERS_MAX = MEMBERS_MAX;
/** Members that a joiner remembers to ask. */
const MEMBERS_KNOWN_MAX = 64;
/** Addresses asked in one attempt, of however many discovery knows. */
const ASKED_MAX = 32;

export interface JoiningOptions {
  readonly cluster: string;
  readonly settings: Settings;
  readonly address: NodeAddress;
  readonly leaseMs: number;
  readonly stopMarginMs: number;
  readonly weight: number;
}

export interface JoiningNeeds {
  send(to: NodeAddress, incarnation: number, message: ViewMessage): void;
  /** All have promised: these nodes and this one are the first members. */
  found(clusterId: string, others: readonly Joiner[]): void;
  /** It is to take a greater incarnation, and then go on. */
  raise(incarnation: number): void;
  refused(from: NodeAddress, code: string, because: string): void;
  warning(because: string): void;
  random(): number;
}

interface Founding {
  readonly clusterId: string;
  readonly asked: ReadonlyMap<string, NodeAddress>;
  /** By the address that was asked. */
  readonly promises: Map<string, { readonly node: NodeIdentity; readonly address: NodeAddress; readonly atMs: number }>;
}

export class Joining {
  readonly #options: JoiningOptions;
  readonly #needs: JoiningNeeds;
  readonly #waitMs: number;
  readonly #startedAtMs: number;
  #self: NodeIdentity;
  #addresses: readonly NodeAddress[] | undefined;
  #isStatic = false;
  #changedAtMs = 0;
  readonly #members = new Map<string, NodeAddress>();
  #clusterSeenAtMs = Number.NEGATIVE_INFINITY;
  /** Addresses at which this node has found itself. */
  readonly #own: Set<string>;
  /** When each address has answered. */
  readonly #answered = new Map<string, number>();
  /** Why there is no connection to an address, most lately. Only those that discovery knows. */
  readonly #failures = new Map<string, string>();
  #attemptMs = ATTEMPT_MS_MIN;
  #dueMs: number;
  #founding: Founding | undefined;
  #promised: { readonly clusterId: string; readonly address: NodeAddress; readonly to: NodeAddress } | undefined;
  /** Clusters that never were and never will be: this node has given their founding up, or whoever asked for its promise has. */
  readonly #givenUp = new Set<string>();
  /** By name, what nodes that are in no cluster have said of themselves. */
  readonly #askers = new Map<string, Joiner>();
  #hasWarned = false;

  constructor(nowMs: number, self: NodeIdentity, options: JoiningOptions, needs: JoiningNeeds) {
    this.#self = self;
    this.#options = options;
    this.#needs = needs;
    this.#waitMs = removalWaitMs(options);
    this.#startedAtMs = nowMs;
    this.#dueMs = Number.POSITIVE_INFINITY;
    this.#own = new Set([addressText(options.address)]);
  }

  get dueMs(): number {
    return this.#dueMs;
  }

  discovered(nowMs: number, addresses: readonly NodeAddress[], isStatic: boolean): void {
    const isSame = this.#addresses !== undefined && textsOf(addresses) === textsOf(this.#addresses);
    this.#addresses = addresses;
    this.#isStatic = isStatic;
    if (isSame) return;
    this.#failures.clear();
    this.#changedAtMs = nowMs;
    this.#giveUpFounding();
    this.#dueMs = nowMs;
  }

  /** No connection is to be had to that address: why is for who has to mend it. */
  undelivered(address: NodeAddress, because: string | undefined): void {
    const text = addressText(address);
    if (because !== undefined && this.#addresses?.some((each) => addressText(each) === text)) this.#failures.set(text, because);
  }

  /** With the incarnation that it was told to take. */
  restarted(nowMs: number, self: NodeIdentity): void {
    this.#giveUpFounding();
    this.#self = self;
    if (this.#addresses !== undefined) this.#dueMs = nowMs;
  }

  /** Whether this node may be in a view of that cluster. */
  mayBeIn(clusterId: string): boolean {
    return (this.#promised === undefined || this.#promised.clusterId === clusterId) && !this.#givenUp.has(clusterId);
  }

  /** This node takes no part any more. */
  left(): void {
    this.#giveUpFounding();
    this.#dueMs = Number.POSITIVE_INFINITY;
  }

  /** It has become a member: of a cluster that others have founded, perhaps. */
  joined(clusterId: string): void {
    if (this.#founding !== undefined && this.#founding.clusterId !== clusterId) this.#giveUpFounding();
    this.#dueMs = Number.POSITIVE_INFINITY;
  }

  tick(nowMs: number): void {
    if (nowMs < this.#dueMs || this.#addresses === undefined) return;
    if (this.#addresses.length === 0 && this.#isStatic && this.#promised === undefined) return this.#needs.found(this.#draw(), []);
    this.#ask(nowMs);
    if (this.#promised !== undefined) {
      const { clusterId, address, to } = this.#promised;
      // Also to another start of it, which releases it: two processes do not listen at one address.
      this.#needs.send(address, 0, { type: 'foundGrant', clusterId, to });
    }
    this.#tryToFound(nowMs);
    this.#warn(nowMs);
    const stepMs = this.#founding === undefined ? this.#attemptMs : FOUNDING_MS;
    this.#attemptMs = Math.min(ATTEMPT_MS_MAX, this.#attemptMs * 1.5);
    this.#dueMs = nowMs + stepMs * (0.75 + this.#needs.random() / 2);
  }

  receive(nowMs: number, from: NodeIdentity, address: NodeAddress, message: ViewMessage): void {
    const reply = (answer: ViewMessage): void => this.#needs.send(address, from.incarnation, answer);
    switch (message.type) {
      case 'join':
        if (sameNode(from, this.#self)) return void this.#own.add(addressText(message.to));
        this.#hearAsker({ ...from, address: message.address, weight: message.weight });
        return reply({ type: 'alone', to: message.to });
      case 'alone':
        return this.#alone(nowMs, from, addressText(message.to));
      case 'redirect':
        return this.#redirected(nowMs, message.members);
      case 'refusal':
        if (message.incarnation > this.#self.incarnation) return this.#needs.raise(message.incarnation);
        if (message.code !== 'NEXUS_NODE_STALE') this.#needs.refused(address, message.code, message.because);
        return;
      case 'foundRequest':
        return this.#asked(nowMs, from, message, reply);
      case 'foundGrant':
        if (message.clusterId !== this.#founding?.clusterId) {
          if (this.#isNever(nowMs, message.clusterId)) reply({ type: 'foundRelease', clusterId: message.clusterId });
          return;
        }
        if (this.#founding.asked.has(addressText(message.to))) this.#founding.promises.set(addressText(message.to), { node: from, address, atMs: nowMs });
        return this.#foundIfAll(nowMs);
      case 'foundRelease':
        if (this.#promised?.clusterId !== message.clusterId) return;
        this.#promised = undefined;
        return this.#remember(message.clusterId);
      default:
        return;
    }
  }

  #ask(nowMs: number): void {
    const { cluster, settings, address, weight } = this.#options;
    const targets = [...(this.#addresses as readonly NodeAddress[]), ...this.#members.values()];
    // Members have been told to us a moment ago: whoever else may be there need not be asked.
    const isKnown = nowMs - this.#clusterSeenAtMs < this.#waitMs;
    const asked = isKnown && this.#members.size > 0 ? [...this.#members.values()] : targets;
    const start = asked.length <= ASKED_MAX ? 0 : Math.floor(this.#needs.random() * asked.length);
    for (let index = 0; index < Math.min(asked.length, ASKED_MAX); index++) {
      const to = asked[(start + index) % asked.length] as NodeAddress;
      this.#needs.send(to, 0, { type: 'join', cluster, settings, address, to, weight });
    }
  }

  #redirected(nowMs: number, members: readonly NodeAddress[]): void {
    // Soon, if there is somebody whom it has not asked yet.
    let isNew = false;
    for (const member of members) {
      const text = addressText(member);
      if (this.#members.has(text) || this.#own.has(text)) continue;
      this.#members.set(text, member);
      isNew = true;
      if (this.#members.size > MEMBERS_KNOWN_MAX) this.#members.delete(this.#members.keys().next().value as string);
    }
    this.#clusterSeenAtMs = nowMs;
    this.#giveUpFounding();
    if (isNew) this.#attemptMs = ATTEMPT_MS_MIN;
  }

  #alone(nowMs: number, from: NodeIdentity, text: string): void {
    this.#answered.set(text, nowMs);
    // Its later starts have promised nothing.
    const promise = this.#founding?.promises.get(text);
    if (promise !== undefined && !sameNode(promise.node, from)) this.#founding?.promises.delete(text);
  }

  /** Whoever has the lowest address of all founds, when all have been up for so long that none of them can have been in a cluster a moment ago, and when all agree. */
  #tryToFound(nowMs: number): void {
    const addresses = this.#addresses as readonly NodeAddress[];
    if (this.#promised !== undefined || nowMs < this.#startedAtMs + this.#waitMs || nowMs < this.#clusterSeenAtMs + this.#waitMs) return;
    if (!this.#isStatic && nowMs < this.#changedAtMs + this.#waitMs) return;
    const all = new Map(addresses.map((address) => [addressText(address), address]));
    if (!this.#isStatic && ![...all.keys()].some((text) => this.#own.has(text))) all.set(addressText(this.#options.address), this.#options.address);
    const lowest = [...all.keys()].sort()[0];
    if (lowest === undefined || !this.#own.has(lowest)) return;
    this.#founding ??= { clusterId: this.#draw(), promises: new Map(), asked: all };
    const { cluster, settings, address } = this.#options;
    const { clusterId, promises } = this.#founding;
    for (const [text, to] of all)
      if (!this.#own.has(text) && nowMs >= (promises.get(text)?.atMs ?? Number.NEGATIVE_INFINITY) + PROMISE_AGAIN_MS)
        this.#needs.send(to, 0, { type: 'foundRequest', cluster, settings, clusterId, address, to });
    this.#foundIfAll(nowMs);
  }

  #foundIfAll(nowMs: number): void {
    const founding = this.#founding;
    if (founding === undefined) return;
    const others = new Map<string, Joiner>();
    for (const text of founding.asked.keys()) {
      if (this.#own.has(text)) continue;
      const promise = founding.promises.get(text);
      if (promise === undefined || nowMs > promise.atMs + PROMISE_FRESH_MS) return;
      const { name, incarnation } = promise.node;
      // Of two of one name the later start, as it would be if they joined.
      if (name === this.#self.name || incarnation < (others.get(name)?.incarnation ?? 0)) continue;
      const said = this.#askers.get(name);
      others.set(name, said?.incarnation === incarnation ? said : { name, incarnation, address: promise.address, weight: WEIGHT_DEFAULT });
    }
    this.#founding = undefined;
    this.#needs.found(founding.clusterId, [...others.values()].slice(0, MEMBERS_MAX - 1));
  }

  #hearAsker(asker: Joiner): void {
    this.#askers.delete(asker.name);
    this.#askers.set(asker.name, asker);
    if (this.#askers.size > ASKERS_MAX) this.#askers.delete(this.#askers.keys().next().value as string);
  }

  /**
   * Whether nobody is or will be in that cluster, for whose founding somebody has promised something at this address. An earlier start of this node may have founded it a moment before it ended, and others may have its view: as long
   * as any of the seeds does not say that it is in no cluster, the promise stays, and whoever has the view gives it to the others.
   */
  #isNever(nowMs: number, clusterId: string): boolean {
    if (this.#givenUp.has(clusterId)) return true;
    const addresses = this.#addresses ?? [];
    const rounds = addresses.length <= ASKED_MAX ? 1 : 4 * Math.ceil(addresses.length / ASKED_MAX);
    return (
      nowMs >= Math.max(this.#startedAtMs, this.#clusterSeenAtMs) + this.#waitMs &&
      addresses.every((address) => {
        const text = addressText(address);
        return this.#own.has(text) || nowMs <= (this.#answered.get(text) ?? Number.NEGATIVE_INFINITY) + this.#waitMs * rounds;
      })
    );
  }

  #remember(clusterId: string): void {
    this.#givenUp.add(clusterId);
    if (this.#givenUp.size > GIVEN_UP_MAX) this.#givenUp.delete(this.#givenUp.values().next().value as string);
  }

  #asked(nowMs: number, from: NodeIdentity, request: Extract<ViewMessage, { type: 'foundRequest' }>, reply: (answer: ViewMessage) => void): void {
    if (sameNode(from, this.#self)) return void this.#own.add(addressText(request.to));
    const { clusterId, to } = request;
    const isReady = nowMs >= this.#startedAtMs + this.#waitMs && nowMs >= this.#clusterSeenAtMs + this.#waitMs;
    const isLower = addressText(request.address) < addressText(this.#options.address);
    // Only whoever is at the address of the founder releases it: what asks for another cluster may be older than what asked for this one.
    const isFree = this.#promised === undefined || this.#promised.clusterId === clusterId;
    if (!isReady || !isFree || (this.#founding !== undefined && !isLower)) return reply({ type: 'alone', to });
    this.#giveUpFounding();
    this.#promised = { clusterId, address: request.address, to };
    reply({ type: 'foundGrant', clusterId, to });
  }

  #giveUpFounding(): void {
    if (this.#founding === undefined) return;
    const { clusterId, asked } = this.#founding;
    this.#founding = undefined;
    this.#remember(clusterId);
    for (const [text, to] of asked) if (!this.#own.has(text)) this.#needs.send(to, 0, { type: 'foundRelease', clusterId });
  }

  #warn(nowMs: number): void {
    if (this.#hasWarned || nowMs < this.#startedAtMs + 3 * this.#waitMs || nowMs < this.#clusterSeenAtMs + this.#waitMs) return;
    this.#hasWarned = true;
    const silent = (this.#addresses as readonly NodeAddress[])
      .map(addressText)
      .filter((text) => !this.#own.has(text) && !(nowMs - (this.#answered.get(text) ?? Number.NEGATIVE_INFINITY) < this.#waitMs));
    if (silent.length === 0) return;
    const [verb, shown] = [silent.length === 1 ? 'does' : 'do', silent.slice(0, 8)];
    const more = silent.length > shown.length ? ` and ${silent.length - shown.length} more` : '';
    const causes = shown.flatMap((text) => this.#failures.get(text) ?? []);
    this.#needs.warning(
      `no cluster was found, and none can be founded while ${shown.join(', ')}${more} ${verb} not answer${causes.map((cause) => `; ${cause}`).join('')}`,
    );
  }

  #draw(): string {
    let text = '';
    for (let index = 0; index < 16; index++) text += Math.floor(this.#needs.random() * 36).toString(36);
    return text;
  }
}

function textsOf(addresses: readonly NodeAddress[]): string {
  return addresses.map(addressText).sort().join(' ');
}
