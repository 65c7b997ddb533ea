/**
 * How a node comes to serve partitions that it owns newly: it asks every other member of its view what it runs of them, and puts that together with the best version that anybody has of what the owner before wrote.
 * Until everybody has answered, or is a member no more, it serves nothing of them. And the other side: what this node answers to claims.
 */
import { type NodeIdentity, nodeKey, sameNode } from '../../model/node-identity.js';
import type { Registration } from '../../model/registration.js';
import { ActivationReports, orphansOf } from './activation-reports.js';
import type { Activations } from './activations.js';
import type { Directory } from './directory.js';
import { Digest, isIdle } from './directory-entry.js';
import { DirectoryPart } from './directory-part.js';
import type { Ownership } from './ownership.js';
import { PARTITIONS } from './partition.js';
import { Parts } from './parts.js';
import { type ClaimItem, ITEMS_MAX, type Orphan, type RegistryMessage, type ReportedActivation, type ReportItem } from './registry-messages.js';

const FIRST_PAUSE_MS = 100;
const PAUSE_MS_MAX = 1000;
/** Partitions in one question, at least. */
const ITEMS_MIN = 16;

export interface ClaimsNeeds {
  send(to: NodeIdentity, message: RegistryMessage): void;
  /** What this node has asked to be given. */
  taking(partition: number): Iterable<Registration>;
  /** What it has released, and the owner before has not said that it knows. */
  released(partition: number): Iterable<Registration>;
  /** It is served from now on. */
  began(partition: number): void;
  /** After one or more have begun. */
  sayServed(): void;
  /** It has been told that it runs this, and somebody else has a greater token. */
  superseded(host: NodeIdentity, by: Registration): void;
  mark(what: string): void;
}

/** What is put together for one partition. */
interface Gathering {
  /** The view from which on this node owns it. */
  readonly epoch: number;
  /** Members that have not answered. */
  waiting: number;
  /** Who has said what of an id: nearly always one. */
  readonly found: Map<string, ReportedActivation[]>;
  best: { readonly epoch: number; readonly sequence: number; readonly orphans: readonly Orphan[] } | undefined;
  lastToken: number;
}

interface Asked {
  readonly node: NodeIdentity;
  readonly remaining: Set<number>;
  attempt: number;
  againAtMs: number;
  pauseMs: number;
  /** Partitions in one question: some more than the last answer had room for. */
  itemsMax: number;
  /** Of this attempt, what came in several parts. */
  readonly parts: Map<number, Parts<ReportItem>>;
}

export class Claims {
  readonly #ownership: Ownership;
  readonly #directory: Directory;
  readonly #activations: Activations;
  readonly #needs: ClaimsNeeds;
  readonly #reports: ActivationReports;
  readonly #gatherings: (Gathering | undefined)[] = new Array(PARTITIONS).fill(undefined);
  readonly #asked = new Map<string, Asked>();
  #claiming = 0;
  #lastAttempt = 0;
  #nowMs = 0;

  constructor(ownership: Ownership, directory: Directory, activations: Activations, needs: ClaimsNeeds) {
    this.#ownership = ownership;
    this.#directory = directory;
    this.#activations = activations;
    this.#needs = needs;
    this.#reports = new ActivationReports(ownership, directory, activations, needs);
  }

  /** Partitions that are claimed. */
  get count(): number {
    return this.#claiming;
  }

