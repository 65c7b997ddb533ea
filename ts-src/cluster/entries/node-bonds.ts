/** What ties the agents of a node to those of others, put together for `cluster/node-parts.ts`: the entries that nodes tell each other, and what is made of them. */
import type { ReferenceCodec } from '../../codec/reference-codec.js';
import type { NodeIdentity } from '../../model/node-identity.js';
import type { AgentReference } from '../../runtime/agent-reference.js';
import type { NodePart, NodePartsNeeds } from '../node-parts.js';
import { NodeEntries } from './node-entries.js';
import { NodeGroups } from './node-groups.js';
import { NodeLosses } from './node-losses.js';
import { NodeSignals } from './node-signals.js';

export class NodeBonds {
  readonly entries: NodeEntries;
  /** In the order in which they are told. */
  readonly parts: readonly NodePart[];

  constructor({ host, cluster, transport, clock, logger }: NodePartsNeeds, references: Required<Pick<ReferenceCodec, 'restoreRemote'>>) {
    const threadsKnow = (): Promise<unknown> | undefined => (host.shared.threadCount > 1 ? host.entries.settled() : undefined);
    this.entries = new NodeEntries({ transport, clock, logger, self: () => cluster.self, threadsKnow });
    const unreachable = (node: NodeIdentity): boolean => cluster.member(node.name)?.reachability !== 'reachable';
    host.nodesKnow = (isReachableOnly) => this.entries.settled(isReachableOnly ? unreachable : undefined);
    this.parts = [
      this.entries,
      new NodeLosses({ host, entries: this.entries, self: () => cluster.self }),
      new NodeSignals({ host, transport, logger, entries: this.entries }),
      new NodeGroups({
        ...{ host, cluster, clock, entries: this.entries },
        lifeOf: (local) => host.remote?.lifeOf(local),
        referenceTo: ({ name, incarnation }, kind, id, life) => references.restoreRemote({ node: name, incarnation, kind, id, life }) as AgentReference,
      }),
    ];
  }
}
