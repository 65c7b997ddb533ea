/** What a connection does within one turn of the event loop, which the other connections of the thread wait for. */
import { expect, test } from 'vitest';
import type { WireConnection } from '../../../dist/ts-src/ports/wire.js';
import { HOST, websocketNetwork } from './websocket-network.js';

const FRAME_BYTES = 65_536;
const FRAMES = 160;
/** That of `websocket-connection.ts`, and what the system may have read by then. */
const TURN_BYTES_MAX = 262_144 + 2 * FRAME_BYTES;

for (const certificates of [[], ['node-a', 'node-b']])
  test(`${certificates.length === 0 ? 'in the clear' : 'over mutual TLS'}, a connection with much on it leaves turns to the others, and nothing of it is lost`, async () => {
    const network = websocketNetwork(certificates);
    let turnBytes = 0;
    let turnBytesMax = 0;
    let frames = 0;
    let isWrong = false;
    let dialed: WireConnection | undefined;
    try {
      const { wire: server } = network.open();
      const { wire: client } = network.open();
      const listener = await server.listen({ host: HOST, port: 0 }, (connection) =>
        connection.listen({
          received(bytes) {
            if (turnBytes === 0) setImmediate(() => (turnBytes = 0));
            turnBytes += bytes.length;
            turnBytesMax = Math.max(turnBytesMax, turnBytes);
            isWrong ||= bytes.length !== FRAME_BYTES || bytes[0] !== frames % 251 || bytes[FRAME_BYTES - 1] !== frames % 251;
            frames++;
          },
          drained: () => undefined,
          closed: () => undefined,
        }),
      );
      client.dial(listener.address, 5_000, { opened: (connection) => (dialed = connection), failed: (error) => expect.fail(error.message) });
      await network.until(() => dialed !== undefined);
      dialed?.listen({ received: () => undefined, drained: () => undefined, closed: () => undefined });
      for (let index = 0; index < FRAMES; index++) dialed?.send(new Uint8Array(FRAME_BYTES).fill(index % 251), 'ordered', true);
      // Also when it is ended before the other side has read it.
      dialed?.close(4_000, 'done');
      await network.until(() => frames === FRAMES);
      expect(isWrong).toBe(false);
      expect(turnBytesMax).toBeLessThanOrEqual(TURN_BYTES_MAX);
    } finally {
      await network.close();
    }
  });
