/** What tests of durable state in a cluster wait for. */
import type { TestCluster } from 'nexus-agents/testing';

/** All nodes that run have been given what they hold, and none gives anything. False if that takes more than a minute of the cluster. */
export function synchronised(cluster: TestCluster): Promise<boolean> {
  return cluster.until(() =>
    cluster.nodes
      .filter(({ isUp }) => isUp)
      .every(({ nexus }) => {
        const copies = nexus.cluster?.snapshot().copies;
        return copies?.waitingFor.length === 0 && !copies.isGiving;
      }),
  );
}
