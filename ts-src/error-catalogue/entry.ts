/** What is written down of each error code beside its meaning, which is in `errors.ts` (and `gateway/gateway-error.ts`) next to the code. */

/**
 * Whether the same call may succeed when it is made again. `yes`: later, and repeating it does no harm, because nothing was done. `maybe`: see `retry`.
 * `no`: not before something has been changed.
 */
export type Retryable = 'yes' | 'no' | 'maybe';

export interface EntryText {
  /** When it happens: its typical causes. */
  readonly causes: string;
  readonly remedy: string;
  readonly retryable: Retryable;
  /** What to know before trying again; there wherever `retryable` is not `no`. */
  readonly retry?: string;
}

export interface ErrorEntry extends EntryText {
  readonly errorClass: 'NexusError' | 'NexusTypeError' | 'NexusError or NexusTypeError';
}

export interface GatewayErrorEntry extends EntryText {
  /** HTTP status it is answered with; `0`: no request has it. */
  readonly status: string;
}
