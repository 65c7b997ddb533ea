/**
 * The registry of one node, as a machine without time, chance or network: views, messages and what the node wants go in; messages, and what the node is told, come out. It is put together here; the rules are in
 * `requests.ts` (what this node asks), `owner.ts` (what it grants), `claims.ts` (how it comes to own), `replication.ts` (copies) and `ownership.ts` (what may still be acted upon). The proof that an id is never active
 * twice is in `docs/decisions/0006-registry.md`. Its driver is `cluster/registry/`.
 */
import { type NodeIdentity, sameNode } from '../../model/node-identity.js';
import type { Registration } from '../../model/registration.js';
import { Activations } from './activations.js';
import { Claims } from './claims.js';
import { Directory } from './directory.js';
import { isOrphan } from './directory-entry.js';
import { KnownRegistrations } from './known-registrations.js';
import { Owner } from './owner.js';
import { Ownership, type RegistryView } from './ownership.js';
import { PARTITIONS, partitionOf } from './partition.js';
import type { RegistryMessage } from './registry-messages.js';
import { Replication } from './replication.js';
import { type RegisterInput, Requests, type Settle } from './requests.js';

/** What was heard of other nodes' activations. */
export const KNOWN_MAX = 65_536;

/** Offers that are remembered. */
const OFFERS_MAX = 65_536;

export interface RegistryMachineOptions {
  /** Copies of each partition beside that of its owner, 0 to 4. */
  readonly copies: number;
  readonly knownMax?: number;
}

export interface RegistryMachineNeeds {
  send(to: NodeIdentity, message: RegistryMessage): void;
  // What the node is told: may be said within a call, and is to be acted upon behind it.
  orphaned(registration: Registration): void;
  superseded(registration: Registration): void;
  misplaced(registrations: Iterable<Registration>): void;
  handed(registration: Registration, from: NodeIdentity | undefined): void;
  /** For tests: what was seen to happen. */
  mark?(what: string): void;
}

export class RegistryMachine {
  readonly #ownership: Ownership;
  readonly #activations = new Activations();
  readonly #known: KnownRegistrations;
  readonly #directory = new Directory();
  readonly #requests: Requests;
  readonly #owner: Owner;
  readonly #claims: Claims;
  readonly #replication: Replication;
  readonly #needs: RegistryMachineNeeds;
  /** The greatest token of each id that was offered to this node lately: an offer that comes again, or late, is no new one. */
  readonly #offers = new Map<string, number>();
  #nowMs = 0;
  #superseded = 0;
  #handOffs = 0;