  get waitingFor(): NodeIdentity[] {
    return [...this.#asked.values()].filter(({ remaining }) => remaining.size > 0).map(({ node }) => node);
  }

  get dueMs(): number {
    let dueMs = Number.POSITIVE_INFINITY;
    for (const { remaining, againAtMs } of this.#asked.values()) if (remaining.size > 0) dueMs = Math.min(dueMs, againAtMs);
    return dueMs;
  }

  /** After the ownership has the view. @param departed whoever was a member of the view before */
  installed(nowMs: number, departed: readonly NodeIdentity[]): void {
    this.#nowMs = nowMs;
    const finished: number[] = [];
    for (let partition = 0; partition < PARTITIONS; partition++) {
      const isOwn = this.#ownership.isOwn(partition);
      const isKept = isOwn && !this.#directory.is('copy', partition) && this.#ownership.since(partition) < this.#ownership.number;
      if (isKept) continue;
      this.#giveUp(partition);
      if (isOwn) this.#claim(partition, finished);
    }
    // Behind the others: what is claimed anew does not ask them.
    for (const node of departed) {
      for (const partition of this.#asked.get(nodeKey(node))?.remaining ?? []) {
        this.#needs.mark('claimWithoutMember');
        this.#answered(partition, finished);
      }
      this.#asked.delete(nodeKey(node));
    }
    for (const partition of finished) this.#finish(partition);
    for (const asked of this.#asked.values()) if (asked.remaining.size > 0) this.#ask(asked, true);
    this.#reports.installed();
    if (finished.length > 0) this.#needs.sayServed();
  }

  /** Another node claims. */
  claimed(from: NodeIdentity, view: number, attempt: number, items: readonly ClaimItem[]): void {
    this.#reports.claimed(from, view, attempt, items);
  }

  reported(nowMs: number, from: NodeIdentity, attempt: number, isLast: boolean, items: readonly ReportItem[]): void {
    this.#nowMs = nowMs;
    const asked = this.#asked.get(nodeKey(from));
    if (asked === undefined || asked.attempt !== attempt) return this.#needs.mark('lateReport');
    const finished: number[] = [];
    for (const item of items) {
      const whole = this.#whole(asked, item);
      if (whole === undefined || !asked.remaining.delete(item.partition)) continue;
      this.#gather(from, whole);
      this.#answered(item.partition, finished);
    }
    for (const partition of finished) this.#finish(partition);
    if (finished.length > 0) this.#needs.sayServed();
    if (!isLast || asked.remaining.size === 0) return;
    asked.itemsMax = Math.min(ITEMS_MAX, Math.max(ITEMS_MIN, 2 * items.length));
    this.#ask(asked, true);
  }

  /** Messages get to that node from now on. */
  connected(nowMs: number, node: NodeIdentity): void {
    this.#nowMs = nowMs;
    const asked = this.#asked.get(nodeKey(node));
    if (asked !== undefined && asked.remaining.size > 0) this.#ask(asked, true);
  }

  tick(nowMs: number): void {
    this.#nowMs = nowMs;
    for (const asked of this.#asked.values()) {
      if (asked.remaining.size === 0 || nowMs < asked.againAtMs) continue;
      this.#needs.mark('claimAgain');
      this.#ask(asked, false);
    }
  }

  #claim(partition: number, finished: number[]): void {
    const epoch = this.#ownership.number;
    const gathering: Gathering = { epoch, waiting: 0, found: new Map(), best: undefined, lastToken: 0 };
    this.#gatherings[partition] = gathering;
    this.#directory.become('claiming', partition);
    this.#claiming++;
    for (const member of this.#ownership.members) {
      if (sameNode(member, this.#ownership.self)) continue;
      const key = nodeKey(member);
      let asked = this.#asked.get(key);
      if (asked === undefined) {
        const node = { name: member.name, incarnation: member.incarnation };
        asked = { node, remaining: new Set(), attempt: 0, againAtMs: 0, pauseMs: FIRST_PAUSE_MS, itemsMax: ITEMS_MAX, parts: new Map() };
        this.#asked.set(key, asked);
      }
      asked.remaining.add(partition);
      gathering.waiting++;
    }
    if (gathering.waiting === 0) finished.push(partition);
  }

  /** It has another owner, or has to be claimed anew. */
  #giveUp(partition: number): void {
    if (this.#gatherings[partition] !== undefined) {
      this.#gatherings[partition] = undefined;
      this.#claiming--;
      for (const { remaining } of this.#asked.values()) remaining.delete(partition);
    }
    this.#directory.become('copy', partition);
  }

  #answered(partition: number, finished: number[]): void {
    const gathering = this.#gatherings[partition];
    if (gathering !== undefined && --gathering.waiting === 0) finished.push(partition);
  }

  #ask(asked: Asked, isNew: boolean): void {
    asked.pauseMs = isNew ? FIRST_PAUSE_MS : Math.min(PAUSE_MS_MAX, asked.pauseMs * 2);
    asked.againAtMs = this.#nowMs + asked.pauseMs;
    asked.attempt = ++this.#lastAttempt;
    asked.parts.clear();
    const items: ClaimItem[] = [];
    for (const partition of asked.remaining) {
      items.push(this.#claimItem(partition, asked.node));
      if (items.length === asked.itemsMax) break;
    }
    this.#needs.send(asked.node, { type: 'claim', view: this.#ownership.number, attempt: asked.attempt, items });
  }

  #claimItem(partition: number, node: NodeIdentity): ClaimItem {
    const part = this.#directory.part(partition);
    const digest = new Digest();
    for (const entry of part?.entries.values() ?? []) {
      if (!isIdle(entry) && sameNode(entry.registration.host, node)) digest.add(entry.registration.id, entry.registration.token);
    }
    const { epoch = 0, sequence = 0 } = this.#gatherings[partition]?.best ?? part ?? {};
    return { partition, epoch, sequence, digest: digest.value() };
  }

  /** When all parts of it are there, as one. */
  #whole(asked: Asked, item: ReportItem): ReportItem | undefined {
    if (item.parts === 1) return item;
    const parts = asked.parts.get(item.partition) ?? new Parts<ReportItem>(item.parts);
    asked.parts.set(item.partition, parts);
    const whole = item.parts === parts.count ? parts.add(item.part, item) : undefined;
    if (whole === undefined) return undefined;
    asked.parts.delete(item.partition);
    this.#needs.mark('reportInParts');
    return { ...item, part: 0, parts: 1, activations: whole.flatMap(({ activations }) => activations), orphans: whole.flatMap(({ orphans }) => orphans) };
  }

  #gather(from: NodeIdentity, { partition, isSame, activations, epoch, sequence, lastToken, orphans }: ReportItem): void {
    const gathering = this.#gatherings[partition] as Gathering;
    gathering.lastToken = Math.max(gathering.lastToken, lastToken);
    if (isSame) {
      this.#needs.mark('sameReport');
      for (const entry of this.#directory.part(partition)?.entries.values() ?? []) {
        if (!isIdle(entry) && sameNode(entry.registration.host, from)) this.#found(gathering, { registration: entry.registration, state: 'running' });
      }
    } else for (const activation of activations) this.#found(gathering, activation);
    const best = gathering.best ?? this.#directory.part(partition);
    if (epoch > 0 && (best === undefined || epoch > best.epoch || (epoch === best.epoch && sequence > best.sequence)))
      gathering.best = { epoch, sequence, orphans };
  }

