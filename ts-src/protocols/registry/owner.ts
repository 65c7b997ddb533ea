/**
 * What this node does as the owner of partitions that it serves: it alone writes them. It answers requests, says grants and offers again until it knows what became of them, and finds orphans. Whether it serves a
 * partition is decided by `claims.ts`; what it has written is brought to successors by `replication.ts`.
 */
import { type NodeIdentity, nodeKey, sameNode } from '../../model/node-identity.js';
import type { Registration } from '../../model/registration.js';
import type { Directory } from './directory.js';
import { type DirectoryEntry, type EntryState, isOrphan } from './directory-entry.js';
import type { DirectoryPart } from './directory-part.js';
import type { Ownership } from './ownership.js';
import { partitionOf } from './partition.js';
import type { RegistryAnswer, RegistryMessage, RegistryRequest } from './registry-messages.js';

/** Grants and offers of which nothing has been heard are said again. */
const RESEND_MS = 400;

export interface OwnerNeeds {
  send(to: NodeIdentity, message: RegistryMessage): void;
  answerSelf(answer: RegistryAnswer): void;
  /** Offered to this very node. */
  offeredSelf(registration: Registration, source: NodeIdentity | undefined): void;
  changed(partition: number, part: DirectoryPart, entry: DirectoryEntry): void;
  removed(partition: number, part: DirectoryPart, id: string, token: number): void;
  orphaned(registration: Registration): void;
  mark(what: string): void;
}

export class Owner {
  readonly #ownership: Ownership;
  readonly #directory: Directory;
  readonly #needs: OwnerNeeds;
  /** Ids whose entry somebody else has to confirm or take. */
  readonly #unconfirmed = new Map<string, { token: number; againAtMs: number }>();
  /** Whom `served` is owed. */
  readonly #disappointed = new Map<string, NodeIdentity>();
  #dueMs = Number.POSITIVE_INFINITY;
  #nowMs = 0;

  constructor(ownership: Ownership, directory: Directory, needs: OwnerNeeds) {
    this.#ownership = ownership;
    this.#directory = directory;
    this.#needs = needs;
  }

  get dueMs(): number {
    return this.#dueMs;
  }

