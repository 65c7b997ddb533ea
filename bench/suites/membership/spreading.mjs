/** How long news takes to be everywhere, and what they cost. Simulated milliseconds: the machine that runs it does not matter. */
import { percentile, sorted } from '../../harness/statistics.mjs';
import { indexOf, swimCluster } from './swim-cluster.mjs';

const SETTLED_MS = 15_000;
const GIVEN_UP_MS = 120_000;

/** Until all others have heard what a member says of itself. Median of the seeds. */
export function metadataMs(nodes, seeds) {
  return median(seeds, (seed) => {
    const world = swimCluster({ seed, nodes, loss: 0.01 });
    world.runUntil(SETTLED_MS + 37 * seed);
    const member = seed % nodes;
    const heard = whoSees(world, (effect) => effect.type === 'metadata' && indexOf(effect.node) === member);
    const fromMs = world.nowMs;
    world.input(member, { type: 'describe', metadata: new Uint8Array(100).fill(1) });
    return until(world, () => heard.size === nodes - 1, fromMs);
  });
}

/** Until all others find a node unreachable that has ended: `refuses` says whether its machine is still there to refuse connections. */
export function knownMs(nodes, seeds, refuses) {
  return median(seeds, (seed) => endedNode(nodes, seed, refuses).knownMs);
}

/** Of that, from the first one that finds it. */
export function spreadMs(nodes, seeds, refuses) {
  return median(seeds, (seed) => endedNode(nodes, seed, refuses).spreadMs);
}

/** Messages that a node sends in a second, acks too. @param changesEveryMs somebody changes its metadata so often; infinity for never */
export function messagesPerNodeAndSecond(nodes, seed, changesEveryMs) {
  const world = swimCluster({ seed, nodes, loss: 0.01 });
  // Until all know what all say of themselves, which they say at once when the cluster is new.
  world.runUntil(30_000);
  const [before, fromMs, lastMs] = [world.sent, world.nowMs, world.nowMs + 20_000];
  for (let ms = fromMs; ms < lastMs; ms += changesEveryMs) {
    if (changesEveryMs !== Number.POSITIVE_INFINITY)
      world.at(ms, () => world.input(Math.floor(ms) % nodes, { type: 'describe', metadata: new Uint8Array(8).fill(ms / 1000) }));
  }
  world.runUntil(lastMs);
  return (world.sent - before) / nodes / ((lastMs - fromMs) / 1000);
}

function endedNode(nodes, seed, refuses) {
  const world = swimCluster({ seed, nodes, loss: 0.01 });
  world.runUntil(SETTLED_MS + 37 * seed);
  const ended = seed % nodes;
  let firstMs;
  const known = whoSees(world, (effect, nowMs) => {
    const isFound = effect.type === 'reachability' && effect.state === 'unreachable' && indexOf(effect.node) === ended;
    if (isFound) firstMs ??= nowMs;
    return isFound;
  });
  const fromMs = world.nowMs;
  Object.assign(world.nodes[ended], { isUp: false, refuses });
  const ms = until(world, () => known.size === nodes - 1, fromMs);
  return { knownMs: ms, spreadMs: fromMs + ms - firstMs };
}

function whoSees(world, isIt) {
  const nodes = new Set();
  world.happened = (index, effect, nowMs) => {
    if (isIt(effect, nowMs)) nodes.add(index);
  };
  return nodes;
}

function until(world, condition, fromMs) {
  if (!world.runWhile(() => !condition(), fromMs + GIVEN_UP_MS)) throw new Error(`not all have heard of it within ${GIVEN_UP_MS} ms`);
  return world.nowMs - fromMs;
}

function median(seeds, measure) {
  return percentile(sorted(Array.from({ length: seeds }, (_, index) => measure(index + 1))), 0.5);
}
