/**
 * Publish and subscribe of one thread. A signal goes to every agent and listener of this thread whose pattern matches its topic, and once to each other thread
 * that has said it wants it, which delivers it there in the same way. Where a topic goes is looked up once and kept until a subscription changes. What other nodes want goes to the calling thread,
 * which passes it on.
 *
 * Not here: how other threads learn what this one wants (`replicated-entries.ts`), what a full mailbox does with a signal (`dispatcher.ts`), the way to other nodes (`cluster/entries/node-signals.ts`).
 */
import { lazyCodec, type MessageCodec } from '../codec/declared/lazy-codec.js';
import type { ReferenceCodec } from '../codec/reference-codec.js';
import { optionError, valueText } from '../errors.js';
import type { Logger } from '../model/agent-context.js';
import { checkNames } from '../model/nearest-name.js';
import { SeededRandom } from '../model/seeded-random.js';
import { ATTRIBUTES_MAX, attributeFault, type PublishOptions, type Signal, SIGNAL_ID_CHARACTERS_MAX, type SignalAttributes } from '../model/signal.js';
import { checkPattern, checkScope, checkTopic, nameOfTopic, SUBSCRIPTIONS_MAX, type Topic } from '../model/topic.js';
import { TopicTrie } from '../model/topic-trie.js';
import { type AgentCell, extraOf, Status } from './agent-cell.js';
import type { AgentReference } from './agent-reference.js';
import type { ActionEntry } from './kind.js';
import { MovingSubscribers, type SignalHomes } from './moving-subscribers.js';
import type { ReplicatedEntries } from './replicated-entries.js';

/** Topics whose way is kept. */
const ROUTES_MAX = 4096;
const CALLING_THREAD = 0;
/** In the place of a thread: some other node wants it. */
const OTHER_NODES = -1;

export interface SignalsNeeds {
  readonly thread: number;
  readonly threadCount: number;
  readonly incarnation: number;
  readonly seed: number;
  readonly references: ReferenceCodec;
  readonly entries: ReplicatedEntries;
  readonly logger: Logger;
  epochMs(): number;
  canReach(thread: number): boolean;
  referenceOf(cell: AgentCell): AgentReference;
  /** An agent publishes a signal. */
  emitted(cell: AgentCell, topic: string): void;
  /** Into the mailbox of an agent of this thread. */
  deliver(cell: AgentCell, action: ActionEntry, signal: Signal): void;
  /** To an agent that has left this thread, behind what was sent to it here. */
  forward(cell: AgentCell, action: ActionEntry, signal: Signal): void;
  /** Thread of a live agent, or -1. */
  threadOf(slot: number, generation: number): number;
  /** Resolves when the other nodes know the entries that the calling thread knows; undefined if there are none. */
  nodesKnow(): Promise<unknown> | undefined;
  /** False if there is no room for it. Throws if it cannot be encoded. `homes` while agents that have subscriptions move. `isForNodes`: the thread is the calling one, which is to pass it on. */
  send(thread: number, signal: Signal, homes: SignalHomes | undefined, isForNodes: boolean): boolean;
  /** It has been sent to all that want it. */
  published(signal: Signal): void;
  /** A signal that did not get to another thread. */
  dropped(topic: string): void;
  /** Somebody on the calling thread wants all signals, of whichever topic. */
  isAnyWanted(): boolean;
  /** On the calling thread: to those. */
  publishToAny(signal: Signal): void;
}

/** One action of one agent, with the patterns it is subscribed to. */
export class AgentSubscriber {
  /** True for those of its definition, which outlast a restart. */
  readonly patterns = new Map<string, boolean>();

  constructor(
    readonly cell: AgentCell,
    readonly action: ActionEntry,
  ) {}
}

/** Index of the action, pattern, and whether it is of the definition. */
export type AnnouncedSubscription = readonly [action: number, pattern: string, isDeclared: boolean];

class ListenerSubscriber {
  constructor(readonly listener: (signal: Signal) => void) {}
}

interface Route {
  readonly agents: readonly AgentSubscriber[];
  readonly listeners: readonly ListenerSubscriber[];
  /** Other threads. */
  readonly threads: readonly number[];
  /** Some other node wants it. */
  readonly isForNodes: boolean;
}

