/** The transport over WebSockets passes the suite of all transports, in the clear and over mutual TLS. */
import { test } from 'vitest';
import { transportConformance } from '../../dist/ts-src/testing/conformance/transport-conformance.js';
import { websocketTransports } from '../integration/transport/websocket-transports.js';

transportConformance(
  (name, run) => test(`in the clear: ${name}`, run),
  async () => websocketTransports(),
);
transportConformance(
  (name, run) => test(`over mutual TLS: ${name}`, run),
  async () => websocketTransports({ tls: true }),
);
