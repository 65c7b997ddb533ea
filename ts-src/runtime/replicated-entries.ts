/**
 * Small facts that every thread tells all others, such as which signals it wants and which agents are in which group. Each thread writes entries of its own, and
 * sees those of all: a map with one writer a part, replicated over the rings. What a thread has said is gone with it; its successor says it anew.
 *
 * An entry is seen on another thread once the message with it has been read there, so before any message that its writer sent to that thread later. Across three
 * threads there is no such order; whoever needs it waits for `settled`. While a thread is replaced its part is not known: `isComplete` says so, for those that
 * would rather send in vain than not at all. Where even that is not enough, a successor starts with what the calling thread knows, which makes it. Not here: what the
 * entries mean (their owners are told of each change).
 */

/** Each map of entries has a name; the list is closed so that a number could stand for it. */
export type EntriesName = 'subscriptions' | 'groups' | 'moving' | 'nodeSubscriptions' | 'nodeLoads' | 'unreachableNodes' | 'nodes';

export interface EntryChange {
  readonly name: EntriesName;
  /** Thread that says so. */
  readonly thread: number;
  readonly key: string;
  /** Undefined: the entry is gone. Anything else that can be sent. */
  readonly value: unknown;
}

/** What one thread tells another. */
export interface EntriesMessage {
  readonly thread: number;
  /** Of the thread that says so: news of a successor may overtake the news of the loss of its predecessor, which comes from another thread. */
  readonly incarnation: number;
  /** All that was said before does not count any more. */
  readonly isFirst: boolean;
  /** With it everything has been said that there was to say. */
  readonly isComplete: boolean;
  readonly changes: readonly EntryChange[];
}

export interface ReplicatedEntriesNeeds {
  readonly thread: number;
  readonly incarnation: number;
  readonly threadCount: number;
  /** Of the present thread of this index, from the shared memory. */
  incarnationOf(thread: number): number;
  canReach(thread: number): boolean;
  send(thread: number, message: EntriesMessage): void;
  /** Resolves when the other thread has read everything that was sent to it before: to true. To false if it is lost meanwhile, and not for good. */
  roundTrip(thread: number): Promise<boolean>;
  /** It is lost, and its successor has not been made yet: what that starts with is still to be said. */
  awaitsSuccessor(thread: number): boolean;
}

type Listener = (change: EntryChange) => void;

/** It makes the others, and is never lost. */
const CALLING_THREAD = 0;

const NOBODY: readonly Listener[] = [];

/** Entries in one message to a successor. */
const SNAPSHOT_ENTRIES = 1024;

export class ReplicatedEntries {
  readonly #needs: ReplicatedEntriesNeeds;
  /** By name, then by thread, then by key. */
  readonly #entries = new Map<EntriesName, Map<string, unknown>[]>();
  readonly #listeners = new Map<EntriesName, Listener[]>();
  /** Whose entries are held, by thread. */
  readonly #incarnations: number[];
  readonly #complete: boolean[];
  readonly #reachListeners: (() => void)[] = [];
  readonly #lossListeners: (() => void)[] = [];

  constructor(needs: ReplicatedEntriesNeeds) {
    this.#needs = needs;
    this.#incarnations = Array.from({ length: needs.threadCount }, () => 0);
    // The first threads start together, before anybody has said anything. A successor is told by all others.
    this.#complete = Array.from({ length: needs.threadCount }, (_, thread) => thread === needs.thread || needs.incarnation === 0);
  }