  constructor(self: NodeIdentity, options: RegistryMachineOptions, needs: RegistryMachineNeeds) {
    this.#needs = needs;
    const mark = (what: string): void => needs.mark?.(what);
    const send = (to: NodeIdentity, message: RegistryMessage): void => needs.send(to, message);
    this.#ownership = new Ownership(self);
    this.#known = new KnownRegistrations(options.knownMax ?? KNOWN_MAX);
    this.#requests = new Requests(this.#ownership, this.#activations, this.#known, {
      ...{ send, mark },
      serve: (request) => this.#owner.serve(this.#nowMs, this.#ownership.self, request),
      confirmSelf: (id, token) => this.#owner.confirmed(this.#ownership.self, id, token),
      began: (registration) => this.#began(registration),
    });
    this.#replication = new Replication(this.#ownership, this.#directory, options.copies, { send, mark });
    this.#owner = new Owner(this.#ownership, this.#directory, {
      ...{ send, mark },
      answerSelf: (answer) => this.#requests.answered(this.#nowMs, this.#ownership.self, answer),
      offeredSelf: (registration, source) => this.#offered(registration, source),
      changed: (partition, part, entry) => this.#replication.changed(this.#nowMs, partition, part, entry),
      removed: (partition, part, id, token) => this.#replication.removed(this.#nowMs, partition, part, id, token),
      orphaned: (registration) => needs.orphaned(registration),
    });
    this.#claims = new Claims(this.#ownership, this.#directory, this.#activations, {
      ...{ send, mark },
      taking: (partition) => this.#requests.takingIn(partition),
      released: (partition) => this.#requests.releasedIn(partition),
      began: (partition) => {
        this.#handOffs++;
        this.#replication.began(this.#nowMs, partition);
        this.#owner.began(this.#nowMs, partition);
      },
      sayServed: () => {
        this.#owner.sayServed();
        this.#requests.served(this.#nowMs, this.#ownership.self);
      },
      superseded: (host, by) => {
        mark('superseded');
        if (sameNode(host, this.self)) this.#supersede(by);
        else send(host, { type: 'superseded', view: this.#ownership.number, registration: by });
      },
    });
  }

  get self(): NodeIdentity {
    return this.#ownership.self;
  }

  /** 0 before the first. */
  get view(): number {
    return this.#ownership.number;
  }

  /** When `tick` is wanted. */
  get dueMs(): number {
    return Math.min(this.#requests.dueMs, this.#owner.dueMs, this.#claims.dueMs, this.#replication.dueMs);
  }

  /** Before the first view: the incarnation may have grown until then. */
  identify({ name, incarnation }: NodeIdentity): void {
    if (this.#ownership.number === 0) this.#ownership.self = { name, incarnation };
  }

  /** Messages get to that node from now on. */
  connected(nowMs: number, node: NodeIdentity): void {
    this.#nowMs = nowMs;
    this.#claims.connected(nowMs, node);
    this.#requests.served(nowMs, node);
  }

  /** A view, with a greater number than the last. */
  installed(nowMs: number, view: RegistryView): void {
    if (view.number <= this.#ownership.number) return;
    this.#nowMs = nowMs;
    const departed = this.#ownership.install(view);
    // What was on them may have been started again anywhere, as another one, and what had moved to them too.
    if (departed.length > 0) this.#known.clear();
    this.#claims.installed(nowMs, departed);
    this.#replication.installed(nowMs, departed);
    this.#owner.departed(nowMs, departed);
    this.#requests.installed(nowMs);
    this.#needs.misplaced(this.#misplaced());
    this.#replication.flush();
  }

  received(nowMs: number, from: NodeIdentity, message: RegistryMessage): void {
    this.#nowMs = nowMs;
    switch (message.type) {
      case 'register':
      case 'lookup':
      case 'release':
      case 'handOver':
      case 'take':
        return this.#owner.serve(nowMs, from, message);
      case 'granted':
      case 'taken':
      case 'found':
      case 'done':
      case 'returned':
      case 'freed':
      case 'stale':
      case 'later':
        return this.#requests.answered(nowMs, from, message);
      case 'confirm':
        return this.#owner.confirmed(from, message.id, message.token);
      case 'offered':
        if (this.#ownership.isInForce(partitionOf(message.registration.id), from, message.view)) this.#offered(message.registration, message.source);
        else this.#needs.mark?.('voidOffer');
        return;
      case 'superseded':
        if (this.#ownership.isInForce(partitionOf(message.registration.id), from, message.view)) this.#supersede(message.registration);
        return;
      case 'served':
        return this.#requests.served(nowMs, from);
      case 'claim':
        return this.#claims.claimed(from, message.view, message.attempt, message.items);
      case 'report':
        return this.#claims.reported(nowMs, from, message.attempt, message.isLast, message.items);
      case 'delta':
        return this.#replication.deltas(from, message.view, message.items);
      case 'digest':
        return this.#replication.digests(from, message.view, message.items);
      case 'state':
        return this.#replication.states(from, message.view, message.items);
      case 'agreed':
        return this.#replication.agreed(from, message.items);
      case 'pull':
        return this.#replication.pulled(from, message.partitions);
    }
  }

  tick(nowMs: number): void {
    this.#nowMs = nowMs;
    this.#claims.tick(nowMs);
    this.#owner.tick(nowMs);
    this.#requests.tick(nowMs);
    this.#replication.tick(nowMs);
    this.#replication.flush();
  }

  /** Sends on what has changed since: at the end of a turn. */
  flush(): void {
    this.#replication.flush();
  }

  stop(): void {
    this.#requests.stop();
  }

  // What the node wants.

  register(nowMs: number, input: RegisterInput, untilMs: number, settle: Settle): void {
    this.#nowMs = nowMs;
    this.#requests.register(nowMs, input, untilMs, settle);
  }

  lookup(nowMs: number, id: string, untilMs: number, settle: Settle): void {
    this.#nowMs = nowMs;
    this.#requests.lookup(nowMs, id, untilMs, settle);
  }

  release(nowMs: number, id: string, token: number): void {
    this.#nowMs = nowMs;
    const own = this.#activations.own(id);
    if (own !== undefined && own.token > token) return;
    if (own !== undefined) this.#activations.delete(id);
    this.#requests.release(nowMs, id, token);
  }

  handOver(nowMs: number, id: string, token: number, to: NodeIdentity, settle: Settle): void {
    this.#nowMs = nowMs;
    const own = this.#activations.own(id);
    if (own === undefined || own.token !== token) return settle({ type: 'stale', registration: own });
    // An owner that does not have it among its members has to be sure that it was one, and never comes back.
    if (sameNode(to, this.self) || !this.#ownership.isMember(to)) return settle({ type: 'returned', registration: own, mayHaveRun: false });
    this.#activations.leave(id);
    this.#requests.handOver(nowMs, own, to, settle);
  }

  accept(nowMs: number, registration: Registration, settle: Settle): void {
    this.#nowMs = nowMs;
    const { id, life } = registration;
    const own = this.#activations.own(id);
    if (own !== undefined) return settle(own.life === life ? { type: 'granted', registration: own } : { type: 'stale', registration: own });
    const leaving = this.#activations.leaving(id);
    // It comes back before this node was told that it went.
    if (leaving !== undefined && leaving.token >= registration.token) return settle({ type: 'stale', registration: leaving });
    const newest = Math.max(this.#offers.get(id) ?? 0, this.#known.get(id)?.token ?? 0);
    // Somebody has got it after this was offered.
    if (newest > registration.token) return settle({ type: 'stale', registration: this.#known.get(id) });
    // A source may have told before the owner has.
    this.#offers.set(id, registration.token);
    this.#requests.take(nowMs, registration, settle);
  }

  /** Undefined if it is no orphan of this node. */
  adopt(nowMs: number, orphan: Registration, host: NodeIdentity): Registration | undefined {
    this.#nowMs = nowMs;
    const adopted = this.#owner.adopt(nowMs, orphan, host);
    if (adopted !== undefined && sameNode(host, this.self)) {
      this.#activations.add(adopted);
      this.#began(adopted);
    }
    return adopted;
  }

  /** What was found under the id is wrong, and so is what is older, wherever it is from but the directory that this node serves: whoever looks next asks the owner. */
  forget(id: string, token: number): void {
    this.#known.forget(id, token);
    const copied = this.#copied(id);
    if (copied !== undefined && copied.token <= token) this.#known.forgetCopy(copied);
  }

  // What it knows.

  ownerOf(id: string): NodeIdentity | undefined {
    return this.#ownership.ownerOf(partitionOf(id));
  }

  successorsOf(id: string, count: number): readonly NodeIdentity[] {
    return this.#ownership.number === 0 ? [] : this.#ownership.ring.successorsOf(partitionOf(id), count);
  }

  own(id: string): Registration | undefined {
    return this.#activations.own(id);
  }

  /** Of this node, of the directory that it serves, heard of, or in a copy. @param from where it was found */
  cached(id: string): { readonly from: 'local' | 'cached'; readonly registration: Registration } | undefined {
    const own = this.#activations.own(id);
    if (own !== undefined) return { from: 'local', registration: own };
    const part = this.#directory.served(partitionOf(id));
    if (part !== undefined) {
      const entry = part.entries.get(id);
      return entry === undefined || isOrphan(entry) ? undefined : { from: 'local', registration: entry.registration };
    }
    // What runs here this node knows itself: whoever else says so is behind.
    const known = this.#known.get(id);
    if (known !== undefined && !sameNode(known.host, this.self)) return { from: 'cached', registration: known };
    const copied = this.#copied(id);
    const isThere = copied !== undefined && !sameNode(copied.host, this.self) && this.#ownership.isMember(copied.host) && !this.#known.isWrongCopy(copied);
    return isThere ? { from: 'cached', registration: copied } : undefined;
  }

  /** Whether it alone says who has the id. */
  serves(id: string): boolean {
    return this.#directory.is('serving', partitionOf(id));
  }

  heard(registration: Registration): void {
    if (this.#ownership.isMember(registration.host)) this.#known.heard(registration);
  }

  activations(): Iterable<Registration> {
    return this.#activations.all();
  }

  /** For tests and for who looks. */
  get directory(): Directory {
    return this.#directory;
  }

  get waiting(): number {
    return this.#requests.count;
  }

  get unsettledCopies(): number {
    return this.#replication.unsettled;
  }

  get waitingFor(): readonly NodeIdentity[] {
    return this.#claims.waitingFor;
  }

  figures(): {
    readonly owned: number;
    readonly claiming: number;
    readonly registered: number;
    readonly replicated: number;
    readonly activations: number;
    readonly cached: number;
    readonly handOffs: number;
    readonly superseded: number;
    readonly shares: Readonly<Record<string, number>>;
  } {
    const { ring } = this.#ownership;
    const shares = Object.fromEntries(ring.members.map(({ name }, number) => [name, (ring.loads[number] as number) / PARTITIONS]));
    const own = ring.members.findIndex((member) => sameNode(member, this.self));
    return {
      owned: own === -1 ? 0 : (ring.loads[own] as number),
      claiming: this.#claims.count,
      ...this.#directory.counts(),
      activations: this.#activations.count,
      cached: this.#known.size,
      handOffs: this.#handOffs,
      superseded: this.#superseded,
      shares,
    };
  }

  /** By a copy of another owner's directory, or by what this node had before it owned it. */
  #copied(id: string): Registration | undefined {
    return this.serves(id) ? undefined : this.#directory.part(partitionOf(id))?.entries.get(id)?.registration;
  }

  #offered(registration: Registration, source: NodeIdentity | undefined): void {
    const { id, token } = registration;
    if (this.#requests.isTaking(id) || (this.#offers.get(id) ?? 0) >= token || (this.#activations.own(id)?.token ?? 0) >= token) return;
    this.#offers.delete(id);
    this.#offers.set(id, token);
    if (this.#offers.size > OFFERS_MAX) this.#offers.delete(this.#offers.keys().next().value as string);
    this.#needs.handed(registration, source);
  }

  #supersede(by: Registration): void {
    const own = this.#activations.own(by.id);
    // Its hand-over has been done, and this node was not told.
    if (own === undefined) return this.#requests.handedOver(by);
    if (own.token >= by.token) return;
    this.#activations.delete(by.id);
    this.heard(by);
    this.#superseded++;
    this.#needs.superseded(own);
  }

  /** It may run here now. */
  #began(registration: Registration): void {
    this.#known.forget(registration.id, registration.token);
    const owner = this.#ownership.ownerOf(partitionOf(registration.id));
    if (registration.placement === 'ring' && owner !== undefined && !sameNode(owner, this.self)) this.#needs.misplaced([registration]);
  }

  /** What belongs with another node by the ring of now, found as it is asked for: there may be hundreds of thousands. Ends when the ring is another one. */
  *#misplaced(): Iterable<Registration> {
    const { number } = this.#ownership;
    for (let partition = 0; partition < PARTITIONS; partition++) {
      if (this.#ownership.isOwn(partition)) continue;
      for (const registration of this.#activations.running(partition)) {
        if (this.#ownership.number !== number) return;
        if (registration.placement === 'ring') yield registration;
      }
    }
  }
}
