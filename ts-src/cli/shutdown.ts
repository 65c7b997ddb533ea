/**
 * The end of a serving process: the first SIGTERM or SIGINT begins it, a second one ends the process at once. First the gateway, so that requests in flight
 * still find their agents, then the nexus, whose agents handle what is in their mailboxes; both share one deadline.
 */
import type { Gateway } from '../gateway/gateway.js';
import type { Logger } from '../model/agent-context.js';
import type { Nexus } from '../nexus.js';

/** The same signal again, so soon after the first: it is that one, sent to the process and to its group, as timeout(1) and some supervisors of processes do. No person is as quick. */
const SAME_SIGNAL_MS = 250;

export interface Serving {
  readonly nexus: Nexus;
  readonly gateway: Gateway;
}

/**
 * @param drainMs time for a node of a cluster to move its agents to the others; undefined: it stops with them
 * @returns `serving` is to be called when there is something to stop; a signal before that ends the process at once. `begin` is what a signal does.
 */
export function stopOnSignals(deadlineMs: number, drainMs: number | undefined, logger: Logger): { serving(serving: Serving): void; begin(): void } {
  let running: Serving | undefined;
  let stopping = false;
  let first: { readonly signal: string; readonly atMs: number } | undefined;
  const end = (serving: Serving): void => {
    stopping = true;
    stop(serving, deadlineMs, drainMs, logger).then(
      (complete) => process.exit(complete ? 0 : 1),
      (error: unknown) => {
        logger.error({ error }, 'stopping failed');
        process.exit(1);
      },
    );
  };
  const onSignal = (signal: 'SIGTERM' | 'SIGINT', number: number): void => {
    if (running === undefined) process.exit(128 + number);
    const nowMs = performance.now();
    if (first?.signal === signal && nowMs - first.atMs < SAME_SIGNAL_MS) return;
    first ??= { signal, atMs: nowMs };
    if (stopping) {
      logger.warn({ signal }, 'ended at once by a second signal');
      process.exit(128 + number);
    }
    logger.info({ signal, deadlineMs }, 'stopping');
    end(running);
  };
  process.on('SIGTERM', () => onSignal('SIGTERM', 15));
  process.on('SIGINT', () => onSignal('SIGINT', 2));
  return {
    serving(serving) {
      running = serving;
    },
    begin() {
      if (running !== undefined && !stopping) end(running);
    },
  };
}

async function stop({ nexus, gateway }: Serving, deadlineMs: number, drainMs: number | undefined, logger: Logger): Promise<boolean> {
  const startedMs = performance.now();
  const requests = await gateway.stop({ deadlineMs });
  // Unless it was fenced, or has begun to stop for another reason.
  const drained = drainMs === undefined || nexus.cluster?.standing !== 'member' || nexus.isStopping ? undefined : await nexus.drain({ deadlineMs: drainMs });
  const remainingMs = Math.max(0, deadlineMs - (performance.now() - startedMs));
  const messages = await nexus.stop({ deadlineMs: remainingMs });
  if (drained !== undefined) logger.info({ ...drained }, 'drained');
  const tookMs = Math.round(performance.now() - startedMs);
  if (requests.complete && messages.complete) {
    logger.info({ tookMs }, 'stopped');
    return true;
  }
  logger.error({ tookMs, requestsAborted: requests.aborted, messagesDiscarded: messages.discarded }, 'the deadline of the shutdown passed before all was done');
  return false;
}
