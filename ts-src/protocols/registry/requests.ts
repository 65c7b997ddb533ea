/**
 * What this node has asked of owners, until it is answered: each request is said again, with its number, to whoever is the owner by then. An answer counts only if its request still waits, and if who has given it
 * owns the partition without a break since: so messages that come late, twice or from an owner of before make nobody run anything.
 */
import { type NodeIdentity, sameNode } from '../../model/node-identity.js';
import type { Registration } from '../../model/registration.js';
import type { Activations } from './activations.js';
import type { KnownRegistrations } from './known-registrations.js';
import type { Ownership } from './ownership.js';
import { partitionOf } from './partition.js';
import type { RegistryAnswer, RegistryMessage, RegistryRequest } from './registry-messages.js';

/** Registrations and lookups that wait at once. */
export const WAITING_MAX = 65_536;
const FIRST_PAUSE_MS = 150;
const PAUSE_MS_MAX = 1000;
/** Times are rounded up to so much, so that many requests are looked at together. */
const TICK_MS = 25;

/** What became of a request. `registration` of `taken` and `stale`: whose it is, if that is known. */
export type RequestOutcome =
  | { readonly type: 'granted' | 'done' | 'taken'; readonly registration: Registration }
  | { readonly type: 'returned'; readonly registration: Registration; readonly mayHaveRun: boolean }
  | { readonly type: 'found' | 'stale'; readonly registration: Registration | undefined }
  | { readonly type: 'timeout' | 'busy' | 'stopped' };

export type Settle = (outcome: RequestOutcome) => void;

export interface RegisterInput {
  readonly id: string;
  readonly kind: string;
  readonly placement: Registration['placement'];
  readonly init: Uint8Array | undefined;
}

export interface RequestsNeeds {
  send(to: NodeIdentity, message: RegistryMessage): void;
  /** Asks the owner part of this node, which may answer within the call. */
  serve(request: RegistryRequest): void;
  /** To the owner part of this node: what it granted is run here. */
  confirmSelf(id: string, token: number): void;
  /** It may run here from now on. */
  began(registration: Registration): void;
  mark(what: string): void;
}

interface Pending {
  readonly partition: number;
  message: RegistryRequest;
  readonly settle: Settle;
  readonly untilMs: number;
  againAtMs: number;
  pauseMs: number;
  /** Whom it was sent to last. */
  owner: NodeIdentity | undefined;
}

interface WaitingRegister {
  readonly input: RegisterInput;
  readonly untilMs: number;
  readonly settle: Settle;
}

export class Requests {
  readonly #ownership: Ownership;
  readonly #activations: Activations;
  readonly #known: KnownRegistrations;
  readonly #needs: RequestsNeeds;
  readonly #pending = new Map<number, Pending>();
  /** By id: one registration at a time is asked for; others of the same id wait for what becomes of it. */
  readonly #registering = new Map<string, WaitingRegister[]>();
  readonly #releasing = new Map<string, { token: number; request: number }>();
  /** By id, the request that hands it over: one at a time. */
  readonly #handing = new Map<string, number>();
  readonly #taking = new Map<string, { readonly registration: Registration; readonly settles: Settle[] }>();
  #lastRequest = 0;
  #waiting = 0;
  #dueMs = Number.POSITIVE_INFINITY;
  #nowMs = 0;

  constructor(ownership: Ownership, activations: Activations, known: KnownRegistrations, needs: RequestsNeeds) {
    this.#ownership = ownership;
    this.#activations = activations;
    this.#known = known;
    this.#needs = needs;
  }

  get dueMs(): number {
    return this.#dueMs;
  }

  get count(): number {
    return this.#pending.size;
  }

  register(nowMs: number, input: RegisterInput, untilMs: number, settle: Settle): void {
    this.#nowMs = nowMs;
    const own = this.#activations.own(input.id) ?? this.#activations.leaving(input.id) ?? this.#taking.get(input.id)?.registration;
    if (own !== undefined) return settle({ type: 'taken', registration: own });
    if (this.#waiting >= WAITING_MAX) return settle({ type: 'busy' });
    const others = this.#registering.get(input.id);
    if (others !== undefined) {
      this.#waiting++;
      others.push({ input, untilMs, settle });
      this.#dueAt(untilMs);
      return;
    }
    this.#registering.set(input.id, []);
    const { id, kind, placement, init } = input;
    this.#waiting++;
    const message: RegistryRequest = {
      ...{ type: 'register', request: ++this.#lastRequest, view: this.#ownership.number, id, kind, placement, init },
      released: this.#releasing.get(id)?.token ?? 0,
    };
    this.#begin(message, id, untilMs, (outcome) => {
      this.#waiting--;
      const followers = this.#registering.get(id) ?? [];
      this.#registering.delete(id);
      settle(outcome);
      this.#goOn(followers, outcome);
    });
  }

