/** Publishes what a thread counts to the shared memory, where any thread can read it. A successor goes on from its predecessor's totals. */
import { counterIndex, type SharedMemory, threadWord } from '../../bindings/shared-memory.js';
import * as L from '../../layout/generated/layout.js';
import type { DurableAgents } from './durable/durable-agents.js';
import type { Dispatcher } from './dispatcher.js';
import type { Lifecycle } from './lifecycle.js';
import type { Links } from './links.js';
import type { MessageRouter } from './message-router.js';
import type { PendingAsks } from './pending-asks.js';

export interface CountedParts {
  readonly dispatcher: Dispatcher;
  readonly lifecycle: Lifecycle;
  readonly asks: PendingAsks;
  readonly links: Links;
  agentCount(): number;
  readonly router: MessageRouter;
  /** Undefined without storage. */
  readonly durable: DurableAgents | undefined;
}

export class ThreadCounters {
  readonly #shared: SharedMemory;
  readonly #parts: CountedParts;
  readonly #at: number;
  readonly #threadAt: number;
  readonly #base: Float64Array;

  constructor(shared: SharedMemory, thread: number, parts: CountedParts) {
    this.#shared = shared;
    this.#parts = parts;
    this.#at = counterIndex(shared, thread);
    this.#threadAt = threadWord(shared, thread);
    this.#base = shared.doubles.slice(this.#at, this.#at + L.COUNTER_COUNT);
  }

  publishAgentCount(): void {
    this.#shared.words[this.#threadAt + L.THREAD_WORD_AGENT_COUNT] = this.#parts.agentCount();
  }

  publish(): void {
    const { dispatcher, lifecycle, asks, links, router, durable } = this.#parts;
    this.publishAgentCount();
    this.#shared.words[this.#threadAt + L.THREAD_WORD_QUEUE_DEPTH] = dispatcher.depth;
    this.#set(L.COUNTER_SPAWNED, lifecycle.spawned);
    this.#set(L.COUNTER_STOPPED, lifecycle.stopped);
    this.#set(L.COUNTER_RESTARTED, lifecycle.restarted);
    this.#set(L.COUNTER_HANDLED, dispatcher.handled);
    this.#set(L.COUNTER_FAILED, dispatcher.failures);
    this.#set(L.COUNTER_SENT_LOCAL, router.sentLocal);
    this.#set(L.COUNTER_ASKS, router.asked);
    this.#set(L.COUNTER_ASK_TIMEOUTS, asks.timeouts);
    this.#set(L.COUNTER_ASK_FAILURES, asks.failures);
    this.#set(L.COUNTER_LATE_REPLIES, asks.lateReplies);
    const { sent, received, bytes, refused } = links.totals();
    this.#set(L.COUNTER_SENT_REMOTE, sent);
    this.#set(L.COUNTER_RECEIVED_REMOTE, received);
    this.#set(L.COUNTER_REMOTE_BYTES, bytes);
    this.#set(L.COUNTER_RING_FULL, refused);
    if (durable === undefined) return;
    this.#set(L.COUNTER_DURABLE_WRITES, durable.writer.written);
    this.#set(L.COUNTER_DURABLE_WRITE_FAILURES, durable.writer.failures);
    this.#set(L.COUNTER_DURABLE_HELD, durable.handlers.held);
    this.#set(L.COUNTER_DURABLE_PASSIVATED, durable.passivation.passivated);
    this.#set(L.COUNTER_DURABLE_REMINDERS, durable.service?.delivered ?? 0);
  }

  #set(counter: number, value: number): void {
    this.#shared.doubles[this.#at + counter] = (this.#base[counter] as number) + value;
  }
}