  serve(nowMs: number, from: NodeIdentity, request: RegistryRequest): void {
    this.#nowMs = nowMs;
    const id = request.type === 'take' ? request.registration.id : request.id;
    const partition = partitionOf(id);
    const part = this.#directory.served(partition);
    // Whoever knows of a later view knows of members and owners that this node does not know of.
    if (part === undefined || request.view > this.#ownership.number || !this.#ownership.isMember(from)) {
      if (!sameNode(from, this.#ownership.self)) this.#disappointed.set(nodeKey(from), from);
      return this.#answer(from, { type: 'later', request: request.request, view: this.#ownership.number, id });
    }
    const entry = part.entries.get(id);
    switch (request.type) {
      case 'lookup':
        return this.#answer(from, this.#of('found', request.request, entry === undefined || isOrphan(entry) ? undefined : entry.registration));
      case 'register':
        return this.#register(from, request, partition, part, entry);
      case 'release':
        this.#release(from, request.token, partition, part, entry);
        return this.#answer(from, { type: 'freed', request: request.request, view: this.#ownership.number, id });
      case 'handOver':
        return this.#handOver(from, request, partition, part, entry);
      case 'take':
        return this.#take(from, request, partition, part, entry);
    }
  }

  confirmed(from: NodeIdentity, id: string, token: number): void {
    const partition = partitionOf(id);
    const part = this.#directory.served(partition);
    const entry = part?.entries.get(id);
    if (part === undefined || entry === undefined || entry.registration.token !== token || !sameNode(entry.registration.host, from)) return;
    if (entry.state !== 'granted' && entry.state !== 'returned') return;
    // To successors it is the same.
    part.put({ registration: entry.registration, state: 'settled', request: 0, source: undefined });
    this.#unconfirmed.delete(id);
  }

  /** @param orphan as `orphaned` said it. Undefined if it is none any more */
  adopt(nowMs: number, orphan: Registration, host: NodeIdentity): Registration | undefined {
    this.#nowMs = nowMs;
    const { id, token } = orphan;
    const partition = partitionOf(id);
    const part = this.#directory.served(partition);
    const entry = part?.entries.get(id);
    if (part === undefined || entry === undefined || !isOrphan(entry) || entry.registration.token !== token || !this.#ownership.isMember(host))
      return undefined;
    const isOwn = sameNode(host, this.#ownership.self);
    const registration = this.#write(partition, part, { ...entry.registration, host }, isOwn ? 'settled' : 'offered', 0, undefined);
    if (!isOwn) this.#offer(registration, undefined);
    return registration;
  }

  /** A partition is served from now on: what came out of the claim is said to whom it concerns. */
  began(nowMs: number, partition: number): void {
    this.#nowMs = nowMs;
    for (const entry of this.#directory.served(partition)?.entries.values() ?? []) {
      if (entry.state === 'offered') this.#offer(entry.registration, entry.source);
      else if (isOrphan(entry)) this.#orphaned(entry.registration);
    }
  }

  /** After partitions have begun to be served. */
  sayServed(): void {
    for (const node of this.#disappointed.values()) {
      if (this.#ownership.isMember(node)) this.#needs.send(node, { type: 'served', view: this.#ownership.number });
    }
    this.#disappointed.clear();
  }

  /** These nodes run nothing any more. */
  departed(nowMs: number, nodes: readonly NodeIdentity[]): void {
    this.#nowMs = nowMs;
    if (nodes.length === 0) return;
    const gone = new Set(nodes.map(nodeKey));
    for (const key of gone) this.#disappointed.delete(key);
    for (const partition of this.#directory.partitions('serving')) {
      const part = this.#directory.part(partition) as DirectoryPart;
      for (const entry of [...part.entries.values()]) {
        if (!gone.has(nodeKey(entry.registration.host)) || entry.state === 'orphan') continue;
        // Nobody has ever said that it was run; what was moved there ran before.
        if (entry.state === 'granted' && entry.registration.life === entry.registration.token) this.#remove(partition, part, entry.registration);
        else this.#lost(partition, part, entry, 'orphan');
      }
    }
  }

  tick(nowMs: number): void {
    this.#nowMs = nowMs;
    if (nowMs < this.#dueMs) return;
    this.#dueMs = Number.POSITIVE_INFINITY;
    for (const [id, unconfirmed] of [...this.#unconfirmed]) {
      const entry = this.#directory.served(partitionOf(id))?.entries.get(id);
      if (entry === undefined || entry.registration.token !== unconfirmed.token || entry.state === 'settled' || isOrphan(entry)) {
        this.#unconfirmed.delete(id);
        continue;
      }
      if (nowMs >= unconfirmed.againAtMs) {
        unconfirmed.againAtMs = nowMs + RESEND_MS;
        this.#needs.mark('resent');
        this.#say(entry);
      }
      this.#dueMs = Math.min(this.#dueMs, unconfirmed.againAtMs);
    }
  }

  #register(
    from: NodeIdentity,
    { request, id, kind, placement, init, released }: Extract<RegistryRequest, { type: 'register' }>,
    partition: number,
    part: DirectoryPart,
    entry: DirectoryEntry | undefined,
  ): void {
    if (entry !== undefined) {
      const { registration, state } = entry;
      const isOfAsker = sameNode(registration.host, from);
      if (isOfAsker && state === 'granted' && entry.request === request) return this.#answer(from, this.#of('granted', request, registration));
      // One host asks for an id with one request at a time: with a later one it has given up the one before.
      const isGivenUp = isOfAsker && (registration.token <= released || (state === 'granted' && entry.request < request));
      if (!isGivenUp) return this.#answer(from, this.#of('taken', request, registration));
    }
    const token = part.nextToken(this.#ownership.number);
    const isOwn = sameNode(from, this.#ownership.self);
    const registration: Registration = { id, kind, host: from, token, life: token, placement, init };
    this.#put(partition, part, { registration, state: isOwn ? 'settled' : 'granted', request, source: undefined });
    this.#answer(from, this.#of('granted', request, registration));
  }

  #release(from: NodeIdentity, token: number, partition: number, part: DirectoryPart, entry: DirectoryEntry | undefined): void {
    if (entry?.registration.token !== token) return;
    const isOrphanOfOwner = isOrphan(entry) && sameNode(from, this.#ownership.self);
    if (!isOrphanOfOwner && !sameNode(entry.registration.host, from)) return;
    // Declined: nobody has run it with this token.
    if (entry.state === 'offered') return this.#lost(partition, part, entry, 'declined');
    if (isOrphan(entry) && !isOrphanOfOwner) return;
    this.#remove(partition, part, entry.registration);
  }

  #remove(partition: number, part: DirectoryPart, { id, token }: Registration): void {
    part.remove(id, token, part.sequence + 1);
    this.#unconfirmed.delete(id);
    this.#needs.removed(partition, part, id, token);
  }

  #handOver(
    from: NodeIdentity,
    { request, token, life, since, id, to }: Extract<RegistryRequest, { type: 'handOver' }>,
    partition: number,
    part: DirectoryPart,
    entry: DirectoryEntry | undefined,
  ): void {
    const registration = entry?.registration;
    if (entry === undefined || registration?.life !== life || registration.token < token)
      return this.#answer(from, { type: 'stale', request, view: this.#ownership.number, id });
    if (registration.token === token) {
      if (!sameNode(registration.host, from)) return this.#answer(from, { type: 'stale', request, view: this.#ownership.number, id });
      // For good: a node that departs never comes back, so the same request that comes again later finds the same.
      // An owner of before may have given it to the other node.
      const mayHaveRun = part.epoch > since;
      if (!this.#ownership.isMember(to)) {
        const returned = mayHaveRun ? this.#write(partition, part, { ...registration, host: from }, 'returned', request, undefined, true) : registration;
        return this.#answer(from, this.#returned(request, returned, mayHaveRun));
      }
      const offered = this.#write(partition, part, { ...registration, host: to }, 'offered', request, from, mayHaveRun);
      return this.#offer(offered, from);
    }
    // It was written before: by this owner, or by one before it.
    if (entry.state === 'returned' && entry.request === request && sameNode(registration.host, from))
      return this.#answer(from, this.#returned(request, registration, entry.mayHaveRun));
    if (entry.state === 'offered') {
      // Whoever asks is the source that gets it back: a claim may not have known it.
      part.entries.set(id, { ...entry, request, source: from, mayHaveRun: part.epoch > since });
      return;
    }
    this.#answer(from, this.#of('done', request, registration));
  }

  #take(
    from: NodeIdentity,
    { request, registration: wanted }: Extract<RegistryRequest, { type: 'take' }>,
    partition: number,
    part: DirectoryPart,
    entry: DirectoryEntry | undefined,
  ): void {
    const stale = (): void => this.#answer(from, { type: 'stale', request, view: this.#ownership.number, id: wanted.id });
    if (entry === undefined) {
      // The owner that wrote it is lost, and so is what it wrote: nobody else has it, or there would be an entry.
      if ((part.tombstones.get(wanted.id)?.token ?? 0) >= wanted.token) return stale();
      this.#needs.mark('takeWritten');
      const registration = this.#write(partition, part, { ...wanted, host: from }, 'granted', request, undefined);
      return this.#answer(from, this.#of('granted', request, registration));
    }
    const { registration, state, source } = entry;
    if (registration.life !== wanted.life) return stale();
    if (sameNode(registration.host, from) && registration.token >= wanted.token) {
      if (state === 'granted' || state === 'settled') return this.#answer(from, this.#of('granted', request, registration));
      if (state === 'returned') return stale();
      const taken =
        state === 'offered'
          ? this.#settleOffer(partition, part, entry)
          : this.#write(partition, part, { ...registration, host: from }, 'granted', request, undefined);
      this.#answer(from, this.#of('granted', request, taken));
      if (source !== undefined && state === 'offered') this.#answer(source, this.#of('done', entry.request, taken));
      return;
    }
    if (registration.token < wanted.token) {
      // Of before the offer, which its owner wrote and this one does not know: its host does not run it any more.
      this.#needs.mark('takeWritten');
      const taken = this.#write(partition, part, { ...registration, host: from }, 'granted', request, undefined);
      return this.#answer(from, this.#of('granted', request, taken));
    }
    this.#answer(from, this.#of('taken', request, registration));
  }

  #settleOffer(partition: number, part: DirectoryPart, { registration }: DirectoryEntry): Registration {
    this.#put(partition, part, { registration, state: 'settled', request: 0, source: undefined });
    this.#unconfirmed.delete(registration.id);
    return registration;
  }

  /** Its host has departed, or declined it. */
  #lost(partition: number, part: DirectoryPart, entry: DirectoryEntry, as: 'orphan' | 'declined'): void {
    const { registration, state, source, request, mayHaveRun } = entry;
    if (state === 'offered' && source !== undefined && request !== 0 && this.#ownership.isMember(source)) {
      // Nobody has run it since its source stopped it.
      const returned = this.#write(partition, part, { ...registration, host: source }, 'returned', request, undefined, mayHaveRun);
      this.#needs.mark('returned');
      return this.#answer(source, this.#returned(request, returned, mayHaveRun));
    }
    const orphan: DirectoryEntry = { registration, state: as, request: 0, source: undefined };
    this.#unconfirmed.delete(registration.id);
    // Successors see by themselves who has departed.
    if (as === 'orphan' && state !== 'offered') part.put(orphan);
    else this.#put(partition, part, orphan);
    this.#orphaned(registration);
  }

  #orphaned(registration: Registration): void {
    this.#needs.mark('orphan');
    this.#needs.orphaned(registration);
  }

  /** With the next token. */
  #write(
    partition: number,
    part: DirectoryPart,
    of: Registration,
    state: EntryState,
    request: number,
    source: NodeIdentity | undefined,
    mayHaveRun = false,
  ): Registration {
    const registration: Registration = { ...of, token: part.nextToken(this.#ownership.number) };
    this.#put(partition, part, { registration, state, request, source, mayHaveRun });
    return registration;
  }

  #put(partition: number, part: DirectoryPart, entry: DirectoryEntry): void {
    part.put(entry);
    const { id, token } = entry.registration;
    if (entry.state !== 'settled' && !isOrphan(entry)) {
      this.#unconfirmed.set(id, { token, againAtMs: this.#nowMs + RESEND_MS });
      this.#dueMs = Math.min(this.#dueMs, this.#nowMs + RESEND_MS);
    }
    this.#needs.changed(partition, part, entry);
  }

  #offer(registration: Registration, source: NodeIdentity | undefined): void {
    const { id, token, host } = registration;
    this.#unconfirmed.set(id, { token, againAtMs: this.#nowMs + RESEND_MS });
    this.#dueMs = Math.min(this.#dueMs, this.#nowMs + RESEND_MS);
    if (sameNode(host, this.#ownership.self)) this.#needs.offeredSelf(registration, source);
    else this.#needs.send(host, { type: 'offered', view: this.#ownership.number, registration, source });
  }

  /** Again. */
  #say({ registration, state, request, source, mayHaveRun }: DirectoryEntry): void {
    if (state === 'offered') this.#offer(registration, source);
    else if (state === 'granted') this.#answer(registration.host, this.#of(state, request, registration));
    else if (state === 'returned') this.#answer(registration.host, this.#returned(request, registration, mayHaveRun));
  }

  #returned(request: number, registration: Registration, mayHaveRun = false): RegistryAnswer {
    return { type: 'returned', request, view: this.#ownership.number, registration, mayHaveRun };
  }

  #of<T extends 'granted' | 'taken' | 'done' | 'found'>(type: T, request: number, registration: Registration | undefined): RegistryAnswer {
    return { type, request, view: this.#ownership.number, registration } as RegistryAnswer;
  }

  #answer(to: NodeIdentity, answer: RegistryAnswer): void {
    if (sameNode(to, this.#ownership.self)) this.#needs.answerSelf(answer);
    else this.#needs.send(to, answer);
  }
}
