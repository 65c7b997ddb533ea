/** Until when the threads of a node may run, which its membership writes into the shared memory: then no handler begins any more, whoever has been told that the node is fenced. */
import * as L from '../../layout/generated/layout.js';
import type { SharedMemory } from '../../bindings/shared-memory.js';
import type { Clock } from '../ports/clock.js';

export function isRunOver({ shared, clock }: { readonly shared: SharedMemory; readonly clock: Clock }): boolean {
  const runUntilMs = shared.doubles[L.HEADER_WORD_RUN_UNTIL / 2] as number;
  // Nodes of clusters alone pay for a look at the clock.
  return runUntilMs !== Number.POSITIVE_INFINITY && clock.nowMs() > runUntilMs;
}
