/**
 * Messages to durable agents that are not in memory. The thread of the sender keeps them, in order, while it has the agent brought back on one thread of all; then it sends
 * them on, and later ones find the agent themselves. So what one sender says arrives in its order, wherever the agent returns.
 *
 * An agent returns where it was last, if the sender knows: whatever that thread was sent for the agent before is read first. Else each id has a thread of its own, on which
 * all threads agree. There is one agent because an id has one record in the routing table; who comes second finds the first.
 *
 * Nothing here is on the way of a message to an agent that is in memory.
 */
import { NexusError, quoted } from '../../errors.js';
import type { TellOutcome } from '../../model/agent-ref.js';
import type { AgentReference } from '../agent-reference.js';
import { agentNotFound, nexusStopped } from '../failures.js';
import type { ActionEntry, Kind } from '../kind.js';
import type { MessageSender } from '../mailbox.js';
import type { ReplyPort } from '../pending-asks.js';
import type { NodeIdentity } from '../../model/node-identity.js';
import { elsewhereOf } from './cluster-states.js';

/** Agents that one thread may have brought back at once. */
export const ACTIVATIONS_MAX = 100_000;
const ATTEMPTS = 64;
/** Nothing is known after these but that it is worth another look. */
const RETRIED = ['NEXUS_THREAD_LOST', 'NEXUS_ID_DUPLICATE', 'NEXUS_ASK_TIMEOUT'];

export interface QueuedMessage {
  readonly action: ActionEntry;
  readonly input: unknown;
  readonly reply: ReplyPort | undefined;
  readonly sender: MessageSender;
}

export interface ActivationsNeeds {
  readonly thread: number;
  isClosed(): boolean;
  isStopping(): boolean;
  /** The live agent of this id, of whatever kind. */
  find(id: string): AgentReference | undefined;
  /** The agent that has this id and whose end has begun. */
  findEnding(id: string): AgentReference | undefined;
  /** Resolves when that end has come, or is not waited for any more. */
  whenEnded(agent: AgentReference): Promise<void>;
  threadOf(agent: AgentReference): number;
  isStored(kind: Kind, id: string): boolean;
  /** Where an agent returns whose last thread nobody knows. */
  homeOf(kind: Kind, id: string): number;
  canReach(thread: number): boolean;
  /** Starts the agent on this thread from what is stored. @throws NEXUS_ID_DUPLICATE if it is there by now */
  start(kind: Kind, id: string): AgentReference | Promise<AgentReference>;
  requestStart(thread: number, kind: Kind, id: string): Promise<AgentReference>;
  /** Resolves when that thread has read what this one has sent it so far. */
  roundTrip(thread: number): Promise<void>;
  /** A copy such as another thread would see. @throws NexusTypeError NEXUS_NOT_CLONEABLE */
  copy(value: unknown): unknown;
  /** Sends to an agent that is in memory. Not refused for a full ring. False, with nothing done, if it has left: another thread may remove it at any moment. */
  forward(target: AgentReference, message: QueuedMessage): boolean;
  /** In a cluster: to the node where it belongs. False if there is no way to it. Throws what sending throws. */
  sendElsewhere(node: NodeIdentity, kind: Kind, id: string, message: QueuedMessage): boolean;
  /** Undeliverable: a dead letter, and an ask fails. */
  dead(reason: 'noAgent' | 'mailboxFull' | 'nexusStopped', kind: Kind, id: string, message: QueuedMessage, error: unknown): void;
  /** It is not in memory, and so many messages that waited for it are undeliverable. */
  gaveUp(kind: Kind, id: string, messages: number, error: unknown): void;
}

interface Activation {
  readonly kind: Kind;
  readonly id: string;
  readonly queue: QueuedMessage[];
  /** It returns on this thread. */
  readonly isHere: boolean;
  /** Resolves when the queue has been sent on, or given up. */
  readonly done: Promise<void>;
}

export class Activations {
  readonly #needs: ActivationsNeeds;
  readonly #open = new Map<string, Activation>();

  constructor(needs: ActivationsNeeds) {
    this.#needs = needs;
  }

  get size(): number {
    return this.#open.size;
  }

  /** Messages for this agent wait here: whoever sends to it must go behind them. */
  isOpen(kind: Kind, id: string): boolean {
    return this.#open.size > 0 && this.#open.has(keyOf(kind, id));
  }

