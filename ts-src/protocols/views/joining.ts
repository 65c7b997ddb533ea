/**
 * How a node that is in no cluster comes into one: it asks the addresses that discovery knows, and members that it is told of, until a view comes that it is in; or it founds a cluster. Founding needs
 * the word of every seed that it is in no cluster, and will be in no other than this one unless that is given up: `docs/decisions/0005-agreed-views.md` says why not of most of them. The answers of nodes that are in
 * no cluster are here as well; those of members are in `views.ts`.
 */
import { addressText, type NodeAddress, type NodeIdentity, sameNode } from '../../model/node-identity.js';
import { removalWaitMs } from './grants.js';
import type { Settings, ViewMessage } from './view-messages.js';

const ATTEMPT_MS_MIN = 200;
const ATTEMPT_MS_MAX = 2000;
/** Seconds count while a cluster is founded. */
const FOUNDING_MS = 250;
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
  /** All have agreed: this node is the first member. */
  found(clusterId: string): void;
  /** It is to take a greater incarnation, and then go on. */
  raise(incarnation: number): void;
  refused(from: NodeAddress, code: string, because: string): void;
  warning(because: string): void;
  random(): number;
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
  #founding: { readonly clusterId: string; readonly granted: Set<string>; readonly asked: Map<string, NodeAddress> } | undefined;
  #promised: { readonly clusterId: string; readonly address: NodeAddress; readonly to: NodeAddress } | undefined;
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
    return this.#promised === undefined || this.#promised.clusterId === clusterId;
  }

  /** It has become a member: of a cluster that others have founded, perhaps. */
  joined(clusterId: string): void {
    if (this.#founding !== undefined && this.#founding.clusterId !== clusterId) this.#giveUpFounding();
    this.#dueMs = Number.POSITIVE_INFINITY;
  }

  tick(nowMs: number): void {
    if (nowMs < this.#dueMs || this.#addresses === undefined) return;
    if (this.#addresses.length === 0 && this.#isStatic && this.#promised === undefined) return this.#needs.found(this.#draw());
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
        return reply({ type: 'alone', to: message.to });
      case 'alone':
        this.#answered.set(addressText(message.to), nowMs);
        return;
      case 'redirect':
        return this.#redirected(nowMs, message.members);
      case 'refusal':
        if (message.incarnation > this.#self.incarnation) return this.#needs.raise(message.incarnation);
        if (message.code !== 'NEXUS_NODE_STALE') this.#needs.refused(address, message.code, message.because);
        return;
      case 'foundRequest':
        return this.#asked(nowMs, from, message, reply);
      case 'foundGrant':
        if (message.clusterId !== this.#founding?.clusterId) return reply({ type: 'foundRelease', clusterId: message.clusterId });
        if (this.#founding.asked.has(addressText(message.to))) this.#founding.granted.add(addressText(message.to));
        return this.#foundIfAll();
      case 'foundRelease':
        if (this.#promised?.clusterId === message.clusterId) this.#promised = undefined;
        return;
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

  /** Whoever has the lowest address of all founds, when all have been up for so long that none of them can have been in a cluster a moment ago, and when all agree. */
  #tryToFound(nowMs: number): void {
    const addresses = this.#addresses as readonly NodeAddress[];
    if (this.#promised !== undefined || nowMs < this.#startedAtMs + this.#waitMs || nowMs < this.#clusterSeenAtMs + this.#waitMs) return;
    if (!this.#isStatic && nowMs < this.#changedAtMs + this.#waitMs) return;
    const all = new Map(addresses.map((address) => [addressText(address), address]));
    if (!this.#isStatic && ![...all.keys()].some((text) => this.#own.has(text))) all.set(addressText(this.#options.address), this.#options.address);
    const lowest = [...all.keys()].sort()[0];
    if (lowest === undefined || !this.#own.has(lowest)) return;
    this.#founding ??= { clusterId: this.#draw(), granted: new Set(), asked: all };
    const { cluster, settings, address } = this.#options;
    const { clusterId, granted } = this.#founding;
    for (const [text, to] of all) {
      if (this.#own.has(text)) granted.add(text);
      else if (!granted.has(text)) this.#needs.send(to, 0, { type: 'foundRequest', cluster, settings, clusterId, address, to });
    }
    this.#foundIfAll();
  }

  #foundIfAll(): void {
    const founding = this.#founding;
    if (founding === undefined || founding.granted.size < founding.asked.size) return;
    this.#founding = undefined;
    this.#needs.found(founding.clusterId);
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
