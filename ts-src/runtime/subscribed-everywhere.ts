/** `nexus.subscribed`: every thread knows what has been subscribed to so far on each of them. */
import { runtimeOf } from './nexus-shutdown.js';
import type { ThreadHost } from './thread-host.js';

/** Longer than anybody waits for a thread that is blocked. */
const TIMEOUT_MS = 86_400_000;

export async function subscribedEverywhere(host: ThreadHost, workers: readonly number[]): Promise<void> {
  const others = workers.map((thread) => host.router.request(thread, 'subscribed', undefined, TIMEOUT_MS, runtimeOf(thread)));
  // A thread that is lost meanwhile says it all anew.
  await Promise.all([host.signals.subscribed(), ...others.map((other) => other.catch(() => undefined))]);
}