const NOWHERE: Route = { agents: [], listeners: [], threads: [], isForNodes: false };

export class Signals {
  /** On the calling thread of a node: sends a signal to the other nodes that want it. Throws if it cannot be encoded. */
  toNodes: (signal: Signal) => void = () => undefined;
  readonly #needs: SignalsNeeds;
  readonly #local = new TopicTrie<AgentSubscriber | ListenerSubscriber>();
  /** What other threads want: their numbers, and -1 for other nodes. */
  readonly #remote = new TopicTrie<number>();
  /** How many subscribers of this thread have a pattern. The other threads are told of the first and of the last. */
  readonly #counts = new Map<string, number>();
  readonly #routes = new Map<string, Route>();
  readonly #codecs = new WeakMap<Topic, MessageCodec>();
  readonly #idPrefix: string;
  readonly #moving: MovingSubscribers;
  /** Of agents that have left, until everything that was sent to them here has been read: only while they move, as all know. */
  readonly #left = new Map<AgentCell, Map<ActionEntry, AgentSubscriber>>();
  #published = 0;
  // The topic asked for last: most signals in a row have the same one.
  #lastName: string | undefined;
  #lastRoute: Route = NOWHERE;

  constructor(needs: SignalsNeeds) {
    this.#needs = needs;
    const random = new SeededRandom(needs.seed, `signals ${needs.thread}.${needs.incarnation}`);
    this.#idPrefix = `${Math.floor(random.next() * 2 ** 32).toString(36)}${Math.floor(random.next() * 2 ** 32).toString(36)}-${needs.thread}.${needs.incarnation}-`;
    const { thread, entries, threadOf } = needs;
    // Mostly it has been followed before. If not, the thread that it has moved to is lost, and with it what would be sent on to there.
    const cameToRest = (slot: number): void => {
      for (const cell of [...this.#left.keys()]) if (cell.slot === slot) this.followed(cell);
    };
    this.#moving = new MovingSubscribers({ thread, entries, threadOf, cameToRest });
    needs.entries.listen('subscriptions', ({ thread, key, value }) => {
      if (thread !== needs.thread) {
        if (value === undefined) this.#remote.remove(key, thread);
        else this.#remote.add(key, thread);
      }
      this.#forgetRoutes();
    });
    needs.entries.listen('nodeSubscriptions', ({ key, value }) => {
      if (value === undefined) this.#remote.remove(key, OTHER_NODES);
      else this.#remote.add(key, OTHER_NODES);
      this.#forgetRoutes();
    });
    needs.entries.listenToReach(() => this.#forgetRoutes());
  }

  /** @param cell the emitter; undefined for what comes from outside of agents */
  emit(cell: AgentCell | undefined, topic: string | Topic, data: unknown, options?: PublishOptions): void {
    const name = typeof topic === 'string' ? topic : this.#checked(topic, data);
    if (options !== undefined) checkOptions(options);
    if (cell !== undefined) this.#needs.emitted(cell, name);
    const route = name === this.#lastName ? this.#lastRoute : this.#routeOf(name);
    const isAnyWanted = this.#needs.isAnyWanted();
    if (route === NOWHERE && !isAnyWanted) return;
    const isForNodes = route.isForNodes && (options?.scope ?? (typeof topic === 'string' ? undefined : topic.scope)) !== 'node';
    const signal: Signal = {
      id: options?.id ?? this.#idPrefix + this.#published++,
      topic: name,
      data,
      source: cell === undefined ? undefined : this.#needs.referenceOf(cell),
      epochMs: options?.epochMs ?? this.#needs.epochMs(),
      attributes: options?.attributes,
    };
    this.#publish(route, isAnyWanted, isForNodes, signal);
    this.#needs.published(signal);
  }

  /** From another node: to all threads that want it. */
  receivedFromNode(signal: Signal): void {
    this.#publish(this.#routeOf(signal.topic), this.#needs.isAnyWanted(), false, signal);
  }

  /** From a worker of this node, for the agents of this thread and for other nodes. */
  receivedForNodes(signal: Signal, homes: SignalHomes | undefined): void {
    this.received(signal, homes);
    this.toNodes(signal);
  }

  /** From another thread. */
  received(signal: Signal, homes: SignalHomes | undefined): void {
    this.#deliver(this.#routeOf(signal.topic), signal, this.#needs.isAnyWanted(), homes);
  }

  /** The agent begins a life: what its definition subscribes to reaches it from now on, if it did not already. */
  begin(cell: AgentCell): void {
    for (const { pattern, action } of cell.kind.subscriptions) this.#add(cell, pattern, action, true);
  }

  /** The life of an agent is over: its own subscriptions end, and with the agent those of its definition. */
  forget(cell: AgentCell): void {
    const subscribers = cell.extra?.subscribers;
    if (subscribers === undefined) return;
    const isEnd = cell.status >= Status.stopping;
    for (const [action, subscriber] of subscribers) {
      for (const [pattern, isDeclared] of subscriber.patterns) if (isEnd || !isDeclared) this.#removeFrom(subscriber, pattern);
      if (subscriber.patterns.size === 0) subscribers.delete(action);
    }
  }

  /** @throws NexusTypeError NEXUS_OPTION_INVALID, NEXUS_ACTION_UNKNOWN */
  subscribe(cell: AgentCell, pattern: string | Topic, actionName: string): void {
    const name = nameOfTopic(pattern);
    checkPattern(name);
    const action = cell.kind.action(actionName);
    if (action.input !== undefined)
      throw optionError('action', `'${actionName}' of '${cell.kind.name}' declares an input of its own, and would be given a signal: take another action`);
    let count = 0;
    for (const { patterns } of cell.extra?.subscribers?.values() ?? []) count += patterns.size;
    if (count >= SUBSCRIPTIONS_MAX && cell.extra?.subscribers?.get(action)?.patterns.has(name) !== true)
      throw optionError(
        'pattern',
        `'${name}' would be one subscription more than the ${SUBSCRIPTIONS_MAX} that an agent may have; use wildcards, or several agents`,
      );
    this.#add(cell, name, action, false);
  }

  /** Of one action, or of all that have this pattern. Nothing if there is none. */
  unsubscribe(cell: AgentCell, pattern: string | Topic, actionName: string | undefined): void {
    const name = nameOfTopic(pattern);
    checkPattern(name);
    const only = actionName === undefined ? undefined : cell.kind.action(actionName);
    const subscribers = cell.extra?.subscribers;
    for (const [action, subscriber] of subscribers ?? []) {
      if ((only !== undefined && action !== only) || !subscriber.patterns.has(name)) continue;
      this.#removeFrom(subscriber, name);
      if (subscriber.patterns.size === 0) subscribers?.delete(action);
    }
  }

  /** Calls a listener of this thread. Returns what ends that. */
  listen(pattern: string | Topic, listener: (signal: Signal) => void): () => void {
    const name = nameOfTopic(pattern);
    checkPattern(name);
    if (typeof listener !== 'function') throw optionError('listener', `must be a function of the signal, not ${valueText(listener)}`);
    const subscriber = new ListenerSubscriber(listener);
    this.#local.add(name, subscriber);
    this.#count(name, 1);
    return () => {
      if (this.#local.remove(name, subscriber)) this.#count(name, -1);
    };
  }

  /** On the calling thread: what a thread that it makes now has to know before it publishes anything. */
  movingAgents(): readonly number[] {
    return this.#moving.all();
  }

  /** On a successor, before it publishes anything: what the calling thread has given it. */
  inherit(movingAgents: readonly number[]): void {
    this.#moving.inherit(movingAgents);
  }

  // Subscribers that move: called by the move, in its order.

  subscriptionsOf(cell: AgentCell): AnnouncedSubscription[] | undefined {
    const announced: AnnouncedSubscription[] = [];
    for (const [action, { patterns }] of cell.extra?.subscribers ?? []) {
      for (const [pattern, isDeclared] of patterns) announced.push([action.index, pattern, isDeclared]);
    }
    return announced.length === 0 ? undefined : announced;
  }

  reserved(cell: AgentCell, announced: readonly AnnouncedSubscription[]): void {
    this.#moving.begin(cell);
    for (const [action, pattern, isDeclared] of announced) this.#add(cell, pattern, cell.kind.actions[action] as ActionEntry, isDeclared);
  }

  discarded(cell: AgentCell): void {
    this.#removeAll(cell.extra?.subscribers);
    this.#moving.end(cell);
  }

  left(cell: AgentCell): void {
    const subscribers = cell.extra?.subscribers;
    if (subscribers !== undefined) this.#left.set(cell, subscribers);
  }

  followed(cell: AgentCell): void {
    this.#removeAll(this.#left.get(cell));
    this.#left.delete(cell);
  }

  /** @param isWhole false: it starts anew, without what it had subscribed to itself */
  arrived(cell: AgentCell, isWhole: boolean): void {
    if (!isWhole) this.forget(cell);
    this.#moving.end(cell);
  }

  /** Resolves when every thread knows what this one has subscribed to so far, and so does every other node. */
  async subscribed(): Promise<void> {
    await this.#needs.entries.settled();
    await this.#needs.nodesKnow();
  }

  #publish(route: Route, isAnyWanted: boolean, isForNodes: boolean, signal: Signal): void {
    const { thread, send, dropped } = this.#needs;
    const homes = this.#moving.isEmpty ? undefined : this.#moving.homes();
    // First to the others: what cannot be sent reaches nobody.
    if (isForNodes && thread === CALLING_THREAD) this.toNodes(signal);
    const isPassedOn = isForNodes && thread !== CALLING_THREAD;
    for (const other of route.threads) if (!send(other, signal, homes, isPassedOn && other === CALLING_THREAD)) dropped(signal.topic);
    if ((isAnyWanted || isPassedOn) && thread !== CALLING_THREAD && !route.threads.includes(CALLING_THREAD)) {
      if (!send(CALLING_THREAD, signal, homes, isPassedOn)) dropped(signal.topic);
    }
    this.#deliver(route, signal, isAnyWanted, homes);
  }

  #deliver({ agents, listeners }: Route, signal: Signal, isAnyWanted: boolean, homes: SignalHomes | undefined): void {
    const { thread, deliver, publishToAny, logger } = this.#needs;
    if (homes === undefined && this.#moving.isEmpty) for (const { cell, action } of agents) deliver(cell, action, signal);
    else this.#deliverWhileMoving(agents, signal, homes);
    for (const { listener } of listeners) {
      const failed = (error: unknown): void => logger.error({ error, topic: signal.topic }, 'a listener to signals failed');
      try {
        const result: unknown = listener(signal);
        // Of an async listener: nobody else has the promise, and one that rejects unheard ends the process.
        if (result instanceof Promise) result.catch(failed);
      } catch (error) {
        failed(error);
      }
    }
    if (isAnyWanted && thread === 0) publishToAny(signal);
  }

  #deliverWhileMoving(agents: readonly AgentSubscriber[], signal: Signal, homes: SignalHomes | undefined): void {
    const { deliver, forward } = this.#needs;
    for (const { cell, action } of agents) {
      if (!this.#moving.isOurs(cell, homes)) continue;
      if (cell.status === Status.moved) forward(cell, action, signal);
      else deliver(cell, action, signal);
    }
  }

  /** Where a topic goes. @throws NexusTypeError NEXUS_OPTION_INVALID for what is no topic */
  #routeOf(name: string): Route {
    let route = this.#routes.get(name);
    if (route === undefined) {
      checkTopic(name);
      route = this.#findRoute(name);
      if (this.#routes.size >= ROUTES_MAX) this.#routes.clear();
      this.#routes.set(name, route);
    }
    this.#lastName = name;
    this.#lastRoute = route;
    return route;
  }

  #findRoute(name: string): Route {
    const { thread, threadCount, entries, canReach } = this.#needs;
    // Sets: an agent whose action has two patterns that match gets a signal once.
    const agents = new Set<AgentSubscriber>();
    const listeners = new Set<ListenerSubscriber>();
    const threads = new Set<number>();
    this.#local.match(name, (subscriber) => {
      if (subscriber instanceof AgentSubscriber) agents.add(subscriber);
      else listeners.add(subscriber);
    });
    this.#remote.match(name, (other) => threads.add(other));
    // One that is being replaced gets everything, and sees itself what its agents want of it: as with tells, what is sent meanwhile waits.
    for (let other = 0; other < threadCount; other++) if (other !== thread && !entries.isComplete(other)) threads.add(other);
    const isForNodes = threads.delete(OTHER_NODES);
    const reachable = [...threads].filter(canReach);
    if (agents.size + listeners.size + reachable.length === 0 && !isForNodes) return NOWHERE;
    return { agents: [...agents], listeners: [...listeners], threads: reachable, isForNodes };
  }

