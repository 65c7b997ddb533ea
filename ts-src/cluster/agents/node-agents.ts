/**
 * Agents of other nodes as the calling thread of a node has them: what references, contexts and workers send there, what comes from there, and the calls between runtimes. Puts the parts of this folder together and does
 * what `RemoteAgents` says; `cluster/moves` tells it when agents leave and come.
 */
import { NexusError, quoted } from '../../errors.js';
import type { Logger } from '../../model/agent-context.js';
import type { TellOutcome } from '../../model/agent-ref.js';
import { traceValues } from '../../model/message-trace.js';
import { type NodeIdentity, nodeKey, sameNode } from '../../model/node-identity.js';
import type { RemoteAgent } from '../../model/remote-agent.js';
import type { Clock } from '../../ports/clock.js';
import type { Registry } from '../../ports/registry.js';
import type { Lane, Transport } from '../../ports/transport.js';
import type { AgentReference } from '../../runtime/agent-reference.js';
import { nexusStopped } from '../../runtime/failures.js';
import type { ActionEntry, Kind } from '../../runtime/kind.js';
import { type MessageSender, senderOf, traceOf } from '../../runtime/mailbox.js';
import type { PendingAsk, ReplyPort } from '../../runtime/pending-asks.js';
import { isComing, isMarkedAway } from '../../runtime/record-word.js';
import { DURABLE_LIFE, lifeOf } from '../../runtime/remote/agent-life.js';
import { MovedAway } from '../../runtime/remote/moved-away.js';
import type { RemoteAgents } from '../../runtime/remote/remote-agents.js';
import type { AgentLocation } from '../../model/agent-location.js';
import type { LinkAsks } from '../../model/cluster-snapshot.js';
import { stopTimeout } from '../../runtime/stopping.js';
import type { SystemCallName, SystemCalls } from '../../runtime/system-calls.js';
import type { ThreadHost } from '../../runtime/thread-host.js';
import { Channel } from '../channels.js';
import type { NodePart, NodeView } from '../node-parts.js';
import { AddressedMessages } from './addressed-messages.js';
import { AGENTS_MAX, Frame } from './agent-frames.js';
import { nodeFull, nodeUnreachable, outcomeUnknown } from './ask-errors.js';
import { Homecomings } from './homecomings.js';
import { IncomingFrames } from './incoming-frames.js';
import { Locating } from './locating.js';
import { LocalAgents } from './local-agents.js';
import { carryOut } from './node-calls.js';
import { NodeReferences } from './node-references.js';
import { OutgoingFrames } from './outgoing-frames.js';
import type { Peer } from './peer.js';
import { Peers } from './peers.js';
import { NO_TRAIL, Route, type UnderwayFrame } from './route.js';
import { askedOf, fullError } from './route-errors.js';
import { Routing } from './routing.js';
import { Vacating } from './vacating.js';

export interface NodeAgentsNeeds {
  readonly host: ThreadHost;
  readonly transport: Transport;
  readonly clock: Clock;
  readonly logger: Logger;
  self(): NodeIdentity;
  /** Undefined where there is none. */
  registry(): Registry | undefined;
}

export class NodeAgents implements RemoteAgents, NodePart {
  readonly references: NodeReferences;
  readonly local: LocalAgents;
  /** For agents that leave and come: `cluster/moves`. */
  readonly routing: Routing;
  readonly #needs: NodeAgentsNeeds;
  readonly #host: ThreadHost;
  readonly #peers: Peers;
  readonly #outgoing: OutgoingFrames;
  readonly #incoming: IncomingFrames;
  readonly #addressed: AddressedMessages;
  readonly #movedAway = new MovedAway();
  readonly #vacating: Vacating;
  readonly #locating: Locating;
  readonly #homecomings: Homecomings;
  #viewNumber = 0;
  #members: readonly NodeIdentity[] = [];

