/**
 * Signals between nodes, on the calling thread of each: tells the others what the agents and listeners of this node have subscribed to, sends a signal once to each node that wants it, and gives what comes to the
 * threads of this one that do. In the order of its publisher, as everything goes through the calling threads on both sides. A signal is not stored: what is lost with a connection is lost.
 *
 * Not here: who of a thread gets it (`runtime/signals.ts`).
 */
import type { Logger } from '../../model/agent-context.js';
import { MessageTrace } from '../../model/message-trace.js';
import { type NodeIdentity, nodeKey } from '../../model/node-identity.js';
import { type Signal, SIGNAL_ID_CHARACTERS_MAX } from '../../model/signal.js';
import { patternFault, topicFault } from '../../model/topic.js';
import { TopicTrie } from '../../model/topic-trie.js';
import type { Transport } from '../../ports/transport.js';
import { AgentReference } from '../../runtime/agent-reference.js';
import type { ThreadHost } from '../../runtime/thread-host.js';
import { Channel } from '../channels.js';
import type { NodePart } from '../node-parts.js';
import type { NodeEntries } from './node-entries.js';
import { NodeWants } from './node-wants.js';

/** Topics whose nodes are kept. */
const ROUTES_MAX = 4096;

/** Of the trace that a signal belongs to; undefined where it belongs to none. */
type SentTrace = readonly [traceId: string, spanId: string, flags: number, hops: number] | undefined;

/** A signal on its way to another node. */
type SentSignal = readonly [id: string, topic: string, data: unknown, source: unknown, epochMs: number, attributes: Signal['attributes'], trace: SentTrace];

export interface NodeSignalsNeeds {
  readonly host: ThreadHost;
  readonly transport: Pick<Transport, 'send' | 'listen'>;
  readonly entries: NodeEntries;
  readonly logger: Logger;
}

export class NodeSignals implements NodePart {
  readonly #needs: NodeSignalsNeeds;
  /** What other nodes want. */
  readonly #wanted = new TopicTrie<string>();
  readonly #nodes = new Map<string, NodeIdentity>();
  /** How many nodes want a pattern: the threads of this one are told of the first and of the last. */
  readonly #counts = new Map<string, number>();
  readonly #routes = new Map<string, readonly NodeIdentity[]>();

  constructor(needs: NodeSignalsNeeds) {
    this.#needs = needs;
    const { host, entries, transport } = needs;
    new NodeWants({ threads: host.entries, nodes: entries, name: 'subscriptions', told: ({ key }) => ({ key, value: 1 }) });
    entries.listen('subscriptions', ({ node, key, value }) => this.#changed(node, key, value !== undefined));
    transport.listen(Channel.signals, ({ from, value }) => this.#received(from, value));
    host.signals.toNodes = (signal) => this.#send(signal);
  }

  #changed(node: NodeIdentity, pattern: string, isWanted: boolean): void {
    if (patternFault(pattern) !== undefined) return;
    const { host } = this.#needs;
    const key = nodeKey(node);
    this.#nodes.set(key, node);
    const count = this.#counts.get(pattern) ?? 0;
    if (isWanted) {
      if (!this.#wanted.add(pattern, key)) return;
      this.#counts.set(pattern, count + 1);
      if (count === 0) host.entries.put('nodeSubscriptions', pattern, 1);
    } else {
      if (!this.#wanted.remove(pattern, key)) return;
      if (count > 1) this.#counts.set(pattern, count - 1);
      else {
        this.#counts.delete(pattern);
        host.entries.delete('nodeSubscriptions', pattern);
      }
    }
    this.#routes.clear();
  }

  viewed(): void {
    const present = new Set(this.#needs.entries.members.map(nodeKey));
    for (const key of [...this.#nodes.keys()]) if (!present.has(key)) this.#nodes.delete(key);
  }

  #send(signal: Signal): void {
    const nodes = this.#routeOf(signal.topic);
    if (nodes.length === 0) return;
    const { host, transport } = this.#needs;
    const { id, topic, data, source, epochMs, attributes } = signal;
    const trace = host.observation.tracing?.continued();
    const sent: SentSignal = [id, topic, data, source, epochMs, attributes, trace && [trace.traceId, trace.spanId, trace.flags, trace.hops]];
    for (const node of nodes) {
      const outcome = transport.send(node, 'normal', { channel: Channel.signals, value: sent });
      // To one that is unknown by now there is nobody to miss it.
      if (outcome === 'full') host.deadLetters.recordSignal('ringFull', topic);
      else if (outcome === 'closed') host.deadLetters.recordSignal('nexusStopped', topic);
    }
  }

  #routeOf(topic: string): readonly NodeIdentity[] {
    const known = this.#routes.get(topic);
    if (known !== undefined) return known;
    const keys = new Set<string>();
    this.#wanted.match(topic, (key) => keys.add(key));
    const nodes = [...keys].flatMap((key) => this.#nodes.get(key) ?? []);
    if (this.#routes.size >= ROUTES_MAX) this.#routes.clear();
    this.#routes.set(topic, nodes);
    return nodes;
  }

  #received(from: NodeIdentity, value: unknown): void {
    if (!isSentSignal(value)) return this.#needs.logger.warn({ node: from.name }, 'a node has sent a signal that cannot be understood');
    const [id, topic, data, source, epochMs, attributes, trace] = value;
    const signal: Signal = { id, topic, data, source: source as Signal['source'], epochMs, attributes };
    const { signals, observation, clock } = this.#needs.host;
    if (trace === undefined || observation.tracing === undefined) return signals.receivedFromNode(signal);
    observation.tracing.inScopeOf(new MessageTrace(...trace, clock.nowMs(), true), () => signals.receivedFromNode(signal));
  }
}

function isSentSignal(value: unknown): value is SentSignal {
  if (!Array.isArray(value) || value.length !== 7) return false;
  const [id, topic, , source, epochMs, attributes, trace] = value as readonly unknown[];
  return (
    typeof id === 'string' &&
    id.length <= SIGNAL_ID_CHARACTERS_MAX &&
    topicFault(topic) === undefined &&
    (source === undefined || source instanceof AgentReference) &&
    typeof epochMs === 'number' &&
    (attributes === undefined || (typeof attributes === 'object' && attributes !== null)) &&
    (trace === undefined || isTrace(trace))
  );
}

function isTrace(value: unknown): value is SentTrace {
  if (!Array.isArray(value) || value.length !== 4) return false;
  const [traceId, spanId, flags, hops] = value as readonly unknown[];
  const isId = (id: unknown, digits: number): boolean => typeof id === 'string' && (id === '' || (id.length === digits && /^[0-9a-f]+$/.test(id)));
  return isId(traceId, 32) && isId(spanId, 16) && Number.isInteger(flags) && Number.isInteger(hops);
}
