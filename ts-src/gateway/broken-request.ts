/** Answers what Node's HTTP parser does not make a request of: bytes that are no HTTP, headers that are too large, requests that do not arrive in time. */
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { errorAnswer } from './error-answer.js';
import { GatewayError } from './gateway-error.js';

/** @param isAnswering an answer has begun on this connection, so that another one would be read as part of it. */
export function answerBrokenRequest(error: NodeJS.ErrnoException, socket: Socket, isAnswering: boolean): void {
  const answer = errorAnswer(refusal(error));
  if (error.code === 'ECONNRESET' || !socket.writable || isAnswering || answer === undefined) {
    socket.destroy();
    return;
  }
  const head = [
    `HTTP/1.1 ${answer.status} ${STATUS_CODES[answer.status]}`,
    `content-type: ${answer.contentType}`,
    `content-length: ${Buffer.byteLength(answer.body)}`,
    'connection: close',
  ];
  socket.write(`${head.join('\r\n')}\r\n\r\n${answer.body}`);
  socket.destroySoon();
}

function refusal(error: NodeJS.ErrnoException): GatewayError {
  switch (error.code) {
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new GatewayError(
        'GATEWAY_REQUEST_TIMEOUT',
        408,
        'the request did not arrive in time: its headers have headersTimeoutMs, the whole has requestTimeoutMs',
      );
    case 'HPE_HEADER_OVERFLOW':
      return new GatewayError('GATEWAY_REQUEST_INVALID', 431, 'the headers, with the URL, are too large; Node takes 16 KiB');
    case 'HPE_CHUNK_EXTENSIONS_OVERFLOW':
      return new GatewayError('GATEWAY_REQUEST_INVALID', 413, 'the chunk extensions are too large');
    default:
      return new GatewayError('GATEWAY_REQUEST_INVALID', 400, 'this is not an HTTP request; the gateway speaks HTTP/1.1 without TLS');
  }
}
