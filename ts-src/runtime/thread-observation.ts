/**
 * What one thread lets others see of its work: puts the parts together that record, count, trace and publish what happens to messages and agents. Each part is a class of its own and names
 * what it needs; this one decides only whom the dispatcher shows its messages to. A part that wants to know of handled messages adds itself with `listen`.
 */
import type { AgentContext, Logger } from '../model/agent-context.js';
import { Refusal } from '../model/prepared-action.js';
import { SeededRandom } from '../model/seeded-random.js';
import type { ResolvedTracing } from '../model/tracing-options.js';
import type { TracingApi } from '../ports/tracing-api.js';
import type { Activity } from './activity.js';
import type { AgentCell } from './agent-cell.js';
import type { ActionEntry } from './kind.js';
import type { Followed, FollowReport } from './followed.js';
import { KnownIds } from './known-ids.js';
import { TIMER_MESSAGE } from './dispatcher.js';
import type { MessageSender } from './mailbox.js';
import type { HandledListener, MessageObserver } from './message-observer.js';
import type { ReplyPort } from './pending-asks.js';
import { PublishedEvents } from './published-events.js';
import type { AgentFailure } from './system-calls.js';
import type { ThreadHost } from './thread-host.js';
import { Tracing } from './tracing.js';

/** @param api undefined in a nexus that does not trace, or where the caller has none */
export function observationOf(host: ThreadHost, api: TracingApi | undefined, options: ResolvedTracing | undefined): ThreadObservation {
  const { thread, clock, logger, seed } = host;
  const nowMs = (): number => clock.nowMs();
  const ids = new KnownIds((slot, generation) => host.nameOf(slot, generation));
  const idOf = (cell: AgentCell): string => ids.of(cell);
  const events = new PublishedEvents({ thread, idOf });
  if (api === undefined || options === undefined) return new ThreadObservation({ thread, nowMs, events, tracing: undefined });
  const random = new SeededRandom(seed, `traces ${thread}`);
  const tracing = new Tracing({
    ...{ api, options, thread, logger, clock, idOf, timerMessage: TIMER_MESSAGE },
    random: () => random.next(),
  });
  return new ThreadObservation({ thread, nowMs, events, tracing });
}

export interface ThreadObservationNeeds {
  readonly thread: number;
  nowMs(): number;
  /** On the channels of `node:diagnostics_channel`. */
  readonly events: PublishedEvents;
  /** Undefined in a nexus that does not trace. */
  readonly tracing: Tracing | undefined;
}

export class ThreadObservation implements MessageObserver {
  /** Undefined in a nexus that does not trace. Spans around anything: `observation.tracing?.inSpan(name, attributes, call)`. */
  readonly tracing: Tracing | undefined;
  readonly events: PublishedEvents;
  /** While somebody looks at the nexus. */
  activity: Activity | undefined = undefined;
  /** While agents of this thread are followed. */
  followed: Followed | undefined = undefined;
  /** On the calling thread: takes what threads report of agents that are followed. */
  onFollowed: ((report: FollowReport) => void) | undefined = undefined;
  readonly #thread: number;
  readonly #nowMs: () => number;
  readonly #listeners: HandledListener[] = [];
  /** Those that want the messages of this drain. */
  #wanting: readonly HandledListener[] = [];

  constructor({ thread, nowMs, events, tracing }: ThreadObservationNeeds) {
    this.#thread = thread;
    this.#nowMs = nowMs;
    this.events = events;
    this.listen(events);
    this.tracing = tracing;
  }

  /** The thread can log now. */
  opened(logger: Logger): void {
    if (this.tracing === undefined || this.tracing.hasSdk()) return;
    logger.warn(
      { thread: this.#thread },
      'tracing is on and no OpenTelemetry SDK is set up on this thread: nothing of it is traced; docs/telemetry.md says where the SDK is set up',
    );
  }

  /** The thread serves no more: nobody looks any longer. */
  close(): void {
    this.activity?.close();
    this.activity = undefined;
  }

  /** From now on the listener is asked in each drain, until the function that is returned is called. */
  listen(listener: HandledListener): () => void {
    this.#listeners.push(listener);
    return () => {
      const index = this.#listeners.indexOf(listener);
      if (index >= 0) this.#listeners.splice(index, 1);
    };
  }

  /** Asked for once in each drain; undefined while nobody wants to see messages, which then cost nothing. */
  observer(): MessageObserver | undefined {
    const { activity, followed } = this;
    const inner = this.#listening();
    const sampling = activity === undefined ? inner : activity.observer(inner);
    return followed === undefined ? sampling : followed.observer(sampling);
  }

  failed(failure: AgentFailure): void {
    this.events.failed(failure);
    this.activity?.failed(failure);
  }

  #listening(): MessageObserver | undefined {
    this.tracing?.drainBegins();
    for (const listener of this.#listeners) {
      if (!listener.wants()) continue;
      this.#wanting = this.#listeners.filter((each) => each.wants());
      return this;
    }
    return this.tracing;
  }

  /** The counterpart of `observer`. */
  drainEnds(): void {
    this.tracing?.drainEnds();
  }

  sees(): boolean {
    return true;
  }

  handle(cell: AgentCell, action: ActionEntry, input: unknown, context: AgentContext, sender: MessageSender, reply: ReplyPort | undefined): unknown {
    const listeners = this.#wanting;
    const startedMs = this.#nowMs();
    const ended = (error: unknown, isFailure: boolean): void => {
      const outcome = isFailure ? (Refusal.is(error) ? 'refused' : 'failed') : 'handled';
      const durationMs = this.#nowMs() - startedMs;
      const message = { cell, action, input, sender, reply, startedMs, durationMs, outcome, error: Refusal.is(error) ? error.error : error } as const;
      for (const listener of listeners) listener.handled(message);
    };
    let result: unknown;
    let promise: Promise<unknown> | undefined;
    try {
      const { tracing } = this;
      result = tracing === undefined ? action.handler(cell.state, input, context) : tracing.handle(cell, action, input, context, sender, reply);
      if (typeof result === 'object' && result !== null && typeof (result as PromiseLike<unknown>).then === 'function') promise = Promise.resolve(result);
    } catch (error) {
      ended(error, true);
      throw error;
    }
    if (promise === undefined) {
      ended(undefined, false);
      return result;
    }
    promise.then(
      () => ended(undefined, false),
      (error: unknown) => ended(error, true),
    );
    return promise;
  }
}
