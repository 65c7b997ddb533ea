/** The transport over shared memory, with WebSockets beneath, passes the suite of all transports. */
import { expect, test } from 'vitest';
import { transportConformance } from '../../dist/ts-src/testing/conformance/transport-conformance.js';
import { openProcessLinks } from '../../dist/bindings/process-links.js';
import { websocketTransports } from '../integration/transport/websocket-transports.js';

const { reason } = openProcessLinks(0);

test.skipIf(reason !== undefined)('shared memory is there to be tested', () => expect(reason).toBe(undefined));

if (reason === undefined)
  for (const tls of [false, true])
    transportConformance(
      (name, run) => test(`${tls ? 'beside mutual TLS' : 'beside WebSockets in the clear'}: ${name}`, run),
      async () => websocketTransports({ sameHost: true, tls }),
    );