  constructor(needs: NodeAgentsNeeds) {
    const { host, transport, clock, self, registry } = needs;
    this.#needs = needs;
    this.#host = host;
    this.#homecomings = new Homecomings(host);
    this.local = new LocalAgents(host, registry);
    this.references = new NodeReferences({ host, local: this.local, self });
    this.#peers = new Peers({
      ...{ transport, clock },
      copy: (frame) => host.standaloneCopy(frame) as readonly unknown[],
      dropped: (peer, frames) => this.#incoming.undeliverable(peer, frames),
    });
    const peerOf = (node: NodeIdentity): Peer => this.#peers.of(node);
    this.#outgoing = new OutgoingFrames({ clock, asks: host.asks, peerOf, self });
    this.routing = new Routing({
      ...{ clock, self, registry, peerOf },
      transmit: (route, peer, frame) => this.#outgoing.transmit(route, peer, frame, true),
      deliver: (route, frame) => this.#incoming.deliver(route.id, route.life, frame),
      isHere: ({ id, life }) => this.local.find(id, life) !== undefined,
      deliverDurable: (route, frame) => this.#incoming.deliverDurable(route.id, frame),
      settled: (route) => this.#settled(route),
      refuse: (route, frame, error) => this.#incoming.refuse(route.id, route.life, frame, error, frame.origin),
      markAfterView: (route, peer, number) => void peer.post([Frame.afterView, route.id, route.life, number, this.#viewNumber]),
    });
    this.#incoming = new IncomingFrames({
      ...{ host, self, peerOf },
      local: this.local,
      routing: this.routing,
      replies: this.#outgoing,
      viewNumber: () => this.#viewNumber,
      ended: (id, life) => this.#ended(id, life),
      vacating: (node) => void this.#vacating.asked(node),
      vacated: (node) => this.#vacating.answered(node),
      refused: (error, from) => this.#refused(error, from),
    });
    this.#vacating = new Vacating({
      ...{ clock, peerOf, routing: this.routing },
      others: () => this.#members.filter((member) => !sameNode(member, self())),
    });
    this.#addressed = new AddressedMessages({
      ...{ registry, self },
      find: (id) => host.directory.find(id, undefined),
      route: ({ id, life, host: node }, kind) => this.routing.of(id, kind?.isDurable === true ? 0 : life, node),
      kindOf: (name) => host.kinds.find(name),
      dispatch: (route, frame) => this.#dispatch(route, frame),
      tellHere: (agent, action, input, sender) => host.router.tellFrom(sender, agent, action, input),
      dead: (id, action) => host.deadLetters.record('noAgent', undefined, () => id, action),
      copy: (value) => (value === undefined ? undefined : host.standaloneCopy(value)),
    });
    this.#locating = new Locating({
      ...{ host, registry, self },
      nodeNamed: (name) => this.#members.find((member) => member.name === name),
      ask: (node, agentIds, timeoutMs) => this.request(node, undefined, 'locateHere', { ids: agentIds }, timeoutMs),
    });
    transport.listen(Channel.agents, (message) => this.#incoming.receive(message));
  }

  /** What was refused of other nodes, by code. */
  readonly refusals = new Map<string, number>();

  get statistics(): { readonly sent: number; readonly received: number; readonly waiting: number; readonly routes: number } {
    return { sent: this.#peers.sent, received: this.#incoming.received, waiting: this.#peers.waiting, routes: this.routing.size };
  }

  /** How long asks of agents of that node take; undefined before the first answer. */
  asksOf(node: NodeIdentity): LinkAsks | undefined {
    return this.#peers.known(node)?.asks.read(this.#needs.clock.nowMs());
  }

  // What threads ask for.

  leads(target: AgentReference): boolean {
    return target.remote !== undefined || this.#movedAway.follow(target);
  }

  goesRound({ slot, generation }: AgentReference): boolean {
    const { shared } = this.#host;
    return isComing(shared, slot) || (isMarkedAway(shared, slot) && this.#movedAway.has(slot, generation));
  }

  hasLeft(id: string, life: number): Promise<void> {
    return this.routing.known(id, life)?.whenLeft() ?? Promise.resolve();
  }

  remoteOf(id: string, node: NodeIdentity, life: number): RemoteAgent {
    return this.routing.of(id, life, node);
  }

  homeOf({ remote }: AgentReference): AgentReference | undefined {
    const isHere = remote instanceof Route && remote.peer === undefined && remote.waitingFor === undefined;
    return isHere ? this.local.find(remote.id, remote.life) : undefined;
  }

  lifeOf(local: AgentReference): number | undefined {
    return this.local.lifeOf(local);
  }

  send(target: AgentReference, action: ActionEntry, input: unknown, reply: ReplyPort | undefined, from: MessageSender, isSentOn = false): TellOutcome {
    if (action.input !== undefined) action.input.check(input);
    const route = this.#routeOf(target);
    const { peer } = route;
    const sender = senderOf(from);
    const trace = reply === undefined ? traceOf(from) : reply.trace;
    const kind = target.kindEntry.name;
    if (reply === undefined && route.waitingFor === undefined && peer !== undefined && !peer.isShut) {
      // The way of most tells: nothing is made but the frame.
      const frame: unknown[] = [Frame.tell, route.id, route.life, kind, action.name, input];
      if (sender !== undefined || trace !== undefined) frame.push(sender ?? null);
      if (trace !== undefined) frame.push(traceValues(trace));
      route.isUsed = true;
      const outcome = peer.offer(frame);
      if (outcome !== 'gone') return outcome;
    }
    const frame = { type: 'message', origin: undefined, trail: NO_TRAIL, kind, action: action.name, input, reply, sender, trace } as const;
    return this.#dispatch(route, frame, isSentOn);
  }

  tellMany(targets: readonly AgentReference[], action: string, input: unknown, from: MessageSender): readonly TellOutcome[] {
    const [sender, trace] = [senderOf(from), traceOf(from)];
    const outcomes: TellOutcome[] = new Array(targets.length);
    const frames = new Map<string, { readonly peer: Peer; readonly kind: string; readonly agents: (string | number)[]; readonly places: number[] }>();
    const give = (key: string): void => {
      const frame = frames.get(key);
      if (frame === undefined) return;
      frames.delete(key);
      const { peer, kind, agents, places } = frame;
      const outcome = peer.offer([Frame.tellMany, kind, action, input, sender ?? null, traceValues(trace) ?? null, ...agents]);
      for (const place of places) outcomes[place] = outcome === 'gone' ? 'noAgent' : outcome;
    };
    for (const [place, target] of targets.entries()) {
      const route = this.#routeOf(target);
      const { peer } = route;
      const entry = target.kindEntry.action(action);
      if (peer === undefined || peer.isShut || route.waitingFor !== undefined) {
        outcomes[place] = this.send(target, entry, input, undefined, from);
        continue;
      }
      entry.input?.check(input);
      const key = `${peer.number} ${target.kind}`;
      const frame = frames.get(key) ?? { peer, kind: target.kind, agents: [], places: [] };
      frames.set(key, frame);
      frame.agents.push(route.id, route.life);
      frame.places.push(place);
      route.isUsed = true;
      if (frame.places.length === AGENTS_MAX) give(key);
    }
    for (const key of [...frames.keys()]) give(key);
    return outcomes;
  }

  async locate(ids: readonly string[], timeoutMs: number): Promise<readonly (AgentLocation | undefined)[]> {
    return this.#locating.locate(ids, timeoutMs);
  }

  sendTo(id: string, action: string, input: unknown, sender: MessageSender): TellOutcome {
    return this.#addressed.send(id, action, input, senderOf(sender), traceOf(sender));
  }

  find(id: string, kind: Kind | undefined): AgentReference | undefined {
    const known = this.#needs.registry()?.cached(id);
    if (known === undefined || sameNode(known.host, this.#needs.self())) return undefined;
    const found = this.references.remoteReference(id, known.kind, known.host, this.#host.kinds.find(known.kind)?.isDurable === true ? 0 : known.life);
    if (kind === undefined || kind.name === known.kind) return found;
    throw new NexusError(
      'NEXUS_KIND_MISMATCH',
      `agent ${quoted(id)} is of kind '${known.kind}', not '${kind.name}'; ids are unique over all kinds: prefix them by kind`,
      { data: { id, kind: known.kind, expected: kind.name } },
    );
  }

  async stop(target: AgentReference, timeoutMs: number): Promise<void> {
    try {
      await this.request(this.#routeOf(target).node, target, 'stopAgent', { slot: 0, generation: 0 }, timeoutMs);
    } catch (error) {
      throw error instanceof NexusError && error.code === 'NEXUS_ASK_TIMEOUT' ? stopTimeout(target, timeoutMs) : error;
    }
  }

  call<N extends SystemCallName>(node: NodeIdentity, agent: AgentReference | undefined, name: N, input: Parameters<SystemCalls[N]>[0]): void {
    void this.#call(node, agent, name, input, undefined);
  }

  request<N extends SystemCallName>(
    node: NodeIdentity,
    agent: AgentReference | undefined,
    name: N,
    input: Parameters<SystemCalls[N]>[0],
    timeoutMs: number,
  ): Promise<Awaited<ReturnType<SystemCalls[N]>>> {
    return new Promise((resolve, reject) => {
      if (this.#host.links.isClosed) throw nexusStopped();
      const target = agent ?? { kind: 'node', id: node.name };
      const ask = this.#host.asks.open(resolve as (value: unknown) => void, reject, target, name, timeoutMs, undefined);
      try {
        this.#call(node, agent, name, input, ask);
      } catch (error) {
        ask.fail(error);
      }
    });
  }

  // What the node is told.

  viewed({ number, members, incarnationFloor, joined, left, removed }: NodeView): void {
    this.#viewNumber = number;
    this.#members = members.map(({ name, incarnation }) => ({ name, incarnation }));
    const departed = this.#peers.viewed(this.#members, incarnationFloor);
    for (const node of left) this.#departed(node, 'it has left the cluster');
    for (const node of removed) this.#departed(node, 'it was removed from the cluster');
    // Those that are left are named by references that are older than this node's first view, or by its own earlier starts.
    for (const node of departed) if (!this.#peers.of(node).isGone) this.#departed(node, 'it is not a member of the cluster any more');
    this.#vacating.viewed(members);
    for (const node of joined) if (!sameNode(node, this.#needs.self())) this.#vacating.joined(node);
    this.#incoming.viewed(number);
    this.#peers.retry();
  }

  connected(): void {
    this.#peers.retry();
  }

  lost(node: NodeIdentity, lane: Lane | 'any'): void {
    if (lane === 'control' || lane === 'bulk') return;
    const peer = this.#peers.of(node);
    // What has surely not been sent says so; what waits for another connection goes on.
    this.#host.asks.failThread(
      peer.number,
      (ask) => this.#lostAsk(ask, node, 'the connection to it was lost'),
      (ask) => !this.#outgoing.isWaiting(ask),
    );
    this.routing.lost(node);
  }

  closed(): void {
    this.#peers.close();
    this.routing.close(() => nexusStopped());
  }

  // What `cluster/moves` tells.

  /** The agents of this node are on others. Resolves when nothing comes for them here any more, or soon after it is over with false. */
  vacate(isOver: () => boolean): Promise<boolean> {
    return this.#vacating.vacate(isOver);
  }

  /** An agent of this node has moved to another one: references of this thread to where it was lead there. */
  movedAway(slot: number, generation: number, id: string, remote: RemoteAgent): void {
    const route = this.routing.of(id, remote.life, remote.node);
    this.#movedAway.add(slot, generation, id, route);
    if (route.waitingFor === 'leaving') route.isGiven = true;
    this.local.forget(id);
    const call = { slot, generation, id, node: remote.node, life: remote.life, thread: this.#host.engine.table.threadOf(slot, generation) };
    for (let thread = 1; thread < this.#host.shared.threadCount; thread++) this.#host.router.call(thread, 'agentMovedAway', call);
  }

  /** Workers may send straight to it, if it is in memory. */
  #settled(route: Route): void {
    const agent = this.local.find(route.id, route.life);
    const isHome = (): void => {
      route.isHoming = false;
    };
    if (agent === undefined || !isComing(this.#host.shared, agent.slot)) return isHome();
    const { slot, generation, kindEntry } = agent;
    this.#homecomings.begin({ slot, generation, kind: kindEntry.index, id: route.id, life: route.life }, isHome);
  }

  #call(node: NodeIdentity, agent: AgentReference | undefined, name: SystemCallName, input: unknown, reply: PendingAsk | undefined): void {
    if (agent !== undefined && !this.leads(agent)) return carryOut(this.#host, agent, name, input, reply);
    if (agent !== undefined) {
      const route = this.#routeOf(agent);
      const outcome = this.routing.dispatch(route, { type: 'call', origin: undefined, trail: NO_TRAIL, kind: agent.kind, name, input, reply });
      if (outcome === 'full') reply?.fail(fullError(route, { type: 'call', origin: undefined, trail: NO_TRAIL, kind: agent.kind, name, input, reply }));
      return;
    }
    if (sameNode(node, this.#needs.self())) return carryOut(this.#host, undefined, name, input, reply);
    const peer = this.#peers.of(node);
    if (reply === undefined) return void peer.post([Frame.call, null, 0, '', name, input]);
    this.#host.asks.sendTo(reply, peer.number);
    const outcome = peer.post([Frame.request, null, 0, '', name, input, reply.slot, reply.sequence, Math.max(1, reply.deadlineMs - this.#needs.clock.nowMs())]);
    if (outcome === 'accepted') this.#outgoing.sentAsk(reply, peer);
    else reply.fail(outcome === 'full' ? nodeFull(reply, node) : nodeUnreachable(reply, node, 'it is not a member of the cluster any more'));
  }

  #routeOf(target: AgentReference): Route {
    const { remote } = target;
    if (remote instanceof Route) return remote;
    if (remote === undefined && this.#movedAway.follow(target)) return this.#routeOf(target);
    // Of this node, and marked: it has just come.
    if (remote === undefined) return this.routing.of(target.id, this.local.lifeOf(target) ?? lifeOf(target.slot, target.generation), this.#needs.self());
    // Made by somebody who knows nothing of routes.
    const { node, life } = remote;
    const route = this.routing.of(target.id, life, node);
    target.remote = route;
    return route;
  }

  #dispatch(route: Route, frame: UnderwayFrame & { readonly type: 'message' }, isSentOn = false): TellOutcome {
    const { reply } = frame;
    // The message is the sender's again when the call returns.
    const kept = route.waitingFor === undefined || frame.input === undefined ? frame : { ...frame, input: this.#host.standaloneCopy(frame.input) };
    let outcome: ReturnType<Routing['dispatch']>;
    const { peer } = route;
    if (route.waitingFor === undefined && peer !== undefined && !peer.isShut) {
      route.isUsed = true;
      outcome = this.#outgoing.transmit(route, peer, kept, false);
      if (outcome === 'gone') outcome = this.routing.dispatch(route, kept);
    } else outcome = this.routing.dispatch(route, kept, isSentOn);
    if (outcome === 'accepted') return 'accepted';
    if (outcome === 'gone') return 'noAgent';
    if (reply !== undefined)
      reply.fail(peer === undefined || route.waitingFor !== undefined ? fullError(route, frame) : nodeFull(askedOf(route, frame), peer.node));
    return 'full';
  }

  #departed(node: NodeIdentity, because: string): void {
    const peer = this.#peers.of(node);
    // First what waits here, and so has surely not been sent: its asks say that. Of the others it depends on how far they have come.
    peer.depart();
    this.#host.asks.failThread(peer.number, (ask) => this.#lostAsk(ask, node, because));
    this.routing.departed(node);
  }

  #lostAsk(ask: PendingAsk, node: NodeIdentity, because: string): NexusError {
    return this.#outgoing.isUnsent(ask) ? nodeUnreachable(ask, node, because) : outcomeUnknown(ask, node, because);
  }

  /** What is known of another activation of the id stays; those of a durable agent are not told apart. */
  #ended(id: string, life: number): void {
    const registry = this.#needs.registry();
    const known = registry?.cached(id);
    if (known === undefined || sameNode(known.host, this.#needs.self())) return;
    if (known.life === life || (life === DURABLE_LIFE && this.#host.kinds.find(known.kind)?.isDurable === true)) registry?.forget(id, known.token);
  }

  #refused(error: { readonly code: string }, from: NodeIdentity): void {
    this.refusals.set(error.code, (this.refusals.get(error.code) ?? 0) + 1);
    this.#needs.logger.debug({ error, from: nodeKey(from) }, 'a message of another node about agents was refused');
  }
}
