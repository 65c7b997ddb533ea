/**
 * Nodes that process their input late, as in the experiments of Lifeguard: what such a node receives and sends waits for `blockedMs`, then for a second all of it passes, and so on; its timers run.
 * A false positive is a node finding a healthy one unreachable.
 */
import { indexOf, swimCluster } from './swim-cluster.mjs';

const SETTLED_MS = 15_000;
const PASSING_MS = 1000;

/** All of them, over all seeds. Nodes 0 to `slow` - 1 are slow, not all at the same time. */
export function falsePositives({ nodes, slow, blockedMs, durationMs, seeds, options }) {
  let found = 0;
  for (let seed = 1; seed <= seeds; seed++) {
    const world = swimCluster({ seed, nodes, loss: 0.01, options });
    world.happened = (_index, effect) => {
      if (effect.type === 'reachability' && effect.state === 'unreachable' && indexOf(effect.node) >= slow) found += 1;
    };
    const endMs = SETTLED_MS + durationMs;
    for (let index = 0; index < slow; index++) {
      for (let ms = SETTLED_MS + 37 * index; ms < endMs; ms += blockedMs + PASSING_MS) {
        world.at(ms, () => {
          world.nodes[index].blocked = true;
        });
        world.at(ms + blockedMs, () => world.unblock(index));
      }
    }
    world.runUntil(endMs + blockedMs);
  }
  return found;
}

/** The cases of one peer. */
export function reportFalsePositives(size, report, slowCase, options) {
  for (const blockedMs of size.membershipBlockedMs) {
    const { membershipNodes: nodes, membershipSlowMs: durationMs, membershipSlowSeeds: seeds } = size;
    report.count(slowCase(blockedMs), 'false positives', falsePositives({ nodes, slow: Math.ceil(nodes / 10), blockedMs, durationMs, seeds, options }));
  }
}
