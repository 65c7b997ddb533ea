/** Waits until what a thread has told the other threads is known to the other nodes too: through the calling thread, which tells them. */
import type { ThreadHost } from '../thread-host.js';

const TIMEOUT_MS = 86_400_000;

/** Resolves when the other members know it, all of them or those that can be reached; also when there is nobody to know it. Nothing to wait for where there are no nodes. */
export function nodesKnow(host: ThreadHost, isReachableOnly: boolean): Promise<unknown> | undefined {
  if (host.remote === undefined) return undefined;
  if (host.thread === 0) return host.nodesKnow?.(isReachableOnly);
  return host.router.request(0, 'nodesKnow', { isReachableOnly }, TIMEOUT_MS, { kind: 'thread', id: '0' });
}
