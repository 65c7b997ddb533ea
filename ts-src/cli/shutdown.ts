/**
 * The end of a serving process: the first SIGTERM or SIGINT begins it, a second one ends the process at once. First the gateway, so that requests in flight
 * still find their agents, then the nexus, whose agents handle what is in their mailboxes; both share one deadline.
 */
import type { Gateway } from '../gateway/gateway.js';
import type { Logger } from '../model/agent-context.js';
import type { Nexus } from '../nexus.js';

export interface Serving {
  readonly nexus: Nexus;
  readonly gateway: Gateway;
}

/** @returns `serving` is to be called when there is something to stop; a signal before that ends the process at once. */
export function stopOnSignals(deadlineMs: number, logger: Logger): { serving(serving: Serving): void } {
  let running: Serving | undefined;
  let stopping = false;
  const onSignal = (signal: 'SIGTERM' | 'SIGINT', number: number): void => {
    if (running === undefined) process.exit(128 + number);
    if (stopping) {
      logger.warn({ signal }, 'ended at once by a second signal');
      process.exit(128 + number);
    }
    stopping = true;
    logger.info({ signal, deadlineMs }, 'stopping');
    stop(running, deadlineMs, logger).then(
      (complete) => process.exit(complete ? 0 : 1),
      (error: unknown) => {
        logger.error({ error }, 'stopping failed');
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', () => onSignal('SIGTERM', 15));
  process.on('SIGINT', () => onSignal('SIGINT', 2));
  return {
    serving(serving) {
      running = serving;
    },
  };
}

async function stop({ nexus, gateway }: Serving, deadlineMs: number, logger: Logger): Promise<boolean> {
  const startedMs = performance.now();
  const requests = await gateway.stop({ deadlineMs });
  const remainingMs = Math.max(0, deadlineMs - (performance.now() - startedMs));
  const messages = await nexus.stop({ deadlineMs: remainingMs });
  const tookMs = Math.round(performance.now() - startedMs);
  if (requests.complete && messages.complete) {
    logger.info({ tookMs }, 'stopped');
    return true;
  }
  logger.error({ tookMs, requestsAborted: requests.aborted, messagesDiscarded: messages.discarded }, 'the deadline of the shutdown passed before all was done');
  return false;
}
