/** What could not be delivered: counted by reason for every thread, and shown to listeners on the calling thread. */
import * as L from '../../layout/generated/layout.js';

export type DeadLetterReason = 'noAgent' | 'mailboxFull' | 'dropped' | 'agentStopped' | 'threadLost' | 'nexusStopped' | 'refused' | 'ringFull';

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

export class DeadLetters {
  /** While somebody looks at the nexus: is shown so many as `watchedLeft` says, which it fills up again. */
  watch: ((letter: DeadLetter) => void) | undefined = undefined;
  watchedLeft = WATCHED_AT_FIRST;
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

  record(reason: DeadLetterReason, kind: string | undefined, id: () => string | undefined, action: string | undefined): void {
    const at = this.#countersAt + COUNTERS[reason];
    this.#doubles[at] = (this.#doubles[at] as number) + 1;
    if (this.watch !== undefined && --this.watchedLeft >= 0) this.watch({ reason, id: id(), kind, action, thread: this.#thread });
    if ((this.#words[L.HEADER_WORD_DEAD_LETTER_LISTENERS] as number) > 0) this.#show({ reason, id: id(), kind, action, thread: this.#thread });
  }

  /** A signal that this thread could not send to another one, for all that subscribe to it there. */
  recordSignal(reason: DeadLetterReason, topic: string): void {
    this.add(reason, 1);
    if (this.watch !== undefined && --this.watchedLeft >= 0)
      this.watch({ reason, id: undefined, kind: undefined, action: undefined, topic, thread: this.#thread });
    if ((this.#words[L.HEADER_WORD_DEAD_LETTER_LISTENERS] as number) > 0)
      this.#show({ reason, id: undefined, kind: undefined, action: undefined, topic, thread: this.#thread });
  }

  /** Messages nobody can describe any more. */
  add(reason: DeadLetterReason, count: number): void {
    const at = this.#countersAt + COUNTERS[reason];
    this.#doubles[at] = (this.#doubles[at] as number) + count;
  }
}
