/**
 * Who follows agents, on the calling thread: keeps the listeners, gives them what the threads of their agents report, and sees to it that an agent is followed where it is, also after its thread
 * was lost, or when a durable one returns to memory. The other side is `followed.ts`.
 */
import { threadWord } from '../../bindings/shared-memory.js';
import * as L from '../../layout/generated/layout.js';
import { optionError } from '../errors.js';
import type { AgentRef } from '../model/agent-ref.js';
import { checkNames } from '../model/nearest-name.js';
import type { FollowEvent } from '../model/observation.js';
import { type AgentControl, timeoutText } from './agent-control.js';
import type { AgentReference } from './agent-reference.js';
import { type FollowLimits, type FollowReport, followHere } from './followed.js';
import type { ThreadHost } from './thread-host.js';

/** Limits of what `nexus.follow` tells. */
export interface FollowOptions {
  /** More than so many a second are dropped, and counted: 1 to 100,000, default 1,000. */
  readonly messagesPerSecondMax?: number;
  /** Bytes of the text of an input that are shown: 0 to 65,536, default 512. */
  readonly inputBytesMax?: number;
}

/** Agents that are followed at a time. */
const FOLLOWED_AGENTS_MAX = 64;
/** Of one agent. */
const LISTENERS_MAX = 64;
/** How often it is looked where the agents are: how long one that is back after a loss is not followed yet. */
const CHECK_MS = 250;
const ANSWER_TIMEOUT_MS = 2000;
const TOTALS_MAX = 8;

interface Listener extends FollowLimits {
  readonly listen: (event: FollowEvent) => void;
  windowMs: number;
  inWindow: number;
}

interface FollowedId {
  readonly id: string;
  readonly reference: AgentReference;
  readonly listeners: Set<Listener>;
  /** Thread and incarnation that have been told, and have the agent. */
  place: string;
  isAsking: boolean;
  /** What was told of each time that it was followed on a thread, the latest ones: the last word of a thread that it left may come late. */
  readonly totals: Map<string, number>;
}

export class Followers {
  readonly #host: ThreadHost;
  readonly #control: AgentControl;
  readonly #agents = new Map<string, FollowedId>();
  #cancelCheck: (() => void) | undefined;

  constructor(host: ThreadHost, control: AgentControl) {
    this.#host = host;
    this.#control = control;
    host.observation.onFollowed = (report) => this.#reported(report);
  }

