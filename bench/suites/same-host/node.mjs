/** A node of the benchmark: a transport as a nexus has it, with shared memory or without, and nothing else. */
import { openProcessLinks } from '../../../dist/bindings/process-links.js';
import { systemClock } from '../../../dist/ts-src/adapters/system-clock.js';
import { createWebsocketWire } from '../../../dist/ts-src/adapters/websocket/websocket-wire.js';
import { openTransport } from '../../../dist/ts-src/cluster/transport/session-transport.js';
import { HOST } from '../transport/open-transport.mjs';

const SPIN_MICROSECONDS = 20;
const logger = { debug() {}, info() {}, warn: console.error, error: console.error };

/** @param {boolean} shares */
export async function openNode(name, shares) {
  const self = { name, incarnation: 1 };
  const wire = createWebsocketWire({ logger, clock: systemClock });
  const surroundings = { clock: systemClock, random: Math.random, wire, ...(shares ? { sameHost: openProcessLinks(SPIN_MICROSECONDS) } : {}) };
  return openTransport({ self: () => self, cluster: 'bench', listen: { host: HOST, port: 0 }, logger, events: { opened() {}, closed() {} } }, surroundings);
}
