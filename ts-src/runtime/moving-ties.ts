/** What goes with an agent that moves to another thread besides its state and messages: the signals it gets, its groups, its links, and which of its watches have just come with it from another node. Joins those parts to the move; decides nothing. */
import { threadWord } from '../../bindings/shared-memory.js';
import * as L from '../../layout/generated/layout.js';
import type { LinkedAgent } from './agent-links.js';
import type { AgentReference } from './agent-reference.js';
import { followedPart } from './followed.js';
import type { MovingPart } from './moving-agent.js';
import { pausedPart } from './pausing.js';
import type { AnnouncedSubscription } from './signals.js';
import type { ThreadHost } from './thread-host.js';

export function movingTies(host: ThreadHost): readonly MovingPart[] {
  const { signals, groups, supervision, watches, shared, engine, links } = host;
  const incarnationOf = (thread: number): number => Atomics.load(shared.words, threadWord(shared, thread) + L.THREAD_WORD_INCARNATION);
  return [
    pausedPart,
    followedPart(host),
    {
      name: 'signals',
      announce: (cell) => signals.subscriptionsOf(cell),
      reserved: (cell, announced) => signals.reserved(cell, announced as readonly AnnouncedSubscription[]),
      discarded: (cell) => signals.discarded(cell),
      // Announced before, and the agent has not run since.
      pack: (cell) => (cell.extra?.subscribers === undefined ? undefined : true),
      left: (cell) => signals.left(cell),
      followed: (cell) => signals.followed(cell),
      arrived: (cell, packed) => signals.arrived(cell, packed !== undefined),
    },
    {
      name: 'groups',
      discarded: (cell) => groups.handOver(cell),
      pack: (cell) => groups.groupsOf(cell),
      left: (cell) => groups.left(cell),
      arrived: (cell, packed) => groups.arrived(cell, (packed as readonly string[] | undefined) ?? []),
      settled: (cell) => groups.handOver(cell),
    },
    {
      name: 'lineage',
      pack: () => undefined,
      left: (cell) => supervision.ofNodes.left(cell),
      arrived: (cell) => supervision.ofNodes.arrived(cell),
    },
    {
      name: 'watches',
      pack: (cell) => watches.carriedBy(cell),
      left: () => undefined,
      arrived: (cell, packed) => {
        for (const target of (packed as readonly AgentReference[] | undefined) ?? []) watches.carry(cell, target);
      },
    },
    {
      name: 'links',
      pack: (cell) =>
        supervision.links.linkedOf(cell, (agent) => {
          const thread = engine.table.threadOf(agent.slot, agent.generation);
          return { thread, incarnation: thread < 0 ? 0 : incarnationOf(thread) };
        }),
      left: (cell) => supervision.links.left(cell),
      arrived: (cell, packed) =>
        supervision.links.arrived(
          cell,
          (packed as readonly LinkedAgent[] | undefined) ?? [],
          ({ thread, incarnation }) => thread >= 0 && (incarnationOf(thread) !== incarnation || (thread !== host.thread && !links.canReach(thread))),
        ),
    },
  ];
}
