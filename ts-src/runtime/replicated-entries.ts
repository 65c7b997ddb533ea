/**
 * Small facts that every thread tells all others, such as which signals it wants and which agents are in which group. Each thread writes entries of its own, and
 * sees those of all: a map with one writer a part, replicated over the rings. What a thread has said is gone with it; its successor says it anew.
 *
 * An entry is seen on another thread once the message with it has been read there, so before any message that its writer sent to that thread later. Across three
 * threads there is no such order; whoever needs it waits for `settled`. Not here: what the entries mean (their owners are told of each change).
 */

/** Each map of entries has a name; the list is closed so that a number could stand for it. */
export type EntriesName = 'subscriptions' | 'groups';

export interface EntryChange {
  readonly name: EntriesName;
  /** Thread that says so. */
  readonly thread: number;
  readonly key: string;
  /** Undefined: the entry is gone. Anything else that can be sent. */
  readonly value: unknown;
}

export interface ReplicatedEntriesNeeds {
  readonly thread: number;
  readonly threadCount: number;
  canReach(thread: number): boolean;
  send(thread: number, changes: readonly EntryChange[]): void;
  /** Resolves when the other thread has read everything that was sent to it before; also if it is lost meanwhile. */
  roundTrip(thread: number): Promise<void>;
}

type Listener = (change: EntryChange) => void;

/** Entries in one message to a successor. */
const SNAPSHOT_ENTRIES = 1024;

export class ReplicatedEntries {
  readonly #needs: ReplicatedEntriesNeeds;
  /** By name, then by thread, then by key. */
  readonly #entries = new Map<EntriesName, Map<string, unknown>[]>();
  readonly #listeners = new Map<EntriesName, Listener>();

  constructor(needs: ReplicatedEntriesNeeds) {
    this.#needs = needs;
  }

  /** The one who gives the entries of this name their meaning. Told of every change, also of those this thread makes. */
  listen(name: EntriesName, listener: Listener): void {
    this.#listeners.set(name, listener);
  }

  /** An entry of this thread. */
  put(name: EntriesName, key: string, value: unknown): void {
    this.#change({ name, thread: this.#needs.thread, key, value });
  }

  /** Takes back an entry of this thread. */
  delete(name: EntriesName, key: string): void {
    if (this.#of(name, this.#needs.thread).has(key)) this.#change({ name, thread: this.#needs.thread, key, value: undefined });
  }

  /** Another thread says so. */
  received(changes: readonly EntryChange[]): void {
    for (const change of changes) this.#apply(change);
  }

  /** A thread was lost, and with it what it said. Its successor, if there is one, is told what this thread says. */
  threadLost(thread: number, replaced: boolean): void {
    for (const name of this.#entries.keys()) {
      for (const key of [...this.#of(name, thread).keys()]) this.#apply({ name, thread, key, value: undefined });
    }
    if (!replaced) return;
    const own: EntryChange[] = [];
    for (const name of this.#entries.keys()) {
      for (const [key, value] of this.#of(name, this.#needs.thread)) own.push({ name, thread: this.#needs.thread, key, value });
    }
    for (let from = 0; from < own.length; from += SNAPSHOT_ENTRIES) this.#needs.send(thread, own.slice(from, from + SNAPSHOT_ENTRIES));
  }

  /** Resolves when every other thread has seen what this one has put so far. */
  async settled(): Promise<void> {
    await Promise.all(this.#others().map((thread) => this.#needs.roundTrip(thread)));
  }

  #change(change: EntryChange): void {
    this.#apply(change);
    for (const thread of this.#others()) this.#needs.send(thread, [change]);
  }

  #apply(change: EntryChange): void {
    const entries = this.#of(change.name, change.thread);
    if (change.value === undefined) entries.delete(change.key);
    else entries.set(change.key, change.value);
    this.#listeners.get(change.name)?.(change);
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
