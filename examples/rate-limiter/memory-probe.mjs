/**
 * Measures memory honestly: after a garbage collection, on every thread. An agent on each thread does it, because the heap of a thread is only seen from within.
 * For measuring only: agents of a service need nothing like it.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { defineAgent } from 'nexus-agents';

export const PROBE_MODULE = new URL(import.meta.url);

export const MemoryProbe = defineAgent({
  kind: 'memory-probe',
  state: () => ({}),
  actions: {
    heapBytes: () => {
      collectGarbage();
      return process.memoryUsage().heapUsed;
    },
  },
});

/** @typedef {{ heapBytes: number, rssBytes: number }} MemoryUse `heapBytes`: live objects of all threads; `rssBytes`: physical memory of the process */

/**
 * @param {import('nexus-agents').Nexus} nexus with the module `PROBE_MODULE`
 * @returns {Promise<() => Promise<MemoryUse>>} measures, as often as it is called
 */
export async function createMemoryProbe(nexus) {
  const probes = await Promise.all(
    Array.from({ length: nexus.threadCount }, (_, thread) => nexus.getOrSpawn(MemoryProbe, `memory-probe/${thread}`, { thread })),
  );
  return async () => {
    let heapBytes = 0;
    // One after the other: they would only take the cores from each other.
    for (const probe of probes) heapBytes += await probe.ask('heapBytes', undefined, { timeoutMs: 30_000 });
    return { heapBytes, rssBytes: process.memoryUsage.rss() };
  };
}

/** @type {(() => void) | undefined} */
let gc;

function collectGarbage() {
  if (gc === undefined) {
    setFlagsFromString('--expose-gc');
    gc = /** @type {() => void} */ (runInNewContext('gc'));
  }
  gc();
}