  #add(cell: AgentCell, pattern: string, action: ActionEntry, isDeclared: boolean): void {
    const extra = extraOf(cell);
    extra.subscribers ??= new Map();
    let subscriber = extra.subscribers.get(action);
    if (subscriber === undefined) {
      subscriber = new AgentSubscriber(cell, action);
      extra.subscribers.set(action, subscriber);
    }
    subscriber.patterns.set(pattern, isDeclared || subscriber.patterns.get(pattern) === true);
    if (this.#local.add(pattern, subscriber)) this.#count(pattern, 1);
  }

  #removeAll(subscribers: ReadonlyMap<ActionEntry, AgentSubscriber> | undefined): void {
    for (const subscriber of subscribers?.values() ?? []) for (const pattern of [...subscriber.patterns.keys()]) this.#removeFrom(subscriber, pattern);
  }

  #removeFrom(subscriber: AgentSubscriber, pattern: string): void {
    subscriber.patterns.delete(pattern);
    if (this.#local.remove(pattern, subscriber)) this.#count(pattern, -1);
  }

  #count(pattern: string, by: 1 | -1): void {
    const { entries } = this.#needs;
    const count = (this.#counts.get(pattern) ?? 0) + by;
    if (count === 0) {
      this.#counts.delete(pattern);
      return entries.delete('subscriptions', pattern);
    }
    this.#counts.set(pattern, count);
    if (count === 1 && by === 1) entries.put('subscriptions', pattern, 1);
    else this.#forgetRoutes();
  }

  #forgetRoutes(): void {
    this.#lastName = undefined;
    this.#lastRoute = NOWHERE;
    if (this.#routes.size > 0) this.#routes.clear();
  }

  /** The name of a typed topic whose data are what it declares. */
  #checked(topic: Topic, data: unknown): string {
    if (typeof topic !== 'object' || topic === null || typeof topic.name !== 'string') {
      checkTopic(topic);
      return topic;
    }
    if (topic.shape === undefined) return topic.name;
    let codec = this.#codecs.get(topic);
    if (codec === undefined) {
      codec = lazyCodec(topic.shape, this.#needs.references, { subject: `data of '${topic.name}'`, data: { topic: topic.name } });
      this.#codecs.set(topic, codec);
    }
    codec.check(data);
    return topic.name;
  }
}

