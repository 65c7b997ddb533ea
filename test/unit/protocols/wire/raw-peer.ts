/** A peer made by hand: it can say what no session would. Dials or answers like a node, then makes frames with a right checksum and number, or wrong ones on purpose. */
import { checksum, frameOf, FrameType, frameSalt, writeU32 } from '../../../../dist/ts-src/protocols/wire/frame-format.js';
import { decodeHandshake, encodeHandshake, type Introduction } from '../../../../dist/ts-src/protocols/wire/handshake-messages.js';

export interface RawMessage {
  readonly channel?: number;
  readonly kind?: number;
  readonly payload: Uint8Array;
  /** Instead of that of the payload. */
  readonly length?: number;
  readonly rawBytes?: number;
  readonly fingerprint?: number;
}

export interface RawFragment {
  readonly channel?: number;
  readonly kind?: number;
  readonly total: number;
  readonly offset: number;
  readonly rawBytes?: number;
  readonly fingerprint?: number;
  readonly chunk: Uint8Array;
  readonly isLast?: boolean;
  readonly lane?: number;
}

export class RawPeer {
  readonly nonce: Uint8Array;
  readonly overrides: Partial<Introduction>;
  #sequence = 0;
  #salt = 0;
  /** What the node says of itself. */
  node: Introduction | undefined;

  constructor(overrides: Partial<Introduction> = {}, nonceByte = 0x55) {
    this.nonce = new Uint8Array(16).fill(nonceByte);
    this.overrides = overrides;
  }

  introduction(): Introduction {
    return {
      ...{
        versionMin: 1,
        versionMax: 1,
        purpose: 'data',
        cluster: 'test',
        clusterId: undefined,
        identity: { name: 'raw', incarnation: 1 },
        expected: undefined,
      },
      ...{ address: { host: '127.0.0.1', port: 9 }, nonce: this.nonce, frameBytes: 65_536, messageBytes: 67_108_864, features: 1, littleEndian: true },
      credit: { normal: { bytes: 4_194_304, messages: 65_536 }, bulk: { bytes: 4_194_304, messages: 65_536 } },
      ...this.overrides,
    };
  }

  hello(): Uint8Array {
    return encodeHandshake({ type: 'hello', introduction: this.introduction() });
  }

  /** What is said to the welcome of a node. */
  confirm(welcome: Uint8Array): Uint8Array {
    const message = decodeHandshake(welcome);
    if (message.type !== 'welcome') throw new Error(`no welcome: ${JSON.stringify(message)}`);
    this.node = message.introduction;
    this.#salt = frameSalt(this.nonce, message.introduction.nonce, true);
    return encodeHandshake({ type: 'confirm', echo: message.introduction.nonce });
  }

  /** What is said to the hello of a node. */
  welcome(hello: Uint8Array, { echo, version = 1 }: { readonly echo?: Uint8Array; readonly version?: number } = {}): Uint8Array {
    const message = decodeHandshake(hello);
    if (message.type !== 'hello') throw new Error('no hello');
    this.node = message.introduction;
    this.#salt = frameSalt(message.introduction.nonce, this.nonce, false);
    return encodeHandshake({ type: 'welcome', version, echo: echo ?? message.introduction.nonce, introduction: this.introduction() });
  }

  frame(
    type: number,
    body: Uint8Array,
    { lane = 0, flags = 0, sequence = this.#sequence++ }: { lane?: number; flags?: number; sequence?: number } = {},
  ): Uint8Array {
    return frameOf(type, lane, flags, sequence, this.#salt, body);
  }

  batch(messages: readonly RawMessage[], lane = 1): Uint8Array {
    return this.frame(FrameType.batch, joined(...messages.map(messageBytes)), { lane });
  }

  /** One message whose value is encoded as in a stream. */
  value(...payload: number[]): Uint8Array {
    return this.batch([{ payload: Uint8Array.from(payload) }]);
  }

  fragment({ channel = 1, kind = 1, total, offset, rawBytes = 0, fingerprint = 0, chunk, isLast = false, lane = 2 }: RawFragment): Uint8Array {
    const head = new Uint8Array(18);
    head[0] = channel;
    head[1] = kind;
    writeU32(head, 2, total);
    writeU32(head, 6, offset);
    writeU32(head, 10, rawBytes);
    writeU32(head, 14, fingerprint);
    return this.frame(FrameType.fragment, joined(head, chunk), { lane, flags: isLast ? 1 : 0 });
  }

  datagram(body: Uint8Array): Uint8Array {
    return this.frame(FrameType.datagram, body, { sequence: 0 });
  }
}

/** Changes a frame of the handshake and makes its checksum right again. */
export function withChecksum(frame: Uint8Array, change: (body: Uint8Array) => Uint8Array): Uint8Array {
  const body = change(frame.slice(0, -4));
  const sum = new Uint8Array(4);
  writeU32(sum, 0, checksum(body));
  return joined(body, sum);
}

export function joined(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

export function bytesOf(...values: (number | string | readonly number[] | Uint8Array)[]): Uint8Array {
  return joined(...values.map((value) => (typeof value === 'string' ? Buffer.from(value) : Uint8Array.from(typeof value === 'number' ? [value] : value))));
}

function messageBytes({ channel = 1, kind = 0, payload, length = payload.length, rawBytes, fingerprint }: RawMessage): Uint8Array {
  const head = new Uint8Array(6 + (rawBytes === undefined ? 0 : 4) + (fingerprint === undefined ? 0 : 4));
  head[0] = channel;
  head[1] = kind;
  writeU32(head, 2, length);
  if (rawBytes !== undefined) writeU32(head, 6, rawBytes);
  if (fingerprint !== undefined) writeU32(head, head.length - 4, fingerprint);
  return joined(head, payload);
}
