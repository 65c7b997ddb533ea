/**
 * Two threads of a nexus in one thread: two hosts over one shared memory, whose rings are read when the caller says so. Every part is the real one but for waiting. So the
 * two sides of a message can be timed apart, without what it costs to move memory from core to core.
 */
import { chooseEngine } from '../../dist/bindings/choose-engine.js';
import { createSharedMemory } from '../../dist/bindings/shared-memory.js';
import { systemClock } from '../../dist/ts-src/adapters/system-clock.js';
import { outlineOf } from '../../dist/ts-src/runtime/kind.js';
import { ThreadHost } from '../../dist/ts-src/runtime/thread-host.js';

const RING_BYTES = 1 << 20;
const quiet = {
  debug() {},
  info() {},
  warn() {},
  error(data, message) {
    throw new Error(message, { cause: data.error });
  },
};
const noEvents = {
  deadLetter() {
    throw new Error('a message was lost');
  },
  signal() {},
  agentFailed({ error }) {
    throw error;
  },
  escalated() {},
};

/** @returns {{ shared: object, hosts: readonly ThreadHost[], poll: readonly (() => boolean)[], engine: string }} `poll[thread]` takes what has arrived and handles it */
export function openLoopback(definition) {
  const shared = createSharedMemory({ threadCount: 2, recordCapacity: 1 << 14, ringBytes: RING_BYTES }, [1, 2]);
  const chosen = chooseEngine({});
  const poll = [];
  const hosts = [0, 1].map((thread) => {
    const { kind, table, waiter } = chosen.open(shared, thread, { spinMicroseconds: 0 });
    const unattended = {
      start(drain) {
        poll[thread] = drain;
      },
      // Nobody is parked: one atomic load.
      wake: (to) => waiter.wake(to),
      stop() {},
    };
    const kinds = { outlines: [outlineOf(definition, false)], definitions: new Map([[definition.kind, definition]]) };
    const options = { thread, incarnation: 0, askTimeoutMs: 5000, messageBytesMax: 1 << 26, seed: 1 };
    const host = new ThreadHost(options, shared, { kind, table, waiter: unattended }, kinds, systemClock, quiet, noEvents);
    host.open({});
    return host;
  });
  return { shared, hosts, poll, engine: `${chosen.report.kind}: ${chosen.report.reason}` };
}

/** An agent of a host, and a reference to it from any host. */
export function spawnOn(host, id) {
  const own = host.spawnHere(host.kinds.byIndex(0), id, undefined, undefined);
  return { cell: own.cell, from: (other) => (other === host ? own : other.reference(own.slot, own.generation, 0, id)) };
}