  /**
   * Sends a message to a durable agent by its name, and brings it back if needed.
   * @param lastThread on which the sender knew it, or -1
   * @param found called with the agent if it is in memory
   */
  send(kind: Kind, id: string, lastThread: number, message: QueuedMessage, found: (agent: AgentReference) => void): TellOutcome {
    const needs = this.#needs;
    if (needs.isClosed()) {
      needs.dead('nexusStopped', kind, id, message, nexusStopped());
      return 'stopped';
    }
    const open = this.#open.get(keyOf(kind, id));
    if (open !== undefined) return this.#queue(open, message);
    const live = needs.find(id);
    if (live === undefined ? needs.findEnding(id) === undefined && !needs.isStored(kind, id) : live.kindEntry !== kind) {
      needs.dead('noAgent', kind, id, message, notThere(kind, id, live));
      return 'noAgent';
    }
    if (live !== undefined && this.#isBehindNothing(live, lastThread)) {
      found(live);
      if (needs.forward(live, message)) return 'accepted';
    }
    if (this.#open.size >= ACTIVATIONS_MAX) return this.#full(kind, id, message, `${ACTIVATIONS_MAX} agents are being brought back already`);
    const thread = this.#placeOf(kind, id, lastThread);
    if (thread !== needs.thread) {
      // What cannot be sent is refused before it is accepted.
      this.#begin(kind, id, thread, { ...message, input: needs.copy(message.input) }, this.#bring(kind, id, thread));
      return 'accepted';
    }
    const started = this.#startNow(kind, id);
    if (started instanceof Promise) this.#begin(kind, id, thread, message, started);
    else {
      found(started);
      if (!needs.forward(started, message)) this.#begin(kind, id, thread, message, this.#bring(kind, id, thread));
    }
    return 'accepted';
  }

  /** Resolves when the messages that wait for this agent have been sent on; undefined if there are none. */
  settled(kind: Kind, id: string): Promise<void> | undefined {
    return this.#open.size === 0 ? undefined : this.#open.get(keyOf(kind, id))?.done;
  }

  /** Brings an agent back for another thread, or for a call of this one. Rejects with why it cannot be. */
  bring(kind: Kind, id: string, lastThread = -1): Promise<AgentReference> {
    return this.#bring(kind, id, this.#placeOf(kind, id, lastThread));
  }

  /** Another thread has chosen this one. */
  async startHere(kind: Kind, id: string): Promise<AgentReference> {
    for (let attempt = 1; ; attempt++) {
      if (this.#needs.isStopping()) throw nexusStopped();
      const open = this.#open.get(keyOf(kind, id));
      // It may hold what the other thread sent to the agent before.
      if (open?.isHere === true) await open.done;
      try {
        return await this.#find(kind, id, true);
      } catch (error) {
        if (attempt >= ATTEMPTS || !isRetried(error)) throw error;
      }
    }
  }

  #begin(kind: Kind, id: string, thread: number, first: QueuedMessage, bringing: Promise<AgentReference>): void {
    const key = keyOf(kind, id);
    let finish = (): void => undefined;
    const done = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const activation: Activation = { kind, id, queue: [first], isHere: thread === this.#needs.thread, done };
    this.#open.set(key, activation);
    const close = (error: unknown): void => {
      // First, so that what is sent elsewhere and comes back at once does not wait here again.
      this.#open.delete(key);
      this.#giveUp(activation, error);
      finish();
    };
    const follow = (attempt: number, agent: Promise<AgentReference>): void => {
      agent.then((found) => {
        // It may have left again meanwhile.
        if (!this.#sendOn(activation, found) && attempt < ATTEMPTS) return follow(attempt + 1, this.#bring(kind, id, this.#placeOf(kind, id, -1)));
        close(notThere(kind, id, undefined));
      }, close);
    };
    follow(1, bringing);
  }

  /** False if the agent is not there any more: what is left waits for the next attempt. */
  #sendOn(activation: Activation, agent: AgentReference): boolean {
    const { queue } = activation;
    while (queue.length > 0) {
      if (!this.#needs.forward(agent, queue[0] as QueuedMessage)) return false;
      queue.shift();
    }
    return true;
  }

  #giveUp(activation: Activation, error: unknown): void {
    const { kind, id, queue } = activation;
    const node = elsewhereOf(error);
    if (node !== undefined) this.#sendAllElsewhere(activation, node);
    if (queue.length > 0) this.#needs.gaveUp(kind, id, queue.length, error);
    const reason = error instanceof NexusError && error.code === 'NEXUS_STOPPED' ? 'nexusStopped' : 'noAgent';
    for (const message of queue.splice(0)) this.#needs.dead(reason, kind, id, message, error);
  }

  /** What is left cannot be sent. */
  #sendAllElsewhere({ kind, id, queue }: Activation, node: NodeIdentity): void {
    while (queue.length > 0) {
      const message = queue[0] as QueuedMessage;
      try {
        if (!this.#needs.sendElsewhere(node, kind, id, message)) return;
      } catch (error) {
        this.#needs.dead('noAgent', kind, id, message, error);
        this.#needs.gaveUp(kind, id, 1, error);
      }
      queue.shift();
    }
  }

  async #bring(kind: Kind, id: string, thread: number): Promise<AgentReference> {
    const needs = this.#needs;
    for (let attempt = 1, at = thread; ; attempt++) {
      try {
        if (needs.isStopping()) throw nexusStopped();
        return await (at === needs.thread ? this.#find(kind, id, false) : needs.requestStart(at, kind, id));
      } catch (error) {
        if (attempt >= ATTEMPTS || !isRetried(error)) throw error;
        at = this.#placeOf(kind, id, at);
      }
    }
  }

  /** The agent on whichever thread it is; started here if it is nowhere. */
  async #find(kind: Kind, id: string, forOther: boolean): Promise<AgentReference> {
    const needs = this.#needs;
    const live = needs.find(id);
    if (live !== undefined) {
      if (live.kindEntry !== kind) throw notThere(kind, id, live);
      const thread = needs.threadOf(live);
      // What this thread has passed on for others is there before what they send next.
      if (forOther && thread >= 0 && thread !== needs.thread) await needs.roundTrip(thread);
      return live;
    }
    const ending = needs.findEnding(id);
    if (ending !== undefined) {
      await needs.whenEnded(ending);
      throw new NexusError('NEXUS_ID_DUPLICATE', `the end of ${kind.name} ${quoted(id)} was waited for, and it is there again; use getOrSpawn`, {
        data: { id, kind: kind.name },
      });
    }
    return needs.start(kind, id);
  }

  /** At once, if its start waits for nothing. */
  #startNow(kind: Kind, id: string): AgentReference | Promise<AgentReference> {
    if (this.#needs.find(id) !== undefined || this.#needs.findEnding(id) !== undefined) return this.#bring(kind, id, this.#needs.thread);
    try {
      return this.#needs.start(kind, id);
    } catch (error) {
      return isRetried(error) ? this.#bring(kind, id, this.#needs.thread) : Promise.reject(error);
    }
  }

  /** Nothing that this thread has sent to the agent where it was before can still be on its way. */
  #isBehindNothing(live: AgentReference, lastThread: number): boolean {
    return lastThread < 0 || lastThread === this.#needs.thread || lastThread === this.#needs.threadOf(live) || !this.#needs.canReach(lastThread);
  }

