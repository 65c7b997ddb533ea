/** The body of a request: its headers checked, read up to a limit, parsed if it is JSON. A body that is too large is not read any further. */
import { quoted } from '../errors.js';
import type { IncomingMessage } from 'node:http';
import { GatewayError } from './gateway-error.js';
import { parseJsonInput } from './json-input.js';

const JSON_TYPE = /^application\/(?:json|[\w.!#$&^+-]+\+json)$/i;

/**
 * The value in the body; undefined if there is none, or only white space.
 * @param beforeRead called when the body is acceptable by its headers: tells a client that waits for `100 Continue`.
 * @throws GatewayError GATEWAY_CONTENT_TYPE, GATEWAY_BODY_TOO_LARGE, GATEWAY_BODY_INVALID, GATEWAY_CLIENT_GONE
 */
export async function readJsonBody(request: IncomingMessage, bytesMax: number, beforeRead: () => void): Promise<unknown> {
  if (!hasBody(request)) return undefined;
  checkType(request.headers['content-type']);
  return jsonOf((await readBody(request, bytesMax, beforeRead)) as Buffer);
}

/**
 * The bytes of the body, whatever its type; undefined if there is none.
 * @throws GatewayError GATEWAY_CONTENT_TYPE for a compressed one, GATEWAY_BODY_TOO_LARGE, GATEWAY_CLIENT_GONE
 */
export async function readBody(request: IncomingMessage, bytesMax: number, beforeRead: () => void): Promise<Buffer | undefined> {
  if (!hasBody(request)) return undefined;
  const { headers } = request;
  const encoding = headers['content-encoding'];
  if (encoding !== undefined && encoding.toLowerCase() !== 'identity') {
    throw new GatewayError('GATEWAY_CONTENT_TYPE', 415, `content-encoding ${quoted(String(encoding))} is not taken; send the body as it is`);
  }
  if (Number(headers['content-length'] ?? 0) > bytesMax) throw tooLarge(bytesMax);
  beforeRead();
  return readAll(request, bytesMax);
}

/** The value in bytes of JSON; undefined if there is only white space. @throws GatewayError GATEWAY_BODY_INVALID */
export function jsonOf(bytes: Uint8Array): unknown {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new GatewayError('GATEWAY_BODY_INVALID', 422, 'the body is not UTF-8; send JSON in UTF-8', { cause });
  }
  return text.trim() === '' ? undefined : parseJsonInput(text);
}

/** No content type at all is taken for JSON. */
function checkType(contentType: string | undefined): void {
  if (contentType === undefined) return;
  const [type, ...parameters] = contentType.split(';').map((part) => part.trim());
  const charset = parameters.find((parameter) => /^charset=/i.test(parameter))?.slice('charset='.length);
  if (!JSON_TYPE.test(type as string) || (charset !== undefined && !/^"?utf-?8"?$/i.test(charset))) {
    throw new GatewayError('GATEWAY_CONTENT_TYPE', 415, `content-type ${quoted(String(contentType))} is not taken; send JSON in UTF-8 as application/json`, {
      headers: { accept: 'application/json' },
    });
  }
}

function hasBody({ headers }: IncomingMessage): boolean {
  const announced = headers['content-length'];
  return announced === undefined ? headers['transfer-encoding'] !== undefined : Number(announced) !== 0;
}

function readAll(request: IncomingMessage, bytesMax: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const gone = (cause?: unknown): GatewayError => new GatewayError('GATEWAY_CLIENT_GONE', 499, 'the request ended before its body was complete', { cause });
    if (request.destroyed) return reject(gone());
    const chunks: Buffer[] = [];
    let bytes = 0;
    const done = (): void => {
      request.off('data', onData).off('end', onEnd).off('close', onClose).off('error', onClose);
    };
    const onData = (chunk: Buffer): void => {
      bytes += chunk.length;
      if (bytes <= bytesMax) {
        chunks.push(chunk);
        return;
      }
      done();
      request.pause();
      reject(tooLarge(bytesMax));
    };
    const onEnd = (): void => {
      done();
      resolve(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks, bytes));
    };
    const onClose = (cause?: unknown): void => {
      done();
      reject(gone(cause));
    };
    request.on('data', onData).on('end', onEnd).on('close', onClose).on('error', onClose);
  });
}

function tooLarge(bytesMax: number): GatewayError {
  return new GatewayError('GATEWAY_BODY_TOO_LARGE', 413, `the body is larger than ${bytesMax} bytes; send less, or raise the option bodyBytesMax`, {
    data: { bytesMax },
  });
}
