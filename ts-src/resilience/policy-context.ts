/**
 * What a policy hands to the operation it calls: the signal that ends the call, the time that is left for it, and which attempt it is. It is what the
 * options of a call are made into, and may be given as the options of a call through another policy: that is how deadlines and signals go inwards.
 */
import { optionError, valueText } from '../errors.js';
import type { AskOptions } from '../model/agent-ref.js';
import { checkNames } from '../model/nearest-name.js';
import { Deadline } from './deadline.js';
import { LazySignal } from './lazy-signal.js';

/** Options of a call through a policy. */
export interface CallOptions {
  /** Gives the call up. Default none. */
  readonly signal?: AbortSignal | undefined;
  /** Default none. */
  readonly deadline?: Deadline | undefined;
}

/** The longest an ask may wait. */
const ASK_TIMEOUT_MS_MAX = 86_400_000;

/** What an operation gets from the policies around it: how long it may take, whether it was given up, and which attempt it is. */
export class PolicyContext {
  readonly deadline: Deadline | undefined;
  /** 1 for the first attempt of the innermost `retry` around the operation. */
  readonly attempt: number;

  readonly #abort: AbortSignal | LazySignal | undefined;

  constructor(abort: AbortSignal | LazySignal | undefined, deadline: Deadline | undefined, attempt: number) {
    this.#abort = abort;
    this.deadline = deadline;
    this.attempt = attempt;
  }

  /** Aborted when the call is given up: by its caller, or by a `timeout`. Undefined if nothing can give it up. */
  get signal(): AbortSignal | undefined {
    return this.#abort instanceof LazySignal ? this.#abort.signal : this.#abort;
  }

  /** Whether, and why, the call has been given up: for policies, which need no signal for that. */
  get abort(): AbortSignal | LazySignal | undefined {
    return this.#abort;
  }

  /** Time until the deadline; infinite if there is none. */
  get remainingMs(): number {
    return this.deadline === undefined ? Number.POSITIVE_INFINITY : this.deadline.remainingMs;
  }

  /** Nothing but its deadline, if it has one, can give the call up. */
  get endsOnlyByDeadline(): boolean {
    return this.#abort === undefined || (this.#abort instanceof LazySignal && this.#abort.onlyByDeadline);
  }

  /** Calls back once, when the call is given up. Returns a function that ends that. */
  onAbort(listener: () => void): () => void {
    const abort = this.#abort;
    if (abort === undefined) return nothing;
    if (abort instanceof LazySignal) return abort.onAbort(listener);
    abort.addEventListener('abort', listener, { once: true });
    return () => abort.removeEventListener('abort', listener);
  }

  /** The same call, at another attempt. */
  atAttempt(attempt: number): PolicyContext {
    return new PolicyContext(this.#abort, this.deadline, attempt);
  }

  /** Options for an ask within this call: `context.askOptions` of `ref.ask` or `ctx.ask`. It waits until the deadline; without one as long as asks do. */
  get askOptions(): AskOptions | undefined {
    return this.askOptionsFor(undefined);
  }

  /** As `askOptions`; the ask waits no longer than `timeoutMs`. */
  askOptionsFor(timeoutMs: number | undefined): AskOptions | undefined {
    const { deadline } = this;
    const signal = this.endsOnlyByDeadline ? undefined : this.signal;
    if (signal === undefined && deadline === undefined && timeoutMs === undefined) return undefined;
    const options: { signal?: AbortSignal; timeoutMs?: number } = {};
    if (signal !== undefined) options.signal = signal;
    if (deadline !== undefined) options.timeoutMs = Math.min(timeoutMs ?? ASK_TIMEOUT_MS_MAX, Math.max(1, deadline.remainingMs), ASK_TIMEOUT_MS_MAX);
    else if (timeoutMs !== undefined) options.timeoutMs = timeoutMs;
    return options;
  }
}

const nothing = (): void => undefined;

/** The context of a call without options. */
export const UNBOUNDED = new PolicyContext(undefined, undefined, 1);

/** @throws NexusTypeError NEXUS_OPTION_INVALID, NEXUS_OPTION_UNKNOWN */
export function contextOf(options: CallOptions | undefined, names: readonly string[] = CALL_OPTIONS): PolicyContext {
  if (options === undefined) return UNBOUNDED;
  if (options instanceof PolicyContext) return options;
  checkNames('call', options, names);
  const { signal, deadline } = options;
  if (signal !== undefined && !(signal instanceof AbortSignal)) throw optionError('signal', `must be an AbortSignal, not ${valueText(signal)}`);
  if (deadline !== undefined && !(deadline instanceof Deadline))
    throw optionError('deadline', `must be a Deadline, as deadlineIn(ms) makes one, not ${valueText(deadline)}`);
  return new PolicyContext(signal, deadline, 1);
}

export const CALL_OPTIONS: readonly string[] = ['signal', 'deadline'];
