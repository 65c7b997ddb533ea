/**
 * Before what is stored of an agent is shown to anybody, all members that hold it have it: a write that only some of them had taken could be read and be lost with those. Asks each for its version, and gives what is missing. As a read
 * of a replicated register writes back what it returns (Attiya, Bar-Noy and Dolev 1995).
 */
import type { NodeIdentity } from '../../model/node-identity.js';
import { bytesOf, ITEM_BYTES_MAX } from '../../protocols/copies/copy-stream.js';
import type { CopyOutcome, CopyPeers } from './copy-peers.js';
import type { CopyStore } from './copy-store.js';
import { errorOf, stopped, tooLarge } from './live-copies.js';

export interface ConfirmingNeeds {
  readonly peers: Pick<CopyPeers, 'call' | 'send'>;
  readonly store: Pick<CopyStore, 'versionOf' | 'whole'>;
}

/** A member that does not answer is waited for until it is removed. Rejects with what one says that cannot store it: NEXUS_STORE_FULL, NEXUS_STORE_FAILED; NEXUS_MESSAGE_TOO_LARGE; NEXUS_STORE_CORRUPT if it cannot be read here. */
export async function confirm({ peers, store }: ConfirmingNeeds, holders: readonly NodeIdentity[], kind: string, id: string): Promise<void> {
  const known = store.versionOf(kind, id);
  if (known === undefined || holders.length === 0) return;
  // Of a time before there were tokens: older than whatever has one.
  const offered = [known.token === 0 ? { kind, id, token: 1, revision: 0 } : { kind, id, token: known.token, revision: known.revision }];
  const one = async (node: NodeIdentity): Promise<void> => {
    const answer = await peers.call(node, { type: 'offer', offered });
    if (answer?.type !== 'wants' || answer.indices.length === 0) return;
    const writes = store.whole(kind, id);
    if (writes === undefined) return;
    const item = { kind, id, mode: 'given', writes } as const;
    if (bytesOf(item) > ITEM_BYTES_MAX) throw tooLarge(kind, id, bytesOf(item));
    const outcome = await new Promise<CopyOutcome>((resolve) => peers.send(node, item, resolve));
    if (outcome === 'closed') throw stopped({ kind, id }, [node.name]);
    if (outcome !== undefined && outcome !== 'gone') throw errorOf(outcome, node);
  };
  await Promise.all(holders.map(one));
}