function checkOptions(options: PublishOptions): void {
  checkNames('publish', options, ['id', 'epochMs', 'attributes', 'scope']);
  const { id, epochMs, attributes, scope } = options;
  checkScope(scope);
  if (id !== undefined && !(typeof id === 'string' && id.length > 0 && id.length <= SIGNAL_ID_CHARACTERS_MAX))
    throw optionError('id', `must be a string of 1 to ${SIGNAL_ID_CHARACTERS_MAX} characters, not ${valueText(id)}`);
  if (epochMs !== undefined && !(typeof epochMs === 'number' && Math.abs(epochMs) <= 8.64e15))
    throw optionError('epochMs', `is ${valueText(epochMs)}; it must be milliseconds since 1970`);
  if (attributes !== undefined) checkAttributes(attributes);
}

function checkAttributes(attributes: SignalAttributes): void {
  if (typeof attributes !== 'object' || attributes === null || Array.isArray(attributes))
    throw optionError('attributes', `must be an object of texts, numbers and booleans, not ${valueText(attributes)}`);
  const entries = Object.entries(attributes);
  if (entries.length > ATTRIBUTES_MAX) throw optionError('attributes', `has ${entries.length} attributes; the most is ${ATTRIBUTES_MAX}`);
  for (const [name, value] of entries) {
    const fault = attributeFault(name, value);
    if (fault !== undefined) throw optionError('attributes', fault);
  }
}