  lookup(nowMs: number, id: string, untilMs: number, settle: Settle): void {
    this.#nowMs = nowMs;
    if (this.#waiting >= WAITING_MAX) return settle({ type: 'busy' });
    this.#waiting++;
    this.#begin({ type: 'lookup', request: ++this.#lastRequest, view: this.#ownership.number, id }, id, untilMs, (outcome) => {
      this.#waiting--;
      settle(outcome);
    });
  }

  /** Until the owner knows it. */
  release(nowMs: number, id: string, token: number): void {
    this.#nowMs = nowMs;
    const releasing = this.#releasing.get(id);
    if (releasing !== undefined && releasing.token >= token) return;
    const request = ++this.#lastRequest;
    if (releasing !== undefined) this.#pending.delete(releasing.request);
    this.#releasing.set(id, { token, request });
    this.#begin({ type: 'release', request, view: this.#ownership.number, id, token }, id, Number.POSITIVE_INFINITY, () => {
      if (this.#releasing.get(id)?.request === request) this.#releasing.delete(id);
    });
  }

  /** `leaving` it must be. */
  handOver(nowMs: number, { id, token, life }: Registration, to: NodeIdentity, settle: Settle): void {
    this.#nowMs = nowMs;
    const request = ++this.#lastRequest;
    const { number } = this.#ownership;
    this.#handing.set(id, request);
    this.#begin({ type: 'handOver', request, view: number, id, token, life, since: number, to }, id, Number.POSITIVE_INFINITY, (outcome) => {
      if (this.#handing.get(id) === request) this.#handing.delete(id);
      settle(outcome);
    });
  }

  take(nowMs: number, registration: Registration, settle: Settle): void {
    this.#nowMs = nowMs;
    const { id } = registration;
    // It was declined, or has ended: the owner is about to hear of that.
    if (this.#isReleasing(registration)) return settle({ type: 'stale', registration: undefined });
    const taking = this.#taking.get(id);
    if (taking !== undefined && taking.registration.life === registration.life) {
      taking.settles.push(settle);
      return;
    }
    const begun = { registration, settles: [settle] };
    this.#taking.set(id, begun);
    this.#begin({ type: 'take', request: ++this.#lastRequest, view: this.#ownership.number, registration }, id, Number.POSITIVE_INFINITY, (outcome) => {
      if (this.#taking.get(id) === begun) this.#taking.delete(id);
      for (const each of begun.settles) each(outcome);
    });
  }

  /** Somebody has it with a greater token than the one that this node hands over. */
  handedOver(by: Registration, except?: Pending): void {
    const leaving = this.#activations.leaving(by.id);
    if (leaving === undefined || leaving.life !== by.life || leaving.token >= by.token) return;
    const pending = this.#pending.get(this.#handing.get(by.id) ?? 0);
    if (pending === except) return;
    this.#activations.left(by.id);
    this.#heard(by);
    if (pending === undefined) return;
    this.#needs.mark('handedOverUnheard');
    this.#settle(pending, { type: 'done', registration: by });
  }

  isTaking(id: string): boolean {
    return this.#taking.has(id);
  }

  *takingIn(partition: number): Iterable<Registration> {
    for (const [id, { registration }] of this.#taking) if (partitionOf(id) === partition) yield registration;
  }

  *releasedIn(partition: number): Iterable<Registration> {
    const { self } = this.#ownership;
    for (const [id, { token }] of this.#releasing)
      if (partitionOf(id) === partition) yield { id, kind: '', host: self, token, life: token, placement: 'pinned', init: undefined };
  }

  answered(nowMs: number, from: NodeIdentity, answer: RegistryAnswer): void {
    this.#nowMs = nowMs;
    const pending = this.#pending.get(answer.request);
    const id = answer.type === 'found' ? idOf(pending) : 'registration' in answer ? answer.registration?.id : answer.id;
    if (answer.type === 'later') {
      if (pending !== undefined) this.#needs.mark('later');
      return;
    }
    if (id === undefined) return;
    if (!this.#ownership.isInForce(partitionOf(id), from, answer.view)) return this.#needs.mark(answer.type === 'granted' ? 'voidGrant' : 'voidAnswer');
    if (pending === undefined || idOf(pending) !== id || !fits(pending.message, answer)) {
      if (answer.type === 'granted' || answer.type === 'returned') this.#unwanted(from, answer.registration);
      return;
    }
    switch (answer.type) {
      case 'granted':
      case 'returned':
        if (this.#isReleasing(answer.registration) || (this.#activations.own(id)?.token ?? 0) > answer.registration.token)
          return this.#settle(pending, { type: 'stale', registration: undefined });
        // What it hands over has gone and come back since, perhaps more than once.
        if (answer.type === 'returned' && !this.#isLeaving(pending)) return this.#settle(pending, { type: 'done', registration: answer.registration });
        this.handedOver(answer.registration, pending);
        this.#activations.add(answer.registration);
        this.#confirm(from, answer.registration);
        this.#needs.began(answer.registration);
        return this.#settle(pending, answer);
      case 'done':
        this.#left(pending);
        this.#heard(answer.registration);
        return this.#settle(pending, answer);
      case 'taken':
        this.#heard(answer.registration);
        return this.#settle(pending, pending.message.type === 'take' ? { type: 'stale', registration: answer.registration } : answer);
      case 'found':
        if (answer.registration !== undefined) this.#heard(answer.registration);
        else this.#known.forget(id, Number.POSITIVE_INFINITY);
        return this.#settle(pending, answer);
      case 'stale':
        this.#left(pending);
        return this.#settle(pending, { type: 'stale', registration: undefined });
      case 'freed':
        return this.#settle(pending, { type: 'stale', registration: undefined });
    }
  }

  /** Another ring: what waits for an owner that is not one any more is asked of the next one. */
  installed(nowMs: number): void {
    this.#nowMs = nowMs;
    for (const pending of [...this.#pending.values()]) {
      const owner = this.#ownership.ownerOf(pending.partition);
      if (owner === undefined || (pending.owner !== undefined && sameNode(owner, pending.owner))) continue;
      this.#send(pending, true);
    }
  }

  /** That owner answers now what it could not before. */
  served(nowMs: number, by: NodeIdentity): void {
    this.#nowMs = nowMs;
    for (const pending of [...this.#pending.values()]) if (pending.owner !== undefined && sameNode(pending.owner, by)) this.#send(pending, true);
  }

  tick(nowMs: number): void {
    this.#nowMs = nowMs;
    if (nowMs < this.#dueMs) return;
    this.#dueMs = Number.POSITIVE_INFINITY;
    for (const [request, pending] of [...this.#pending]) {
      if (!this.#pending.has(request)) continue;
      if (nowMs >= pending.untilMs) this.#settle(pending, { type: 'timeout' });
      else if (nowMs >= pending.againAtMs) this.#send(pending, false);
      else this.#dueAt(Math.min(pending.untilMs, pending.againAtMs));
    }
    for (const [id, followers] of [...this.#registering]) {
      const late = followers.filter(({ untilMs }) => nowMs >= untilMs);
      if (late.length > 0)
        this.#registering.set(
          id,
          followers.filter(({ untilMs }) => nowMs < untilMs),
        );
      for (const { settle } of late) {
        this.#waiting--;
        settle({ type: 'timeout' });
      }
      for (const { untilMs } of this.#registering.get(id) ?? []) this.#dueAt(untilMs);
    }
  }

  stop(): void {
    const pending = [...this.#pending.values()];
    const followers = [...this.#registering.values()].flat();
    this.#pending.clear();
    this.#registering.clear();
    this.#dueMs = Number.POSITIVE_INFINITY;
    for (const { settle } of [...pending, ...followers]) settle({ type: 'stopped' });
  }

  /** Whom a registration or lookup of this id waits for. */
  ownerAskedFor(id: string): NodeIdentity | undefined {
    return this.#ownership.ownerOf(partitionOf(id));
  }

  #goOn(followers: readonly WaitingRegister[], outcome: RequestOutcome): void {
    if (outcome.type === 'stopped') {
      for (const { settle } of followers) settle(outcome);
      return;
    }
    this.#waiting -= followers.length;
    for (const { input, untilMs, settle } of followers) {
      if (outcome.type === 'granted' || outcome.type === 'taken') settle({ type: 'taken', registration: outcome.registration });
      else this.register(this.#nowMs, input, untilMs, settle);
    }
  }

  #begin(message: RegistryRequest, id: string, untilMs: number, settle: Settle): void {
    const pending: Pending = { partition: partitionOf(id), message, settle, untilMs, againAtMs: 0, pauseMs: FIRST_PAUSE_MS, owner: undefined };
    this.#pending.set(message.request, pending);
    this.#send(pending, true);
  }

  #send(pending: Pending, isNew: boolean): void {
    pending.pauseMs = isNew ? FIRST_PAUSE_MS : Math.min(PAUSE_MS_MAX, pending.pauseMs * 2);
    pending.againAtMs = Math.ceil((this.#nowMs + pending.pauseMs) / TICK_MS) * TICK_MS;
    const owner = this.#ownership.ownerOf(pending.partition);
    pending.owner = owner;
    if (pending.message.view !== this.#ownership.number) pending.message = { ...pending.message, view: this.#ownership.number };
    if (!isNew) this.#needs.mark('retry');
    if (owner !== undefined) {
      if (sameNode(owner, this.#ownership.self)) this.#needs.serve(pending.message);
      else this.#needs.send({ name: owner.name, incarnation: owner.incarnation }, pending.message);
    }
    if (this.#pending.has(pending.message.request)) this.#dueAt(Math.min(pending.againAtMs, pending.untilMs));
  }

  /** What a node ran that is a member no more, it does not run. */
  #heard(registration: Registration): void {
    if (this.#ownership.isMember(registration.host)) this.#known.heard(registration);
  }

  #isReleasing({ id, token }: Registration): boolean {
    return (this.#releasing.get(id)?.token ?? 0) >= token;
  }

  /** It may be here again already, with another token. */
  #left(pending: Pending): void {
    if (this.#isLeaving(pending)) this.#activations.left((pending.message as { readonly id: string }).id);
  }

  /** Whether what it hands over is what this node has stopped in order to hand it over. */
  #isLeaving({ message }: Pending): boolean {
    return message.type === 'handOver' && this.#activations.leaving(message.id)?.token === message.token;
  }

  #settle(pending: Pending, outcome: RequestOutcome): void {
    this.#pending.delete(pending.message.request);
    pending.settle(outcome);
  }

  /** Granted to a request that does not wait any more: run here already, or never. */
  #unwanted(from: NodeIdentity, registration: Registration): void {
    const { id, token } = registration;
    const own = this.#activations.own(id) ?? this.#activations.leaving(id);
    if (own?.token === token) return this.#confirm(from, registration);
    this.#needs.mark('unwantedGrant');
    this.release(this.#nowMs, id, token);
  }

  #confirm(from: NodeIdentity, { id, token }: Registration): void {
    if (sameNode(from, this.#ownership.self)) this.#needs.confirmSelf(id, token);
    else this.#needs.send(from, { type: 'confirm', view: this.#ownership.number, id, token });
  }

  #dueAt(atMs: number): void {
    if (atMs < this.#dueMs) this.#dueMs = atMs;
  }
}

function idOf(pending: Pending | undefined): string | undefined {
  if (pending === undefined) return undefined;
  return pending.message.type === 'take' ? pending.message.registration.id : pending.message.id;
}

/** Whether it is an answer to such a request at all. */
function fits({ type }: RegistryRequest, answer: RegistryAnswer): boolean {
  switch (answer.type) {
    case 'granted':
      return type === 'register' || type === 'take';
    case 'taken':
      return type === 'register' || type === 'take';
    case 'found':
      return type === 'lookup';
    case 'done':
    case 'returned':
      return type === 'handOver';
    case 'freed':
      return type === 'release';
    case 'stale':
      return type === 'handOver' || type === 'take';
    case 'later':
      return true;
  }
}