  /** Who gives the entries of this name their meaning, or passes them on. Told of every entry that there is, and of every change, also of those this thread makes. */
  listen(name: EntriesName, listener: Listener): void {
    this.#listeners.set(name, [...(this.#listeners.get(name) ?? []), listener]);
    for (const [thread, entries] of (this.#entries.get(name) ?? []).entries()) for (const [key, value] of entries) listener({ name, thread, key, value });
  }

  /** Told when `isComplete` of a thread, or whether it can be reached, may have changed. */
  listenToReach(listener: () => void): void {
    this.#reachListeners.push(listener);
  }

  /** Told when a thread was lost, behind what becomes of its entries. */
  listenToLosses(listener: () => void): void {
    this.#lossListeners.push(listener);
  }

  /** Nobody of the threads is being replaced. */
  get areAllComplete(): boolean {
    return this.#complete.every((isComplete) => isComplete);
  }

  /** False while a thread is being replaced, or this one has come in the place of another, and has not heard from it yet. */
  isComplete(thread: number): boolean {
    return this.#complete[thread] as boolean;
  }

  /** Whether this thread has put it. */
  has(name: EntriesName, key: string): boolean {
    return this.#of(name, this.#needs.thread).has(key);
  }

  /** An entry of this thread. */
  put(name: EntriesName, key: string, value: unknown): void {
    this.#change({ name, thread: this.#needs.thread, key, value });
  }

  /** Takes back an entry of this thread. */
  delete(name: EntriesName, key: string): void {
    if (this.#of(name, this.#needs.thread).has(key)) this.#change({ name, thread: this.#needs.thread, key, value: undefined });
  }

  /** An entry of this key that any thread has put: what one says that another one says too. */
  find(name: EntriesName, key: string): { readonly thread: number; readonly value: unknown } | undefined {
    const threads = this.#entries.get(name);
    for (let thread = 0; threads !== undefined && thread < threads.length; thread++) {
      const value = threads[thread]?.get(key);
      if (value !== undefined) return { thread, value };
    }
    return undefined;
  }

  /** A successor has said all that it has to say for now: what it put so far is what its predecessor's agents want. */
  announce(): void {
    for (const thread of this.#others()) this.#send(thread, [], false, true);
  }

  /** Another thread says so. */
  received({ thread, incarnation, isFirst, isComplete, changes }: EntriesMessage): void {
    if (incarnation < (this.#incarnations[thread] as number)) return;
    if (incarnation > (this.#incarnations[thread] as number)) this.#begin(thread, incarnation, false);
    else if (isFirst) this.#drop(thread);
    for (const change of changes) this.#apply(change);
    if (!isComplete || this.#complete[thread] === true) return;
    this.#complete[thread] = true;
    this.#reachChanged();
  }

  /** A thread was lost, and with it what it said. Its successor, if there is one, is told what this thread says. */
  threadLost(thread: number, replaced: boolean): void {
    const incarnation = this.#needs.incarnationOf(thread);
    if (!replaced || incarnation > (this.#incarnations[thread] as number)) this.#begin(thread, incarnation, !replaced);
    for (const listener of this.#lossListeners) listener();
    if (!replaced) return;
    const own: EntryChange[] = [];
    for (const name of this.#entries.keys()) {
      for (const [key, value] of this.#of(name, this.#needs.thread)) own.push({ name, thread: this.#needs.thread, key, value });
    }
    let from = 0;
    do {
      const isLast = from + SNAPSHOT_ENTRIES >= own.length;
      this.#send(thread, own.slice(from, from + SNAPSHOT_ENTRIES), from === 0, isLast);
      from += SNAPSHOT_ENTRIES;
    } while (from < own.length);
  }

  /** Resolves when every other thread has seen what this one has put so far, and each that starts from now on is made by a calling thread that has. */
  async settled(): Promise<void> {
    const others = this.#others();
    const byCallingThread = others.includes(CALLING_THREAD) ? this.#needs.roundTrip(CALLING_THREAD) : undefined;
    await Promise.all(others.map((thread) => (thread === CALLING_THREAD ? byCallingThread : this.#seenBy(thread, byCallingThread))));
  }

  async #seenBy(thread: number, byCallingThread: Promise<unknown> | undefined): Promise<void> {
    const { roundTrip, incarnationOf, awaitsSuccessor } = this.#needs;
    for (;;) {
      const incarnation = incarnationOf(thread);
      const isSeen = await roundTrip(thread);
      await byCallingThread;
      if (awaitsSuccessor(thread) || (isSeen && incarnationOf(thread) === incarnation)) return;
      // It was lost, and its successor made by a calling thread that had not seen it. It is told again, but may be at work before it has read that.
    }
  }

  /** From now on the entries of this thread are those of this incarnation. */
  #begin(thread: number, incarnation: number, isComplete: boolean): void {
    this.#drop(thread);
    this.#incarnations[thread] = incarnation;
    this.#complete[thread] = isComplete;
    this.#reachChanged();
  }

  #reachChanged(): void {
    for (const listener of this.#reachListeners) listener();
  }

  #drop(thread: number): void {
    for (const name of this.#entries.keys()) {
      for (const key of [...this.#of(name, thread).keys()]) this.#apply({ name, thread, key, value: undefined });
    }
  }

  #change(change: EntryChange): void {
    this.#apply(change);
    for (const thread of this.#others()) this.#send(thread, [change], false, false);
  }

  #send(to: number, changes: readonly EntryChange[], isFirst: boolean, isComplete: boolean): void {
    const { thread, incarnation } = this.#needs;
    this.#needs.send(to, { thread, incarnation, isFirst, isComplete, changes });
  }

  #apply(change: EntryChange): void {
    const entries = this.#of(change.name, change.thread);
    if (change.value === undefined) entries.delete(change.key);
    else entries.set(change.key, change.value);
    for (const listener of this.#listeners.get(change.name) ?? NOBODY) listener(change);
  }

  #of(name: EntriesName, thread: number): Map<string, unknown> {
    let threads = this.#entries.get(name);
    if (threads === undefined) {
      threads = Array.from({ length: this.#needs.threadCount }, () => new Map<string, unknown>());
      this.#entries.set(name, threads);
    }
    return threads[thread] as Map<string, unknown>;
  }

  #others(): number[] {
    const { thread, threadCount, canReach } = this.#needs;
    return Array.from({ length: threadCount }, (_, other) => other).filter((other) => other !== thread && canReach(other));
  }
}
