/**
 * One connection of the wire: frames of `ports/wire.ts` as binary messages of a WebSocket. A frame alone goes to the kernel at once; frames of one turn of the event loop that are known to follow one
 * another, and datagrams, go in one write. What is received in one turn is bounded, so that other connections have theirs. It knows nothing of what the frames mean; who is at the other end was checked before (`websocket-listener.ts`, `websocket-dial.ts`).
 */
import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';
import { NexusError } from '../../errors.js';
import type { CloseReason, Delivery, WireConnection, WireEvents } from '../../ports/wire.js';
import type { WebsocketWireLimits } from './wire-limits.js';

/** Bytes of a turn that are given to the kernel before its end, so that it has something to do meanwhile. */
const CORKED_BYTES_MAX = 131_072;
/** Received in one turn; the rest waits for the next one, so that a connection with much on it leaves turns to the others of this thread. The system would read up to 2 MiB. */
const TURN_BYTES_MAX = 262_144;
/** Idle connections are probed by TCP after this time: what has gone without a word is found in minutes. */
const KEEP_ALIVE_MS = 30_000;
/** Frames up to that size are written with their header, in one buffer. */
const JOINED_BYTES_MAX = 2048;
/** `WebSocket.OPEN`. */
const OPEN = 1;
/** First byte of a WebSocket frame: the last one of its message, which is binary. */
const FINAL_BINARY = 0x82;
/** Smaller ones are not counted for the turn: a chunk of the system's has so few of their bytes that it is over soon. */
const LARGE_FRAME_BYTES_MIN = 4096;
const GOING_AWAY = 1001;
const UNSUPPORTED_DATA = 1003;
const ABNORMAL = 1006;

export interface PeerCertificate {
  readonly names: readonly string[];
  /** Of it and of those that it was signed by: see `certificateKey`. */
  readonly keys: readonly string[];
}

export interface ConnectionNeeds {
  readonly limits: WebsocketWireLimits;
  /** This side has dialed. */
  readonly isMasked: boolean;
  /** Once, before its user is told. */
  ended(connection: WebsocketConnection, code: string | undefined): void;
}

export class WebsocketConnection implements WireConnection {
  readonly remote: string;
  readonly roomBytes: number;
  readonly certificate: PeerCertificate | undefined;
  readonly #webSocket: WebSocket;
  readonly #socket: Socket;
  readonly #needs: ConnectionNeeds;
  #events: WireEvents | undefined;
  #isOpen = true;
  /** What this side has said goodbye with. */
  #goodbye: { readonly code: number; readonly text: string } | undefined;
  #error: Error | undefined;
  #corkedBytes = 0;
  #isCorked = false;
  #isCrowded = false;
  /** Received in this turn, or since the last pause. */
  #turnBytes = 0;
  #isPaused = false;
  /** For `isStalled`: bytes and whole frames that had arrived by the last look. */
  #arrivals = { bytes: 0, frames: 0, isPartial: false };
  #frames = 0;

