/**
 * Who dials through the proxy, read from what it sends: the request of the WebSocket, then the frame that holds the hello of the session. For where the address of a caller says nothing, because all nodes are on one host.
 * Bytes go on as they came; this only looks.
 */
import { decodeHandshake } from '../../../protocols/wire/handshake-messages.js';

/** Whoever has not said its name by then is nobody. */
const BYTES_MAX = 16_384;

export class CallerName {
  #bytes = Buffer.alloc(0);
  #isOver = false;

  /** The name, once; undefined while it is not known. */
  take(chunk: Buffer): string | undefined {
    if (this.#isOver) return undefined;
    this.#bytes = Buffer.concat([this.#bytes, chunk]);
    const headEnd = this.#bytes.indexOf('\r\n\r\n');
    const name = headEnd < 0 ? undefined : nameIn(this.#bytes.subarray(headEnd + 4));
    this.#isOver = name !== undefined || this.#bytes.length > BYTES_MAX;
    if (this.#isOver) this.#bytes = Buffer.alloc(0);
    return name;
  }
}

/** Of the first frame of a WebSocket client, if it is there as a whole. */
function nameIn(bytes: Buffer): string | undefined {
  if (bytes.length < 2) return undefined;
  const short = (bytes[1] as number) & 0x7f;
  const start = short === 126 ? 8 : 6;
  if (short === 127 || bytes.length < start) return undefined;
  const length = short === 126 ? bytes.readUInt16BE(2) : short;
  if (bytes.length < start + length) return undefined;
  const mask = bytes.subarray(start - 4, start);
  const payload = bytes.subarray(start, start + length).map((byte, index) => byte ^ (mask[index & 3] as number));
  try {
    const message = decodeHandshake(payload);
    return message.type === 'hello' ? message.introduction.identity.name : undefined;
  } catch {
    // Somebody else: no fault is about it.
    return undefined;
  }
}
