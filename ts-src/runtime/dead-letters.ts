/** What could not be delivered: counted by reason for every thread, and shown to listeners on the calling thread and to those of the channel on this one. */
import * as L from '../../layout/generated/layout.js';
import { channels } from '../adapters/diagnostics.js';
import type { TelemetryEvents } from '../model/telemetry-events.js';

const dead = channels['nexus:message:dead'];

/** Why a message is a dead letter; also the label of the metric that counts them. */
export type DeadLetterReason = 'noAgent' | 'mailboxFull' | 'dropped' | 'agentStopped' | 'threadLost' | 'nexusStopped' | 'refused' | 'ringFull';

/** A message that could not be delivered: the value of the event `deadLetter`. */
export interface DeadLetter {
  readonly reason: DeadLetterReason;
  /** Of the agent it was for, as far as known. */
  readonly id: string | undefined;
  readonly kind: string | undefined;
  /** Undefined if the message was not looked at any more, and for a signal that is not for one agent. */
  readonly action: string | undefined;
  /** Of a signal that did not get to another thread. */
  readonly topic?: string | undefined;
  /** Thread that found out. */
  readonly thread: number;
}

const WATCHED_AT_FIRST = 100;

const COUNTERS: Record<DeadLetterReason, number> = {
  noAgent: L.COUNTER_DEAD_NO_AGENT,
  mailboxFull: L.COUNTER_DEAD_MAILBOX_FULL,
  dropped: L.COUNTER_DEAD_DROPPED,
  agentStopped: L.COUNTER_DEAD_STOPPED,
  threadLost: L.COUNTER_DEAD_THREAD_LOST,
  nexusStopped: L.COUNTER_DEAD_NEXUS_STOPPED,
  refused: L.COUNTER_DEAD_REFUSED,
  ringFull: L.COUNTER_DEAD_RING_FULL,
};

const NOWHERE = { slot: 0, generation: 0 };

export class DeadLetters {
  /** Called for each, with the address of the agent it was for, slot 0 where that is not known. */
  recorded: (
    reason: DeadLetterReason,
    kind: string | undefined,
    action: string | undefined,
    agent: { readonly slot: number; readonly generation: number },
  ) => void = () => undefined;
  /** While somebody looks at the nexus: is shown so many as `watchedLeft` says, which it fills up again. */
  watch: ((letter: DeadLetter) => void) | undefined = undefined;
  watchedLeft = WATCHED_AT_FIRST;
  #isWatched = false;
  readonly #words: Int32Array;
  readonly #doubles: Float64Array;
  readonly #countersAt: number;
  readonly #thread: number;
  readonly #show: (letter: DeadLetter) => void;

  /** @param show is called only when somebody on the calling thread listens. */
  constructor(words: Int32Array, doubles: Float64Array, countersAt: number, thread: number, show: (letter: DeadLetter) => void) {
    this.#words = words;
    this.#doubles = doubles;
    this.#countersAt = countersAt;
    this.#thread = thread;
    this.#show = show;
  }

  record(reason: DeadLetterReason, kind: string | undefined, id: () => string | undefined, action: string | undefined, agent = NOWHERE): void {
    this.recorded(reason, kind, action, agent);
    const at = this.#countersAt + COUNTERS[reason];
    this.#doubles[at] = (this.#doubles[at] as number) + 1;
    if (this.#takes()) this.#tell({ reason, id: id(), kind, action, topic: undefined, thread: this.#thread });
  }

  /** A signal that this thread could not send to another one, for all that subscribe to it there. */
  recordSignal(reason: DeadLetterReason, topic: string): void {
    this.add(reason, 1);
    if (this.#takes()) this.#tell({ reason, id: undefined, kind: undefined, action: undefined, topic, thread: this.#thread });
  }

  /** Somebody on the calling thread listens. */
  get #isShown(): boolean {
    return (this.#words[L.HEADER_WORD_DEAD_LETTER_LISTENERS] as number) > 0;
  }

  /** Whether anybody is told of this one. */
  #takes(): boolean {
    this.#isWatched = this.watch !== undefined && --this.watchedLeft >= 0;
    return this.#isWatched || this.#isShown || dead.hasSubscribers;
  }

  #tell(letter: TelemetryEvents['nexus:message:dead'] & DeadLetter): void {
    const { topic, ...rest } = letter;
    const shown = topic === undefined ? rest : letter;
    if (this.#isWatched) this.watch?.(shown);
    if (dead.hasSubscribers) dead.publish(letter);
    if (this.#isShown) this.#show(shown);
  }

  /** Messages nobody can describe any more. */
  add(reason: DeadLetterReason, count: number): void {
    const at = this.#countersAt + COUNTERS[reason];
    this.#doubles[at] = (this.#doubles[at] as number) + count;
  }
}
