/**
 * Facts of the threads of this node, told to the other nodes as facts of the node: an entry for as long as any thread has it. While a thread is being replaced, what it had said stays said: its successor says it
 * again in a moment, and the others would see it go and come. Used for what a node subscribes to and who of it is in which group.
 */
import type { EntriesName, EntryChange, ReplicatedEntries } from '../../runtime/replicated-entries.js';
import type { NodeEntries, NodeEntriesName } from './node-entries.js';

export interface NodeWantsNeeds {
  readonly threads: ReplicatedEntries;
  readonly nodes: Pick<NodeEntries, 'put' | 'delete'>;
  readonly name: EntriesName & NodeEntriesName;
  /** What other nodes are told of an entry of a thread; undefined: nothing. */
  told(change: EntryChange): { readonly key: string; readonly value: unknown } | undefined;
}

export class NodeWants {
  readonly #needs: NodeWantsNeeds;
  /** What was told for an entry of a thread: by the thread and its key. */
  readonly #told = new Map<string, string>();
  /** How many entries of threads say what was told, by its key. */
  readonly #counts = new Map<string, number>();
  /** Nobody says so at present, but the others still believe it. */
  readonly #unsaid = new Set<string>();

  constructor(needs: NodeWantsNeeds) {
    this.#needs = needs;
    needs.threads.listen(needs.name, (change) => this.#changed(change));
    needs.threads.listenToReach(() => this.#forgetUnsaid());
  }

  #changed(change: EntryChange): void {
    const entry = `${change.thread} ${change.key}`;
    const before = this.#told.get(entry);
    const told = change.value === undefined ? undefined : this.#needs.told(change);
    if (told !== undefined && told.key === before) return;
    if (told === undefined) this.#told.delete(entry);
    else {
      this.#told.set(entry, told.key);
      this.#said(told.key, told.value);
    }
    if (before !== undefined) this.#left(before);
  }

  #said(key: string, value: unknown): void {
    const count = this.#counts.get(key) ?? 0;
    this.#counts.set(key, count + 1);
    if (count === 0 && !this.#unsaid.delete(key)) this.#needs.nodes.put(this.#needs.name, key, value);
  }

  #left(key: string): void {
    const count = this.#counts.get(key) as number;
    if (count > 1) return void this.#counts.set(key, count - 1);
    this.#counts.delete(key);
    if (this.#needs.threads.areAllComplete) this.#needs.nodes.delete(this.#needs.name, key);
    else this.#unsaid.add(key);
  }

  #forgetUnsaid(): void {
    if (this.#unsaid.size === 0 || !this.#needs.threads.areAllComplete) return;
    for (const key of this.#unsaid) this.#needs.nodes.delete(this.#needs.name, key);
    this.#unsaid.clear();
  }
}
