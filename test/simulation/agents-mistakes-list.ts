/** Mistakes in what makes one system of many nodes, each of which simulated clusters of agents must find: some text of the build, and what is there in its place. */
export interface AgentsMistake {
  readonly mistake: string;
  /** Below `dist/`. */
  readonly file: string;
  readonly from: string;
  readonly to: string;
  /** The invariants that are violated. */
  readonly foundBy: RegExp;
  /** It was found by this one: those before it need not be run each time. */
  readonly seed: number;
}

export const AGENTS_MISTAKES: readonly AgentsMistake[] = [
  {
    mistake: 'ids are given to a new owner before all others have said what they run',
    file: 'ts-src/protocols/registry/claims.js',
    from: 'asked.remaining.add(partition);',
    to: 'if (gathering.waiting > 0) continue; asked.remaining.add(partition);',
    foundBy: /one id, one activation|tokens never go back|the registry agrees in the end/,
    seed: 4,
  },
  {
    mistake: 'a node is replaced before its lease has run out',
    file: 'ts-src/protocols/views/grants.js',
    from: 'return (leaseMs + stopMarginMs) * (1 + CLOCK_DRIFT_MAX);',
    to: 'return (leaseMs + stopMarginMs) / 4;',
    foundBy: /one id, one activation|tokens never go back|what was removed does not run|only one side runs/,
    seed: 21,
  },
  {
    mistake: 'a gap in the changes of the owner of a partition is passed over',
    file: 'ts-src/protocols/registry/replication.js',
    from: 'part.epoch !== epoch || sequence !== part.sequence + 1',
    to: 'part.epoch !== epoch',
    foundBy: /copies of the registry are what they say|the registry agrees in the end/,
    seed: 262,
  },
  {
    mistake: 'what was heard of an agent is never forgotten',
    file: 'ts-src/protocols/registry/known-registrations.js',
    from: 'if (known === undefined || known.token > token)',
    to: 'if (true)',
    foundBy: /every node finds every agent|all answer in the end/,
    seed: 1,
  },
  {
    mistake: 'messages that go a new way do not wait for those that went the old one',
    file: 'ts-src/cluster/agents/routing.js',
    from: 'this.#marks.send(route, route.peer);',
    to: 'this.#at(route, to); this.#open(route);',
    foundBy: /messages of a pair stay in order/,
    seed: 2,
  },
  {
    mistake: 'messages for an agent that has come do not wait for those that were sent to where it was',
    file: 'ts-src/cluster/agents/routing.js',
    from: 'if (route.marks.size > 0 || !isUsed || peer === undefined)\n            return;\n        if (!peer.isGone)',
    to: 'if (this !== undefined)\n            return;\n        if (!peer.isGone)',
    foundBy: /messages of a pair stay in order/,
    seed: 2,
  },
  {
    mistake: 'a write is acknowledged before its copies have it',
    file: 'ts-src/cluster/copies/live-copies.js',
    from: '            this.#look(own, pending);\n        });',
    to: '            resolve();\n        });',
    foundBy: /durable registers are linearizable/,
    seed: 29,
  },
  {
    mistake: 'timers stay behind when an agent moves',
    file: 'ts-src/runtime/remote/node-arrivals.js',
    from: 'for (const { entry, input, inMs, periodMs } of timed)',
    to: 'for (const { entry, input, inMs, periodMs } of [])',
    foundBy: /timers go on wherever an agent is/,
    seed: 1,
  },
  {
    mistake: 'what waits in the mailbox of an agent stays behind when it moves',
    file: 'ts-src/runtime/remote/node-departures.js',
    from: 'for (const [action, input, reply, from] of waiting) {',
    to: 'for (const [action, input, reply, from] of []) {',
    foundBy: /nothing is lost where nothing goes wrong/,
    seed: 3,
  },
  {
    mistake: 'a group keeps members of other nodes that are gone',
    file: 'ts-src/cluster/entries/node-groups.js',
    from: "this.#needs.host.entries.delete('groups', keyOf(group, -known.number));",
    to: '',
    foundBy: /the registry agrees in the end|what is said comes to all/,
    seed: 2,
  },
];
