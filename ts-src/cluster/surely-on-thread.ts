/** Calls of the calling thread of a node to its threads, until one has answered: if a thread is lost, its successor is called. Not for what agents of that thread wait for: that is lost with it. */
import { NexusError } from '../errors.js';
import type { SystemCallName, SystemCalls } from '../runtime/system-calls.js';
import type { ThreadHost } from '../runtime/thread-host.js';

const CALL_TIMEOUT_MS = 86_400_000;
/** Until the successor of a lost thread is called. */
const AGAIN_MS = 20;

/** Resolves also when nobody is left to answer. @param threadOf below 0: nobody is to be called any more */
export async function surelyOnThread<N extends SystemCallName>(
  host: ThreadHost,
  threadOf: () => number,
  name: N,
  input: Parameters<SystemCalls[N]>[0],
): Promise<void> {
  for (;;) {
    const thread = threadOf();
    if (thread < 0) return;
    try {
      if (thread > 0) await host.router.request(thread, name, input, CALL_TIMEOUT_MS, { kind: 'thread', id: String(thread) });
      else await (host.calls[name] as (call: unknown) => unknown)(input);
      return;
    } catch (error) {
      if (!(error instanceof NexusError && error.code === 'NEXUS_THREAD_LOST') || host.isStopping) return;
    }
    await new Promise<void>((resolve) => host.clock.after(AGAIN_MS, resolve));
  }
}
