/**
 * The answer to a request for a WebSocket that is not to be: an ordinary error, written by hand, because Node has given the connection away. Nobody else watches
 * over that connection any more: a client that does not end its side of it would keep it open, and with it `gateway.stop`.
 */
import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { CONSOLE_HEADERS } from '../console/security-headers.js';
import type { Answer } from './answer.js';

/** How long the client may take to take the answer and to end its side. Closing at once would destroy the answer on its way. */
const LINGER_MS = 1000;

export function refuseUpgrade(stream: Duplex, { status, body, contentType, headers }: Answer): void {
  const all = {
    'content-type': contentType,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    ...CONSOLE_HEADERS,
    ...headers,
    connection: 'close',
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}`);
  const timer = setTimeout(() => stream.destroy(), LINGER_MS);
  // What the client goes on to send is thrown away; its end is not seen otherwise.
  stream.once('close', () => clearTimeout(timer)).resume();
  stream.end(Buffer.concat([Buffer.from(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('\r\n')}\r\n\r\n`), Buffer.from(body)]));
}