  /** @returns what ends it */
  async follow(agent: string | AgentRef, listener: (event: FollowEvent) => void, options: FollowOptions = {}): Promise<() => Promise<void>> {
    const limits = checkedLimits(options);
    if (typeof listener !== 'function') throw optionError('listener', `must be a function, not ${listener === null ? 'null' : typeof listener}`);
    const reference = this.#control.locate(agent, 'follow');
    const { id } = reference;
    let followed = this.#agents.get(id);
    if (followed !== undefined && followed.listeners.size >= LISTENERS_MAX)
      throw optionError('agent', `'${id}' has ${LISTENERS_MAX} listeners already, which is the most`);
    if (followed === undefined) {
      if (this.#agents.size >= FOLLOWED_AGENTS_MAX)
        throw optionError('agent', `${FOLLOWED_AGENTS_MAX} agents are followed already, which is the most: end following another one first`);
      // One of its own: it is set on another address when a durable agent returns.
      const own = this.#host.reference(reference.slot, reference.generation, reference.kindEntry.index, id);
      followed = { id, reference: own, listeners: new Set(), place: '', isAsking: false, totals: new Map() };
      this.#agents.set(id, followed);
    }
    const entry: Listener = { ...limits, listen: listener, windowMs: Number.NEGATIVE_INFINITY, inWindow: 0 };
    followed.listeners.add(entry);
    // Also where it is followed already: its limits are those of all listeners together.
    followed.place = '';
    try {
      await this.#place(followed);
    } catch (error) {
      await this.#end(followed, entry);
      throw error;
    }
    this.#wait();
    const of = followed;
    return () => this.#end(of, entry);
  }

  /** A thread was lost or is back. */
  check(): void {
    for (const followed of this.#agents.values()) void this.#place(followed).catch(() => undefined);
  }

  close(): void {
    this.#cancelCheck?.();
    this.#cancelCheck = undefined;
    this.#agents.clear();
  }

  async #end(followed: FollowedId, listener: Listener): Promise<void> {
    if (!followed.listeners.has(listener)) return;
    // What was handled before is told before it answers.
    await this.#tell(followed, followed.listeners.size > 1).catch(() => undefined);
    if (!followed.listeners.delete(listener)) return;
    if (followed.listeners.size > 0) {
      // Perhaps it was ended for one who has come meanwhile.
      followed.place = '';
      return this.#place(followed).catch(() => undefined);
    }
    if (this.#agents.get(followed.id) === followed) this.#agents.delete(followed.id);
    if (this.#agents.size > 0) return;
    this.#cancelCheck?.();
    this.#cancelCheck = undefined;
  }

  /** Tells the thread of the agent, unless it knows. */
  async #place(followed: FollowedId): Promise<void> {
    const { reference, id } = followed;
    const { engine } = this.#host;
    if (followed.isAsking) return;
    if (engine.table.threadOf(reference.slot, reference.generation) < 0) {
      const live = this.#host.find(id, undefined);
      if (!reference.kindEntry.isDurable || live === undefined || live.kindEntry !== reference.kindEntry) return this.#ended(followed);
      reference.rebind(live);
    }
    const place = this.#placeOf(reference);
    if (place === undefined || place === followed.place) return;
    followed.isAsking = true;
    try {
      if (await this.#tell(followed, true)) followed.place = place;
    } finally {
      followed.isAsking = false;
    }
  }

  /** Undefined for a durable agent that is not in memory. */
  #placeOf({ slot, generation }: AgentReference): string | undefined {
    const { engine, shared } = this.#host;
    const thread = engine.table.threadOf(slot, generation);
    if (thread < 0) return undefined;
    return `${thread}.${Atomics.load(shared.words, threadWord(shared, thread) + L.THREAD_WORD_INCARNATION)}.${slot}.${generation}`;
  }

  async #tell({ reference, listeners }: FollowedId, isOn: boolean): Promise<boolean> {
    const { engine, router, thread } = this.#host;
    const { slot, generation } = reference;
    const limits = [...listeners];
    const call = {
      ...{ slot, generation, isOn },
      messagesPerSecondMax: Math.max(0, ...limits.map((each) => each.messagesPerSecondMax)),
      inputBytesMax: Math.max(0, ...limits.map((each) => each.inputBytesMax)),
    };
    const owner = engine.table.threadOf(slot, generation);
    if (owner < 0) return false;
    if (owner === thread) return followHere(this.#host, call);
    try {
      return await router.request(owner, 'followAgent', call, ANSWER_TIMEOUT_MS, { kind: 'thread', id: String(owner) });
    } catch (error) {
      throw timeoutText(error, owner, ANSWER_TIMEOUT_MS, `follow '${reference.id}'`);
    }
  }

  #reported({ id, slot, generation, thread, session, total, messages, isEnded }: FollowReport): void {
    const followed = this.#agents.get(id);
    if (followed === undefined) {
      // Nobody wants it any more: it moved while that was said.
      const call = { slot, generation, isOn: false, messagesPerSecondMax: 0, inputBytesMax: 0 };
      if (thread === this.#host.thread) followHere(this.#host, call);
      else this.#host.router.call(thread, 'followAgent', call);
      return;
    }
    const key = `${thread}.${session}`;
    const dropped = Math.max(0, total - (followed.totals.get(key) ?? 0) - messages.length);
    followed.totals.delete(key);
    followed.totals.set(key, total);
    if (followed.totals.size > TOTALS_MAX) followed.totals.delete(followed.totals.keys().next().value as string);
    for (const listener of followed.listeners) this.#show(listener, messages, dropped);
    if (isEnded) this.#ended(followed);
  }

  #show(listener: Listener, messages: FollowReport['messages'], dropped: number): void {
    const nowMs = this.#host.clock.nowMs();
    let left = dropped;
    for (const message of messages) {
      if (nowMs - listener.windowMs >= 1000) {
        listener.windowMs = nowMs;
        listener.inWindow = 0;
      }
      if (++listener.inWindow > listener.messagesPerSecondMax) left++;
      else this.#give(listener, { type: 'message', message });
    }
    if (left > 0) this.#give(listener, { type: 'dropped', count: left });
  }

  #ended(followed: FollowedId): void {
    if (this.#agents.get(followed.id) !== followed) return;
    this.#agents.delete(followed.id);
    for (const listener of followed.listeners) this.#give(listener, { type: 'ended' });
    followed.listeners.clear();
  }

  #give({ listen }: Listener, event: FollowEvent): void {
    const failed = (error: unknown): void => this.#host.logger.error({ error }, 'a listener that follows an agent failed');
    try {
      const result: unknown = listen(event);
      if (result instanceof Promise) result.catch(failed);
    } catch (error) {
      failed(error);
    }
  }

  #wait(): void {
    this.#cancelCheck ??= this.#host.clock.after(
      CHECK_MS,
      () => {
        this.#cancelCheck = undefined;
        if (this.#host.links.isClosed || this.#agents.size === 0) return;
        this.check();
        this.#wait();
      },
      false,
    );
  }
}

function checkedLimits(options: FollowOptions): FollowLimits {
  checkNames('follow', options, ['messagesPerSecondMax', 'inputBytesMax']);
  const { messagesPerSecondMax = 1000, inputBytesMax = 512 } = options;
  const check = (name: string, value: unknown, least: number, most: number): void => {
    if (!(Number.isInteger(value) && (value as number) >= least && (value as number) <= most))
      throw optionError(name, `is ${String(value)}; it must be a whole number from ${least} to ${most.toLocaleString('en')}`);
  };
  check('messagesPerSecondMax', messagesPerSecondMax, 1, 100_000);
  check('inputBytesMax', inputBytesMax, 0, 65_536);
  return { messagesPerSecondMax, inputBytesMax };
}