  constructor(webSocket: WebSocket, socket: Socket, remote: string, certificate: PeerCertificate | undefined, needs: ConnectionNeeds) {
    this.#webSocket = webSocket;
    this.#socket = socket;
    this.remote = remote;
    this.roomBytes = needs.limits.roomBytes;
    this.certificate = certificate;
    this.#needs = needs;
    this.#arrivals.bytes = socket.bytesRead;
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
    socket.setNoDelay(true);
    webSocket.on('message', (data, isBinary) => this.#received(data as Buffer, isBinary));
    webSocket.on('ping', this.#counted);
    webSocket.on('pong', this.#counted);
    webSocket.on('error', (error) => {
      this.#error ??= error;
    });
    webSocket.on('close', (code, text) => this.#closed(code, text.toString()));
  }

  get certifiedNames(): readonly string[] | undefined {
    return this.certificate?.names;
  }

  get waitingBytes(): number {
    return this.#socket.writableLength;
  }

  listen(events: WireEvents): void {
    this.#events = events;
  }

  send(bytes: Uint8Array, delivery: Delivery, moreFollows = false): void {
    if (this.#webSocket.readyState !== OPEN) return;
    const socket = this.#socket;
    const { isMasked } = this.#needs;
    if (delivery === 'datagram' && socket.writableLength > this.roomBytes) return;
    // Of datagrams nobody knows whether more follow.
    if (!this.#isCorked && (moreFollows || delivery === 'datagram')) {
      this.#isCorked = true;
      this.#corkedBytes = 0;
      socket.cork();
      process.nextTick(this.#uncork);
    }
    // Past the sender of ws, which would take four objects and two buffers for each frame; it shares the socket for its own frames, which are whole as well.
    if (bytes.length <= JOINED_BYTES_MAX) {
      const frame = frameWith(bytes, isMasked);
      // Alone it cannot crowd the socket; a callback would cost a tick, even where the system takes all at once.
      if (socket.writableLength === 0) socket.write(frame);
      else socket.write(frame, this.#written);
    } else {
      socket.cork();
      socket.write(frameHeader(bytes.length, isMasked, 0));
      socket.write(bytes, this.#written);
      socket.uncork();
    }
    this.#corkedBytes += bytes.length;
    if (this.#isCorked && this.#corkedBytes > CORKED_BYTES_MAX) {
      this.#corkedBytes = 0;
      socket.uncork();
      socket.cork();
    }
    if (socket.writableLength > this.roomBytes) this.#isCrowded = true;
  }

  close(code: number, text: string): void {
    if (!this.#isOpen || this.#goodbye !== undefined) return;
    this.#goodbye = { code, text };
    this.#webSocket.close(code, text);
  }

  terminate(): void {
    this.#goodbye ??= { code: ABNORMAL, text: 'ended at once' };
    this.#webSocket.terminate();
  }

  /** Called every `frameTimeoutMs`: whether bytes have come since the last two looks, and no whole frame among them. */
  isStalled(): boolean {
    const bytes = this.#socket.bytesRead;
    const isPartial = this.#frames === this.#arrivals.frames && bytes !== this.#arrivals.bytes;
    const isStalled = isPartial && this.#arrivals.isPartial;
    this.#arrivals = { bytes, frames: this.#frames, isPartial };
    return isStalled;
  }

  /** Ends it at once because of what the peer did, or is. */
  refuse(error: NexusError): void {
    this.#error ??= error;
    this.#webSocket.terminate();
  }

  /** For the end of the wire. */
  goAway(): void {
    this.close(GOING_AWAY, 'this node is going away');
  }

  readonly #uncork = (): void => {
    this.#isCorked = false;
    this.#corkedBytes = 0;
    this.#socket.uncork();
  };

  /** After a write, whatever became of it: an error comes with the end of the connection. */
  readonly #written = (): void => {
    if (!this.#isCrowded || this.#socket.writableLength > this.roomBytes) return;
    this.#isCrowded = false;
    // In a turn of its own: whoever sends more at once would fill the buffers of the system before anything else of this thread has its turn.
    setImmediate(this.#drained);
  };

  readonly #drained = (): void => {
    if (this.#isOpen) this.#events?.drained();
  };

  readonly #counted = (): void => {
    this.#frames++;
  };

  #received(bytes: Buffer, isBinary: boolean): void {
    this.#frames++;
    if (bytes.length > LARGE_FRAME_BYTES_MIN) this.#limitTurn(bytes.length);
    if (isBinary) {
      // What its user has said goodbye to may still be on its way.
      if (this.#goodbye === undefined) this.#events?.received(bytes);
      return;
    }
    this.#error ??= new NexusError('NEXUS_FRAME_INVALID', `${this.remote} sent text, where nodes send bytes`, { data: { remote: this.remote } });
    this.#webSocket.close(UNSUPPORTED_DATA, 'text is not understood');
  }

  #limitTurn(bytes: number): void {
    if (this.#turnBytes === 0) setImmediate(this.#nextTurn);
    this.#turnBytes += bytes;
    if (this.#turnBytes <= TURN_BYTES_MAX || this.#isPaused) return;
    this.#isPaused = true;
    this.#webSocket.pause();
  }

  readonly #nextTurn = (): void => {
    this.#turnBytes = 0;
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#webSocket.resume();
  };

  #closed(code: number, text: string): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    const error = this.#error === undefined ? undefined : errorOf(this.#error, this.remote);
    this.#needs.ended(this, error instanceof NexusError ? error.code : undefined);
    this.#events?.closed(this.#reason(code, text, error));
  }

  #reason(code: number, text: string, error: Error | undefined): CloseReason {
    if (error !== undefined) return { type: 'failed', error };
    if (this.#goodbye !== undefined) return { type: 'closed', byPeer: false, ...this.#goodbye };
    if (code !== ABNORMAL) return { type: 'closed', byPeer: true, code, text };
    return { type: 'failed', error: new Error(`the connection to ${this.remote} ended without a word`) };
  }
}

/** The header of RFC 6455 of one binary message, with `added` bytes of room after it. Those who dial must mask, and do it with zeros: see `websocket-dial.ts`. */
function frameHeader(length: number, isMasked: boolean, added: number): Buffer {
  const lengthBytes = length < 126 ? 0 : length < 65_536 ? 2 : 8;
  const size = 2 + lengthBytes + (isMasked ? 4 : 0);
  const header = Buffer.allocUnsafe(size + added);
  header[0] = FINAL_BINARY;
  header[1] = (isMasked ? 0x80 : 0) | (lengthBytes === 0 ? length : lengthBytes === 2 ? 126 : 127);
  if (lengthBytes === 2) header.writeUInt16BE(length, 2);
  else if (lengthBytes === 8) header.writeBigUInt64BE(BigInt(length), 2);
  for (let at = 2 + lengthBytes; at < size; at++) header[at] = 0;
  return header;
}

/** In one buffer: two cost more than the copy. */
function frameWith(bytes: Uint8Array, isMasked: boolean): Buffer {
  const frame = frameHeader(bytes.length, isMasked, bytes.length);
  frame.set(bytes, frame.length - bytes.length);
  return frame;
}

/** What ws finds wrong with a frame has a code of its own; everything else is an error of the network. */
function errorOf(error: Error, remote: string): Error {
  const code = (error as NodeJS.ErrnoException).code;
  if (error instanceof NexusError || !code?.startsWith('WS_ERR_')) return error;
  return new NexusError('NEXUS_FRAME_INVALID', `${remote} broke the WebSocket protocol: ${error.message}`, { cause: error, data: { remote, detail: code } });
}
