/**
 * Tells all threads of this node what they must know of nodes for the ties of their agents: what this one is called, which are gone, and which have lost a thread; and tells the other nodes when this one has lost one. Called
 * by `node-bonds.ts`; what follows is in `runtime/remote/node-ties.ts`.
 */
import { type NodeIdentity, nodeKey, sameNode } from '../../model/node-identity.js';
import type { ThreadHost } from '../../runtime/thread-host.js';
import { type NodeNews, newsKeyOf } from '../../runtime/remote/node-ties.js';
import type { NodePart, NodeView } from '../node-parts.js';
import type { NodeEntries } from './node-entries.js';

/** Names of nodes that are gone and remembered, with their latest incarnation: for threads that are yet to hear of it. */
const GONE_MAX = 1000;

export interface NodeLossesNeeds {
  readonly host: ThreadHost;
  readonly entries: NodeEntries;
  self(): NodeIdentity;
}

export class NodeLosses implements NodePart {
  readonly #needs: NodeLossesNeeds;
  #members = new Map<string, NodeIdentity>();
  #self: NodeIdentity | undefined;
  /** In the order in which they went. */
  readonly #gone = new Set<string>();
  #lossesHere = 0;

  constructor(needs: NodeLossesNeeds) {
    this.#needs = needs;
    const { host, entries } = needs;
    entries.listen('threadLosses', ({ node, value }) => {
      if (Number.isSafeInteger(value)) this.#tell({ type: 'shaken', node, count: value as number });
    });
    host.entries.listenToLosses(() => entries.put('threadLosses', 'count', ++this.#lossesHere));
  }

  viewed({ members, incarnationFloor }: NodeView): void {
    const self = this.#needs.self();
    if (this.#self === undefined || !sameNode(self, this.#self)) this.#tell({ type: 'self', node: self });
    this.#self = self;
    const present = new Map(
      members.filter((node) => !sameNode(node, self)).map(({ name, incarnation }) => [nodeKey({ name, incarnation }), { name, incarnation }]),
    );
    for (const [key, node] of this.#members) if (!present.has(key)) this.#lost(node);
    this.#members = present;
    this.#tell({ type: 'view', members: [self, ...present.values()], incarnationFloor });
  }

  #lost(node: NodeIdentity): void {
    const news = { type: 'gone', node } as const;
    this.#tell(news);
    this.#needs.host.entries.delete('nodes', newsKeyOf({ type: 'shaken', node, count: 0 }));
    const key = newsKeyOf(news);
    this.#gone.delete(key);
    this.#gone.add(key);
    if (this.#gone.size <= GONE_MAX) return;
    const [oldest] = this.#gone;
    this.#gone.delete(oldest as string);
    this.#needs.host.entries.delete('nodes', oldest as string);
  }

  #tell(news: NodeNews): void {
    this.#needs.host.entries.put('nodes', newsKeyOf(news), news);
  }
}
