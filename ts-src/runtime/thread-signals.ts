/** Joins the signals of a thread to its mailboxes, its links and its counters. Made by `thread-host.ts`, with the thread. */
import * as L from '../../layout/generated/layout.js';
import type { ReferenceCodec } from '../codec/reference-codec.js';
import { senderWith } from './mailbox.js';
import { type AgentCell, extraOf, Status } from './agent-cell.js';
import { type RecentSignal, RecentSignals } from './recent-signals.js';
import { nodesKnow } from './remote/nodes-know.js';
import { Signals } from './signals.js';
import type { ThreadHost } from './thread-host.js';

export function signalsOf(host: ThreadHost, incarnation: number, references: ReferenceCodec): Signals {
  const { thread, shared, seed, clock, logger, entries, links, router, dispatcher, deadLetters, events, observation } = host;
  const note = (cell: AgentCell, direction: RecentSignal['direction'], topic: string): void => {
    if (cell.status >= Status.stopping) return;
    const extra = extraOf(cell);
    extra.recentSignals ??= new RecentSignals();
    extra.recentSignals.add({ atMs: clock.epochMs(), direction, topic });
  };
  return new Signals({
    thread,
    threadCount: shared.threadCount,
    incarnation,
    seed,
    references,
    entries,
    logger,
    epochMs: () => clock.epochMs(),
    canReach: (to) => links.canReach(to),
    referenceOf: (cell) => host.referenceOf(cell),
    emitted(cell, topic) {
      if (observation.activity !== undefined) note(cell, 'published', topic);
    },
    deliver(cell, action, signal) {
      router.sentLocal++;
      if (observation.activity !== undefined) note(cell, 'received', signal.topic);
      dispatcher.enqueue(cell, action, signal, undefined, senderWith(undefined, observation.tracing?.outgoing()));
    },
    forward: (cell, action, signal) =>
      void host.departures.forward(cell.slot, cell.generation, action.index, signal, senderWith(undefined, observation.tracing?.outgoing()), undefined),
    threadOf: (slot, generation) => host.engine.table.threadOf(slot, generation),
    nodesKnow: () => nodesKnow(host, false),
    send: (to, signal, homes, isForNodes) => router.publish(to, signal, homes, isForNodes),
    published: (signal) => observation.events.published(signal),
    dropped: (topic) => deadLetters.recordSignal(links.isClosed ? 'nexusStopped' : 'ringFull', topic),
    isAnyWanted: () => (shared.words[L.HEADER_WORD_SIGNAL_LISTENERS] as number) > 0,
    publishToAny: (signal) => events.signal(signal),
  });
}
