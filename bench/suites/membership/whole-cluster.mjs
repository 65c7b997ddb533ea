/** A cluster of whole memberships over bare datagrams: they found it, join it, agree on views, hold leases and detect failures. No wires, no threads. */
import { Membership } from '../../../dist/ts-src/protocols/membership/membership-machine.js';
import { addressAt, DatagramWorld, randomOf } from './datagram-world.mjs';
import { nameAt } from './swim-cluster.mjs';

const TIMING = { probeIntervalMs: 1000, probeTimeoutMs: 500, leaseMs: 5000, stopMarginMs: 1000, stalledAfterMs: 500 };
/** Nodes that the others are given as seeds. */
const SEEDS = 3;

/** The first node founds, the others start within `startMs` and join. `world.happened` must go on calling what it was. */
export function wholeCluster({ seed, nodes, startMs = 5000, ...network }) {
  const random = randomOf(seed);
  const world = new DatagramWorld({ random, ...network });
  const seeds = Array.from({ length: Math.min(SEEDS, nodes) }, (_, index) => addressAt(index));
  world.happened = (index, effect) => {
    if (effect.type === 'persist') world.input(index, { type: 'persisted' });
  };
  for (let index = 0; index < nodes; index++) {
    const machine = new Membership({
      cluster: 'bench',
      node: nameAt(index),
      incarnation: 1_800_000_000_000,
      address: addressAt(index),
      description: { dataAddress: undefined, version: '0.1.0', metadata: {}, stalledThreads: [] },
      resolver: { strategy: 'keepMajority' },
      timing: TIMING,
      state: undefined,
      random,
    });
    world.add({ machine, toInput: (from, { bytes }) => ({ type: 'received', from: addressAt(from), bytes }) });
    world.at(index === 0 ? 0 : random() * startMs, () => {
      world.input(index, { type: 'tick' });
      world.input(index, { type: 'discovered', addresses: index === 0 ? [] : seeds, isStatic: true });
    });
  }
  return world;
}