  #placeOf(kind: Kind, id: string, lastThread: number): number {
    if (kind.callingThreadOnly) return 0;
    return lastThread >= 0 && this.#needs.canReach(lastThread) ? lastThread : this.#needs.homeOf(kind, id);
  }

  #queue(activation: Activation, message: QueuedMessage): TellOutcome {
    const { kind, id, queue } = activation;
    if (queue.length >= kind.capacity) return this.#full(kind, id, message, `${kind.capacity} messages wait for it, the capacity of its mailbox`);
    queue.push(activation.isHere ? message : { ...message, input: this.#needs.copy(message.input) });
    return 'accepted';
  }

  #full(kind: Kind, id: string, message: QueuedMessage, why: string): TellOutcome {
    const error = new NexusError(
      'NEXUS_MAILBOX_FULL',
      `${kind.name} ${quoted(id)} is being brought back from the store, and ${why}: '${message.action.name}' was not handled; slow down`,
      {
        data: { id, kind: kind.name, action: message.action.name, capacity: kind.capacity, overflow: kind.overflow },
      },
    );
    this.#needs.dead('mailboxFull', kind, id, message, error);
    return 'full';
  }
}

function keyOf(kind: Kind, id: string): string {
  return `${kind.index} ${id}`;
}

function isRetried(error: unknown): boolean {
  return error instanceof NexusError && RETRIED.includes(error.code) && elsewhereOf(error) === undefined;
}

function notThere(kind: Kind, id: string, other: AgentReference | undefined): NexusError {
  if (other === undefined) return agentNotFound(kind.name, id);
  return new NexusError(
    'NEXUS_KIND_MISMATCH',
    `agent ${quoted(id)} is of kind '${other.kind}', not '${kind.name}'; ids are unique over all kinds: prefix them by kind`,
    { data: { id, kind: other.kind, expected: kind.name } },
  );
}
