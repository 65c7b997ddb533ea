/** The WebSocket wire passes the suite of all wires, in the clear and over mutual TLS. */
import { test } from 'vitest';
import { wireConformance } from '../../dist/ts-src/testing/conformance/wire-conformance.js';
import { websocketNetwork } from '../integration/transport/websocket-network.js';

wireConformance(
  (name, run) => test(`in the clear: ${name}`, run),
  async () => websocketNetwork(),
);
wireConformance(
  (name, run) => test(`over mutual TLS: ${name}`, run),
  async () => websocketNetwork(['node-a', 'node-b']),
);
