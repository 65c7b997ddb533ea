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
  /** What was told, by its key, and the threads that say so. */
  readonly #threads = new Map<string, Set<number>>();
  /** Nobody says so at present, but the others still believe it. */
  readonly #unsaid = new Set<string>();

  constructor(needs: NodeWantsNeeds) {
    this.#needs = needs;
    needs.threads.listen(needs.name, (change) => this.#changed(change));
    needs.threads.listenToReach(() => this.#forgetUnsaid());
  }

  #changed(change: EntryChange): void {
    const { nodes, name, threads } = this.#needs;
    const told = this.#needs.told(change);
    if (told === undefined) return;
    const { key, value } = told;
    const saying = this.#threads.get(key);
    if (change.value !== undefined) {
      if (saying !== undefined) return void saying.add(change.thread);
      this.#threads.set(key, new Set([change.thread]));
      if (!this.#unsaid.delete(key)) nodes.put(name, key, value);
      return;
    }
    saying?.delete(change.thread);
    if (saying === undefined || saying.size > 0) return;
    this.#threads.delete(key);
    if (threads.areAllComplete) nodes.delete(name, key);
    else this.#unsaid.add(key);
  }

  #forgetUnsaid(): void {
    if (this.#unsaid.size === 0 || !this.#needs.threads.areAllComplete) return;
    for (const key of this.#unsaid) this.#needs.nodes.delete(this.#needs.name, key);
    this.#unsaid.clear();
  }
}
