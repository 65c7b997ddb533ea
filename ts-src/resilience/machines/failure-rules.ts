/**
 * Which rejections say something about what was called. Mistakes of the caller and calls that the caller gave up say nothing, nor does what another policy
 * refused before anything was called. These are the defaults of `isFailure`, `retryOn` and `handles`.
 */
import { NexusError, NexusTypeError } from '../../errors.js';

/** Codes of refusals: the operation was not called. */
const REFUSALS: ReadonlySet<string> = new Set(['NEXUS_CIRCUIT_OPEN', 'NEXUS_BULKHEAD_FULL']);

/** The default of breakers and retries: every rejection but mistakes of the caller and refusals of a policy within. */
export function isFailureOfCall(error: unknown): boolean {
  return !isMistakeOfCaller(error) && !(error instanceof NexusError && REFUSALS.has(error.code));
}

/** The default of fallbacks: every rejection but mistakes of the caller. */
export function isWorthFallback(error: unknown): boolean {
  return !isMistakeOfCaller(error);
}

/** A reply that does not fit what its handler declares is the mistake of the handler. */
function isMistakeOfCaller(error: unknown): boolean {
  return error instanceof NexusTypeError && error.data?.['part'] !== 'reply';
}

/** Whether whoever made the call gave it up. That its time was over, by a policy further out or by `AbortSignal.timeout`, is not that. */
export function isAbortedByCaller(abort: { readonly aborted: boolean; readonly reason: unknown } | undefined): boolean {
  if (abort?.aborted !== true) return false;
  const { reason } = abort;
  if (reason instanceof NexusError) return reason.code !== 'NEXUS_TIMEOUT';
  return !(reason instanceof DOMException && reason.name === 'TimeoutError');
}