  #found({ found }: Gathering, activation: ReportedActivation): void {
    const { id } = activation.registration;
    const others = found.get(id);
    if (others === undefined) found.set(id, [activation]);
    else others.push(activation);
  }

  /** Everybody has answered. */
  #finish(partition: number): void {
    const { self } = this.#ownership;
    const gathering = this.#gatherings[partition] as Gathering;
    const before = this.#directory.part(partition);
    for (const registration of this.#activations.running(partition)) this.#found(gathering, { registration, state: 'running' });
    for (const registration of this.#activations.leavingIn(partition)) this.#found(gathering, { registration, state: 'leaving' });
    for (const registration of this.#needs.taking(partition)) this.#found(gathering, { registration: { ...registration, host: self }, state: 'taking' });
    for (const registration of this.#needs.released(partition)) this.#found(gathering, { registration, state: 'released' });
    const part = new DirectoryPart(gathering.epoch);
    for (const activations of gathering.found.values()) this.#putWinner(part, activations);
    for (const { registration, isIdle: wasIdle } of gathering.best?.orphans ?? (before === undefined ? [] : orphansOf(before, this.#ownership))) {
      part.lastToken = Math.max(part.lastToken, registration.token);
      // Offered, and not taken: whoever handed it over still has it.
      if (wasIdle && gathering.found.get(registration.id)?.some((found) => found.registration.life === registration.life) === true) continue;
      part.put({ registration, state: wasIdle ? 'declined' : 'orphan', request: 0, source: undefined });
    }
    part.lastToken = Math.max(part.lastToken, gathering.lastToken, before?.lastToken ?? 0);
    for (const entry of [...part.entries.values()]) {
      // What was offered by an owner of before may have been given to others since, which nobody knows any more: it is offered anew.
      if (entry.state === 'offered') part.put({ ...entry, registration: { ...entry.registration, token: part.nextToken(this.#ownership.number) } });
    }
    this.#gatherings[partition] = undefined;
    this.#claiming--;
    this.#directory.set(partition, part);
    this.#directory.become('serving', partition);
    this.#needs.began(partition);
    for (const activations of gathering.found.values()) if (activations.length > 1) this.#tellOthers(part, activations);
  }

  /** The greatest token: it was written last. Whoever has asked to be given it and has departed since does not have it. */
  #putWinner(part: DirectoryPart, activations: readonly ReportedActivation[]): void {
    const standing = activations.filter(({ registration, state }) => state !== 'taking' || this.#ownership.isMember(registration.host));
    const candidates = standing.length === 0 ? activations : standing;
    const winner = candidates.reduce((greatest, each) => (each.registration.token > greatest.registration.token ? each : greatest));
    const isThere = this.#ownership.isMember(winner.registration.host);
    if (winner.state === 'released') {
      part.remove(winner.registration.id, winner.registration.token, 0);
      return;
    }
    part.put({
      registration: winner.registration,
      state: !isThere ? 'orphan' : winner.state === 'taking' ? 'offered' : 'settled',
      request: 0,
      source: undefined,
    });
  }

  /** Two hosts of one id: the others have handed it over, or do not know yet that they do not have it. */
  #tellOthers(part: DirectoryPart, activations: readonly ReportedActivation[]): void {
    this.#needs.mark('conflict');
    for (const { registration } of activations) {
      const entry = part.entries.get(registration.id);
      // What is only offered may still go back.
      if (entry === undefined || isIdle(entry) || entry.registration.token <= registration.token || !this.#ownership.isMember(registration.host)) continue;
      this.#needs.superseded(registration.host, entry.registration);
    }
  }
}
