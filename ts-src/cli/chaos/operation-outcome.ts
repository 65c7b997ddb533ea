/** What an answer of the gateway, or none, says about an operation: whether it has happened, has certainly not, or nobody knows. Pure. Whoever errs here towards `failed` sees mistakes where there are none. */

export interface Answer {
  /** `ok` in the place of a code where it was answered. */
  readonly code: string;
  readonly outcome: 'ok' | 'failed' | 'unknown';
}

/** Codes of errors that come before the agent has had the message. All others may come after. */
const CERTAINLY_NOT: ReadonlySet<string> = new Set([
  'NEXUS_NODE_UNREACHABLE',
  'NEXUS_BACKPRESSURE',
  'NEXUS_MAILBOX_FULL',
  'NEXUS_ASKS_TOO_MANY',
  'NEXUS_TABLE_FULL',
  'NEXUS_REGISTRY_TIMEOUT',
  'NEXUS_SPAWN_TIMEOUT',
  'NEXUS_START_FAILED',
  'NEXUS_KIND_UNKNOWN',
  'GATEWAY_BUSY',
  'GATEWAY_STOPPING',
  // The connection was refused.
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
]);

/** Of a code that came in the place of a reply. What only reads has happened or not, and it does not matter which. */
export function outcomeOf(code: string, isRead: boolean): Answer {
  return { code, outcome: isRead || CERTAINLY_NOT.has(code) ? 'failed' : 'unknown' };
}
