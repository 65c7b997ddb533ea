/** Mistakes in what makes one system of many nodes, each of which simulated clusters of agents must find: some text of the build, and what is there in its place. */
import type { SwarmOptions } from '../../dist/ts-src/testing/simulation/swarm.js';

export interface AgentsMistake {
  readonly mistake: string;
  /** Below `dist/`. */
  readonly file: string;
  readonly from: string;
  readonly to: string;
  readonly foundBy: RegExp;
  /** A seed that finds it, so that the others need not be run each time. */
  readonly seed: number;
  /** Default: that of all clusters of agents. */
  readonly swarm?: SwarmOptions;
}

export const AGENTS_MISTAKES: readonly AgentsMistake[] = [
  {
    mistake: 'ids are given to a new owner before all others have said what they run',
    file: 'ts-src/protocols/registry/claims.js',
    from: 'asked.remaining.add(partition);',
    to: 'if (gathering.waiting > 0) continue; asked.remaining.add(partition);',
    foundBy: /one id, one activation|tokens never go back|the registry agrees in the end/,
    seed: 1,
  },
  {
    mistake: 'a node is replaced before its lease has run out',
    file: 'ts-src/protocols/views/grants.js',
    from: 'return (leaseMs + stopMarginMs) * (1 + CLOCK_DRIFT_MAX);',
    to: 'return (leaseMs + stopMarginMs) / 4;',
    foundBy: /one id, one activation|tokens never go back|what was removed does not run|only one side runs/,
    seed: 1,
  },
  {
    mistake: 'a gap in the changes of the owner of a partition is passed over',
    file: 'ts-src/protocols/registry/replication.js',
    from: 'part.epoch !== epoch || sequence !== part.sequence + 1',
    to: 'part.epoch !== epoch',
    foundBy: /copies of the registry are what they say/,
    seed: 1,
    // Changes are lost with connections that break.
    swarm: { nodes: { min: 3, max: 5 }, durationMs: 20_000, kinds: ['nonTransitivePartition', 'oneWayPartition', 'corruption', 'restart'] },
  },
  {
    mistake: 'what an owner of before gave away late is taken',
    file: 'ts-src/protocols/registry/requests.js',
    from: 'if (!this.#ownership.isInForce(partitionOf(id), from, answer.view))',
    to: 'if (false)',
    foundBy: /one id, one activation|tokens never go back|the registry agrees in the end/,
    seed: 1,
  },
  {
    mistake: 'what the activation of before writes late is stored',
    file: 'ts-src/cluster/copies/node-copies.js',
    from: 'if (known.seenToken === token && known.token === token)',
    to: 'if (true)',
    foundBy: /./,
    seed: 1,
  },
  {
    mistake: 'what was heard of is never forgotten',
    file: 'ts-src/protocols/registry/known-registrations.js',
    from: 'if (known === undefined || known.token > token)',
    to: 'if (true)',
    foundBy: /all answer in the end/,
    seed: 1,
  },
  {
    mistake: 'a write is acknowledged before its copies have it',
    file: 'ts-src/cluster/copies/live-copies.js',
    from: 'if (activation.pending === pending && pending.waiting.size === 0)',
    to: 'if (activation.pending === pending)',
    foundBy: /durable registers are linearizable/,
    seed: 1,
  },
  {
    mistake: 'what goes a new way does not wait for what went the old one',
    file: 'ts-src/cluster/agents/routing.js',
    from: 'if (!route.isUsed)\n            return this.#at(route, to);',
    to: 'return this.#at(route, to);',
    foundBy: /messages of a pair stay in order/,
    seed: 1,
    swarm: { nodes: { min: 3, max: 5 }, durationMs: 20_000, kinds: ['latency', 'slowNode', 'bandwidth', 'loss'] },
  },
];
