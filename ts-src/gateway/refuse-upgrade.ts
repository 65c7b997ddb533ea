/** The answer to a request for a WebSocket that is not to be: an ordinary error, written by hand, because Node has given the connection away. */
import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { CONSOLE_HEADERS } from '../console/security-headers.js';
import type { Answer } from './answer.js';

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
  stream.end(Buffer.concat([Buffer.from(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('\r\n')}\r\n\r\n`), Buffer.from(body)]));
}
