/** Counts what a cluster is seen to do (`coverage.ts`), from what its nodes are told and from the trace of its messages. Each view counts once, whoever is told it. */
import { nodeKey } from '../../model/node-identity.js';
import type { Reachability } from '../../model/cluster-snapshot.js';
import type { MembershipEvent } from '../../protocols/membership/membership.js';
import type { ClusterMark, Coverage } from './coverage.js';
import type { Start } from './invariants.js';
import type { TraceMark, TraceSink } from './trace.js';

export class ProtocolMarks {
  readonly #coverage: Coverage;
  readonly #views = new Set<string>();
  readonly #clusters = new Set<string>();
  readonly #names = new Set<string>();
  readonly #oldest = new Map<Start, string>();
  /** Of the view that a start was told last. */
  readonly #members = new Map<Start, readonly { readonly name: string }[]>();
  /** By who tells it and whom it is about. */
  readonly #reachability = new Map<string, Reachability>();

  constructor(coverage: Coverage) {
    this.#coverage = coverage;
  }

  happened(start: Start, event: MembershipEvent): void {
    switch (event.type) {
      case 'view':
        return this.#viewed(start, event);
      case 'standing':
        if (event.standing === 'fenced') this.#coverage.seen('fenced');
        return;
      case 'reachability': {
        const key = `${nodeKey(start.self)} ${nodeKey(event.node)}`;
        const before = this.#reachability.get(key);
        this.#reachability.set(key, event.reachability);
        if (event.reachability === 'suspect') this.#coverage.seen('suspected');
        else if (event.reachability === 'unreachable') this.#coverage.seen('unreachable');
        else if (before === 'suspect') this.#coverage.seen('suspicion refuted');
        else if (before === 'unreachable') this.#coverage.seen('reachable again');
        return;
      }
      case 'refusedMessage':
        this.#coverage.seen('message not understood');
        return;
      case 'stalled':
      case 'described':
        return;
    }
  }

  /** All nodes at a moment. @param running those that run @param starts how many there are */
  looked(running: readonly Start[], starts: number): void {
    if (running.length === 0 && this.#views.size > 0) this.#coverage.seen('nobody ran');
    let first: readonly { readonly name: string }[] | undefined;
    for (const start of running) {
      const side = this.#members.get(start);
      if (side === undefined || side.length === starts) continue;
      first ??= side;
      if (side.some(({ name }) => first?.some((other) => other.name === name))) continue;
      this.#coverage.seen('two sides');
      return;
    }
  }

  /** A start of a node has ended. */
  ended(start: Start): void {
    this.#oldest.delete(start);
    this.#members.delete(start);
  }

  #viewed(start: Start, event: Extract<MembershipEvent, { type: 'view' }>): void {
    this.#members.set(start, event.members);
    const oldest = event.members[0];
    if (oldest !== undefined) {
      const before = this.#oldest.get(start);
      if (before !== undefined && before !== nodeKey(oldest)) this.#coverage.seen('oldest changed');
      this.#oldest.set(start, nodeKey(oldest));
    }
    const content = `${event.number} ${event.members.map(nodeKey).join(' ')}`;
    if (this.#views.has(content)) return;
    this.#views.add(content);
    if (!this.#clusters.has(event.clusterId)) this.#coverage.seen('founded');
    this.#clusters.add(event.clusterId);
    for (const { name } of event.joined) {
      this.#coverage.seen(this.#names.has(name) ? 'joined again' : 'joined');
      this.#names.add(name);
    }
    if (event.left.length > 0) this.#coverage.seen('left', event.left.length);
    if (event.removed.length > 0) this.#coverage.seen('removed', event.removed.length);
    if (event.removed.length > 1) this.#coverage.seen('several removed at once');
  }
}

const MESSAGE_MARKS: Readonly<Partial<Record<TraceMark, ClusterMark>>> = {
  lose: 'message lost',
  duplicate: 'message duplicated',
  corrupt: 'message corrupted',
  hold: 'message held back',
  refuse: 'message refused',
  disk: 'disk fault met',
};

/** Counts what becomes of messages on their way into a trace. */
export class CountedTrace implements TraceSink {
  readonly counts: Partial<Record<ClusterMark, number>> = {};
  readonly #sink: TraceSink;

  constructor(sink: TraceSink) {
    this.#sink = sink;
  }

  note(atMs: number, mark: TraceMark, node: number, peer: number, id: number, text: string): void {
    const counted = MESSAGE_MARKS[mark];
    if (counted !== undefined) this.counts[counted] = (this.counts[counted] ?? 0) + 1;
    this.#sink.note(atMs, mark, node, peer, id, text);
  }
}
