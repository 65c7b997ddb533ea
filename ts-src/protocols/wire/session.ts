/**
 * The session between two nodes over one connection: handshake, then frames. A machine without I/O: bytes of the connection go in with the time, events come out; messages go in, and frames come out
 * when they are asked for (`nextFrame`), so that what is more urgent goes first until the last moment. Used by the transport and by the control connections of the membership, which bring
 * connections, clocks and nonces. Nothing that the other side sends makes it throw.
 */
import { NexusError } from '../../errors.js';
import type { Shape } from '../../model/shape.js';
import { DATAGRAM_BYTES_MAX } from '../../ports/datagrams.js';
import { type Lane, LANES } from '../../ports/transport.js';
import { ByteReader } from '../bytes/byte-reader.js';
import { ByteWriter } from '../bytes/byte-writer.js';
import { checkFrame, frameOf, FrameType, frameSalt, HEADER_BYTES, readU32, violation } from './frame-format.js';
import { Handshake, type HandshakeStep, sameBytes } from './handshake.js';
import { cutText, FEATURE_BROTLI, FEATURE_SUPERSEDED, type Introduction, isHandshakeFrame, NONCE_BYTES } from './handshake-messages.js';
import { IncomingLane } from './incoming-lane.js';
import { Keepalive } from './keepalive.js';
import { OutgoingLanes } from './outgoing-lanes.js';
import { refusalError } from './refusal.js';
import {
  GOODBYE_REASONS,
  type GoodbyeReason,
  type LaneProgress,
  type SessionEvents,
  type SessionOptions,
  type SessionStart,
  type SessionStatistics,
} from './session-events.js';
import { PROTOCOL_VERSION_MAX, PROTOCOL_VERSION_MIN, REASON_BYTES_MAX, SUPERSEDED_MAX } from './wire-limits.js';

/** What a session that is open has beside one that is not. */
interface OpenSession {
  readonly outgoingSalt: number;
  readonly incomingSalt: number;
  readonly keepalive: Keepalive;
  readonly incoming: readonly IncomingLane[];
  /** Both sides understand which sessions are superseded. */
  readonly supersedes: boolean;
}

type Standing =
  | { readonly type: 'idle' }
  | { readonly type: 'handshaking'; readonly handshake: Handshake; readonly start: SessionStart; readonly deadlineMs: number }
  | ({ readonly type: 'open' } & OpenSession)
  | { readonly type: 'closed' };

export class Session {
  readonly #options: SessionOptions;
  readonly #events: SessionEvents;
  readonly #outgoing: OutgoingLanes;
  #standing: Standing = { type: 'idle' };
  #id: Uint8Array | undefined;
  /** Frames of the handshake, and the last words of a session: before all others. */
  #ready: Uint8Array[] = [];
  #sentSequence = 0;
  #receivedSequence = 0;
  #pong: number | undefined;
  /** What the other side is to be told before any other message. */
  #superseded: Uint8Array[] = [];
  #receiptDueMs = Number.POSITIVE_INFINITY;
  #fragmentDueMs = Number.POSITIVE_INFINITY;
  /** A graceful end: when it has to be done, whose goodbyes were said. */
  #finishing: { deadlineMs: number; saidGoodbye: boolean } | undefined;
  #peerSaidGoodbye = false;
  readonly #counts = { sentFrames: 0, sentBytes: 0, receivedFrames: 0, receivedBytes: 0, receivedMessages: 0, refusedMessages: 0, droppedDatagrams: 0 };

  constructor(options: SessionOptions, events: SessionEvents) {
    this.#options = options;
    this.#events = events;
    this.#outgoing = new OutgoingLanes(options.codec, options.limits);
  }

  get isOpen(): boolean {
    return this.#standing.type === 'open';
  }

  /** What both sides call it: the nonce of its dialler. Undefined before it is known; it stays when the session has ended. */
  get id(): Uint8Array | undefined {
    return this.#id;
  }

  isOneOf(sessions: readonly Uint8Array[]): boolean {
    const id = this.#id;
    return id !== undefined && sessions.some((each) => sameBytes(each, id));
  }

  /** There is a connection. A session whose handshake has failed may be started again, on another one: what waits in it stays. */
  start(start: SessionStart, nowMs: number): void {
    if (this.#standing.type !== 'idle') throw new TypeError('the session has been started');
    const { accept, serverName, limits } = this.#options;
    const handshake = new Handshake({
      ...{ role: start.role, introduction: this.#introduction(start), certifiedNames: start.certifiedNames, serverName, accept },
    });
    this.#id = handshake.diallerNonce;
    this.#ready = [];
    const hello = handshake.begin();
    if (hello !== undefined) this.#ready.push(hello);
    this.#standing = { type: 'handshaking', handshake, start, deadlineMs: nowMs + limits.handshakeMs };
  }

  /**
   * Before the session is open, messages wait in it. Encoded before the call returns.
   *
   * @param channel 0 to 255
   * @throws NexusTypeError NEXUS_NOT_CLONEABLE, NEXUS_SHAPE_MISMATCH; NexusError NEXUS_MESSAGE_TOO_LARGE: then nothing was sent
   */
  send(lane: Lane, channel: number, value: unknown, shape?: Shape): 'accepted' | 'full' | 'closed' {
    if (this.#standing.type === 'closed' || this.#finishing !== undefined) return 'closed';
    return this.#outgoing.send(lane, channel, value, shape) ? 'accepted' : 'full';
  }

  /** The other side learns that these sessions with it have ended here, before it has any message that is sent from now on. Those that do not understand it are not told. */
  supersede(sessions: readonly Uint8Array[]): void {
    if (this.#standing.type === 'open' && this.#standing.supersedes) this.#superseded.push(...sessions);
  }

  /** A frame with a datagram, to be sent at once as such or not at all. Undefined while the session is not open. */
  datagram(bytes: Uint8Array): Uint8Array | undefined {
    if (this.#standing.type !== 'open') return undefined;
    if (bytes.length > DATAGRAM_BYTES_MAX)
      throw new NexusError('NEXUS_MESSAGE_TOO_LARGE', `a datagram has ${bytes.length} bytes, where at most ${DATAGRAM_BYTES_MAX} are allowed`, {
        data: { bytesMax: DATAGRAM_BYTES_MAX },
      });
    return this.#counted(frameOf(FrameType.datagram, 0, 0, 0, this.#standing.outgoingSalt, bytes));
  }

  /** One frame of the connection, whole. Keeps nothing of the bytes. */
  received(bytes: Uint8Array, nowMs: number): void {
    const standing = this.#standing;
    this.#counts.receivedFrames++;
    this.#counts.receivedBytes += bytes.length;
    if (standing.type === 'handshaking') this.#receivedEarly(standing, bytes, nowMs);
    else if (standing.type === 'open') {
      try {
        this.#receivedFrame(standing, bytes, nowMs);
      } catch (error) {
        // Only what the bytes have caused: errors of listeners are theirs.
        if (!(error instanceof NexusError) || error.code !== 'NEXUS_FRAME_INVALID') throw error;
        this.#end('violation', error.data === undefined ? violation(bytes[0] === FrameType.receipt ? 'receipt' : 'goodbye', error.message) : error);
      }
    }
  }

  /**
   * The next frame to be given to the connection, or undefined: then ask again after the next call of anything here, or at `dueMs`. Ask until it is undefined, or the connection has no room.
   * Events that come of it are told while no frame is in hand, so that a listener may ask for frames itself.
   */
  nextFrame(nowMs: number): Uint8Array | undefined {
    for (const lane of this.#outgoing.takeDrained()) this.#events.drained(lane);
    const first = this.#ready.shift();
    if (first !== undefined) return this.#counted(first);
    const standing = this.#standing;
    if (standing.type !== 'open') return undefined;
    const frame = this.#urgentFrame(standing, nowMs) ?? this.#outgoing.next(this.#nextSequence, standing.outgoingSalt) ?? this.#goodbyeFrame(standing);
    if (frame === undefined) return undefined;
    if (this.#finishing === undefined) return this.#counted(frame);
    this.#ready.push(frame);
    this.#finishIfDone();
    const last = this.#ready.shift();
    return last === undefined ? undefined : this.#counted(last);
  }

  /** Whether `nextFrame` would have something to do: for those who come by often. */
  hasNext(nowMs: number): boolean {
    if (this.#ready.length > 0 || this.#outgoing.hasNext) return true;
    const standing = this.#standing;
    if (standing.type !== 'open') return false;
    return (
      this.#superseded.length > 0 ||
      this.#pong !== undefined ||
      nowMs >= this.#receiptDueMs ||
      nowMs >= standing.keepalive.pingDueMs ||
      this.#finishing !== undefined
    );
  }

  /** When the session is to be ended, if nothing happens: what there is to do in time while the connection has no room for a frame. */
  get deadlineMs(): number {
    const standing = this.#standing;
    if (standing.type === 'handshaking') return standing.deadlineMs;
    if (standing.type !== 'open') return Number.POSITIVE_INFINITY;
    return Math.min(standing.keepalive.deadMs, this.#fragmentDueMs, this.#finishing?.deadlineMs ?? Number.POSITIVE_INFINITY);
  }

  /** When `tick` and `nextFrame` have something to do, if nothing happens before. */
  get dueMs(): number {
    const standing = this.#standing;
    return standing.type === 'open' ? Math.min(this.deadlineMs, standing.keepalive.pingDueMs, this.#receiptDueMs) : this.deadlineMs;
  }

  /** Early and late ones are harmless. Ask `nextFrame` afterwards. */
  tick(nowMs: number): void {
    const standing = this.#standing;
    if (standing.type === 'handshaking' && nowMs >= standing.deadlineMs) {
      const { limits } = this.#options;
      this.#handshakeStepped(standing, standing.handshake.refuse('timeout', `the handshake was not done within ${limits.handshakeMs} ms`), nowMs);
    }
    if (standing.type !== 'open') return;
    const { limits } = this.#options;
    if (standing.keepalive.isDead(nowMs)) this.#end('timeout', lost('dead', `nothing was received for ${limits.deadAfterMs} ms`));
    else if (this.#finishing !== undefined && nowMs >= this.#finishing.deadlineMs)
      this.#end('timeout', lost('timeout', `the session was not finished within ${limits.closingMs} ms`));
    else if (nowMs >= this.#fragmentDueMs) this.#end('violation', violation('fragment', `the rest of a message did not come within ${limits.fragmentsMs} ms`));
  }

  /** Takes no more messages, sends what waits, and ends when all of it is receipted, or after `closingMs`. */
  finish(nowMs: number): void {
    if (this.#standing.type === 'open') this.#finishing ??= { deadlineMs: nowMs + this.#options.limits.closingMs, saidGoodbye: false };
    else this.abort('aborted', 'the session ends before it was open');
  }

  /** Ends at once, and for good. `nextFrame` has the goodbye. */
  abort(reason: Exclude<GoodbyeReason, 'finished'>, text: string): void {
    if (this.#standing.type === 'closed') return;
    const error = lost(reason, text);
    this.#ready = this.#lastWords(reason, error);
    this.#close(error, false, true);
  }

  /** The connection has ended. */
  disconnected(text: string): void {
    const { type } = this.#standing;
    this.#ready = [];
    if (type === 'handshaking' || type === 'open') {
      if (this.#peerSaidGoodbye && this.#outgoing.isSilent) this.#close(undefined, true);
      else this.#close(lost('disconnected', text), true);
    }
    this.#ready = [];
  }

  /** How far a lane is: live, not a copy. */
  progress(lane: Lane): LaneProgress {
    return this.#outgoing.lane(lane);
  }

  /** Gives back memory that is only needed while there is traffic. For sessions that are idle. */
  forgetMemory(): void {
    this.#outgoing.forgetMemory();
    if (this.#standing.type === 'open') for (const lane of this.#standing.incoming) lane.forgetMemory();
  }

  statistics(): SessionStatistics {
    const { keepalive, incoming } = this.#standing.type === 'open' ? this.#standing : { keepalive: undefined, incoming: [] };
    return {
      ...this.#counts,
      ...this.#outgoing.sums(),
      assemblyBytes: incoming.reduce((bytes, lane) => bytes + lane.assemblyBytes, 0),
      roundTripMs: keepalive?.roundTripMs,
      smoothedRoundTripMs: keepalive?.smoothedRoundTripMs,
    };
  }

  #introduction({ nonce, expected }: SessionStart): Introduction {
    const { purpose, self, address, cluster, clusterId, limits, compression, versions, sameHost } = this.#options;
    return {
      ...{
        purpose,
        cluster,
        clusterId,
        identity: self,
        address,
        expected,
        nonce,
        frameBytes: limits.frameBytes,
        messageBytes: limits.messageBytes,
        credit: limits.credit,
      },
      versionMin: versions?.min ?? PROTOCOL_VERSION_MIN,
      versionMax: versions?.max ?? PROTOCOL_VERSION_MAX,
      features: (compression === undefined ? 0 : FEATURE_BROTLI) | (this.#events.superseded === undefined ? 0 : FEATURE_SUPERSEDED),
      littleEndian: new Uint8Array(Uint16Array.of(1).buffer)[0] === 1,
      sameHost,
    };
  }

  #receivedEarly(standing: Extract<Standing, { type: 'handshaking' }>, bytes: Uint8Array, nowMs: number): void {
    // Where datagrams may overtake what is ordered, they can come before the handshake's last frame.
    if (bytes[0] === FrameType.datagram && standing.handshake.hasAnswered) {
      this.#counts.droppedDatagrams++;
      return;
    }
    const step = standing.handshake.received(bytes);
    this.#id = standing.handshake.diallerNonce;
    this.#handshakeStepped(standing, step, nowMs);
  }

  #handshakeStepped({ start }: Extract<Standing, { type: 'handshaking' }>, step: HandshakeStep, nowMs: number): void {
    if (step.answer !== undefined) this.#ready.push(step.answer);
    if (step.type === 'refused') this.#close(refusalError(step.refusal, step.byPeer), step.byPeer);
    else if (step.type === 'done') this.#open(start, step.peer, step.version, nowMs);
  }

  #open({ role, nonce }: SessionStart, peer: Introduction, version: number, nowMs: number): void {
    const { limits, codec, budget, compression } = this.#options;
    const isDialler = role === 'dialler';
    const nonces = isDialler ? ([nonce, peer.nonce] as const) : ([peer.nonce, nonce] as const);
    const compresses = compression !== undefined && (peer.features & FEATURE_BROTLI) !== 0;
    const incoming = LANES.map(
      (name, number) =>
        new IncomingLane(
          { codec, budget, messageBytes: limits.messageBytes, compressionAllowed: compresses, credit: name === 'control' ? undefined : limits.credit[name] },
          { message: (channel, value) => this.#deliver(number, channel, value), refused: (error) => this.#refused(error) },
        ),
    );
    this.#standing = {
      type: 'open',
      incoming,
      outgoingSalt: frameSalt(...nonces, isDialler),
      incomingSalt: frameSalt(...nonces, !isDialler),
      keepalive: new Keepalive(limits.keepaliveMs, limits.deadAfterMs, nowMs),
      supersedes: this.#events.superseded !== undefined && (peer.features & FEATURE_SUPERSEDED) !== 0,
    };
    for (const error of this.#outgoing.open(peer, limits.frameBytes, compresses ? compression : undefined)) this.#refused(error);
    this.#events.opened({
      ...{ identity: peer.identity, address: peer.address, clusterId: peer.clusterId, version, compresses },
      ...(peer.sameHost === undefined ? {} : { sameHost: { said: peer.sameHost, nonces: Uint8Array.from([...nonces[0], ...nonces[1]]) } }),
    });
  }

  #receivedFrame(open: OpenSession, bytes: Uint8Array, nowMs: number): void {
    if (bytes[0] === FrameType.datagram) {
      this.#receivedDatagram(open, bytes, nowMs);
      return;
    }
    if (isHandshakeFrame(bytes)) throw violation('handshake', 'a handshake after the handshake');
    checkFrame(bytes, open.incomingSalt, this.#options.limits.frameBytes, DATAGRAM_BYTES_MAX);
    const sequence = readU32(bytes, 8);
    if (sequence !== this.#receivedSequence) throw violation('sequence', `frame ${sequence} has come, where ${this.#receivedSequence} was due`);
    this.#receivedSequence = (sequence + 1) >>> 0;
    open.keepalive.heard(nowMs);
    const type = bytes[0] as number;
    if (type === FrameType.batch || type === FrameType.fragment) this.#receivedMessages(open, bytes, nowMs);
    else if (type === FrameType.receipt) {
      this.#outgoing.receipted(new ByteReader(bytes, HEADER_BYTES));
      this.#events.receipted?.();
      this.#finishIfDone();
    } else if (type === FrameType.goodbye) this.#receivedGoodbye(new ByteReader(bytes, HEADER_BYTES), nowMs);
    else if (type === FrameType.superseded) this.#receivedSuperseded(open, bytes.slice(HEADER_BYTES));
    else this.#receivedPing(open, type, bytes, nowMs);
  }

  /** A damaged datagram is a lost one. */
  #receivedDatagram({ incomingSalt, keepalive }: OpenSession, bytes: Uint8Array, nowMs: number): void {
    try {
      checkFrame(bytes, incomingSalt, this.#options.limits.frameBytes, DATAGRAM_BYTES_MAX);
    } catch (error) {
      this.#counts.droppedDatagrams++;
      this.#events.refused(error as NexusError);
      return;
    }
    keepalive.heard(nowMs);
    this.#events.datagram(bytes.subarray(HEADER_BYTES));
  }

  #receivedMessages({ incoming }: OpenSession, bytes: Uint8Array, nowMs: number): void {
    if (this.#peerSaidGoodbye) throw violation('afterGoodbye', 'a message after the goodbye');
    const lane = incoming[bytes[1] as number] as IncomingLane;
    if (bytes[0] === FrameType.batch) lane.batch(bytes);
    else {
      lane.fragment(bytes);
      const isAssembling = this.#standing.type === 'open' && incoming.some((each) => each.isAssembling);
      this.#fragmentDueMs = isAssembling ? nowMs + this.#options.limits.fragmentsMs : Number.POSITIVE_INFINITY;
    }
    if (this.#standing.type === 'open')
      this.#receiptDueMs = lane.isReceiptUrgent ? nowMs : Math.min(this.#receiptDueMs, nowMs + this.#options.limits.receiptDelayMs);
  }

  #deliver(lane: number, channel: number, value: unknown): boolean {
    this.#counts.receivedMessages++;
    this.#events.message({ lane: LANES[lane] as Lane, channel, value });
    return this.#standing.type === 'open';
  }

  #refused(error: NexusError): void {
    this.#counts.refusedMessages++;
    this.#events.refused(error);
  }

  #receivedPing({ keepalive }: OpenSession, type: number, bytes: Uint8Array, nowMs: number): void {
    if (bytes.length !== HEADER_BYTES + 4) throw violation('ping', `a ping of ${bytes.length} bytes`);
    const id = readU32(bytes, HEADER_BYTES);
    if (type === FrameType.ping) {
      if (!keepalive.pinged(nowMs)) throw violation('ping', 'a flood of pings');
      this.#pong = id;
    } else if (!keepalive.pong(id, nowMs)) throw violation('ping', 'an answer to no ping');
  }

  #receivedSuperseded({ supersedes }: OpenSession, nonces: Uint8Array): void {
    if (!supersedes) throw violation('superseded', 'it was not agreed that sessions are superseded');
    const count = nonces.length / NONCE_BYTES;
    if (!Number.isInteger(count) || count === 0 || count > SUPERSEDED_MAX) throw violation('superseded', `sessions are named in ${nonces.length} bytes`);
    this.#events.superseded?.(Array.from({ length: count }, (_, index) => nonces.subarray(index * NONCE_BYTES, (index + 1) * NONCE_BYTES)));
  }

  #receivedGoodbye(input: ByteReader, nowMs: number): void {
    const reason = GOODBYE_REASONS[input.u8()] ?? 'aborted';
    const text = input.text(REASON_BYTES_MAX);
    input.done();
    if (this.#peerSaidGoodbye) throw violation('goodbye', 'a second goodbye');
    if (reason !== 'finished') {
      this.#close(lost(reason, `the other node has ended the session: ${text}`), true);
      return;
    }
    this.#peerSaidGoodbye = true;
    this.finish(nowMs);
    this.#finishIfDone();
  }

  /** What goes before messages: what is superseded, answers to pings, receipts, pings. */
  #urgentFrame({ outgoingSalt, keepalive, incoming }: OpenSession, nowMs: number): Uint8Array | undefined {
    if (this.#superseded.length > 0) {
      const told = this.#superseded.splice(0, SUPERSEDED_MAX);
      const body = new Uint8Array(told.length * NONCE_BYTES);
      for (const [index, id] of told.entries()) body.set(id, index * NONCE_BYTES);
      return this.#frame(FrameType.superseded, outgoingSalt, body);
    }
    if (this.#pong !== undefined) {
      const id = this.#pong;
      this.#pong = undefined;
      return this.#frame(FrameType.pong, outgoingSalt, new ByteWriter(4, 4).u32(id).take());
    }
    if ((nowMs >= this.#receiptDueMs || (this.#peerSaidGoodbye && this.#receiptDueMs < Number.POSITIVE_INFINITY)) && incoming.some((lane) => lane.hasNews)) {
      this.#receiptDueMs = Number.POSITIVE_INFINITY;
      const body = new ByteWriter(64, 64);
      for (const lane of incoming) {
        lane.receiptedBytes = lane.consumedBytes;
        lane.receiptedMessages = lane.consumedMessages;
        body.unsigned(lane.consumedBytes).unsigned(lane.consumedMessages);
      }
      return this.#frame(FrameType.receipt, outgoingSalt, body.take());
    }
    const ping = keepalive.ping(nowMs);
    return ping === undefined ? undefined : this.#frame(FrameType.ping, outgoingSalt, new ByteWriter(4, 4).u32(ping).take());
  }

  #goodbyeFrame({ outgoingSalt }: OpenSession): Uint8Array | undefined {
    if (this.#finishing === undefined || this.#finishing.saidGoodbye || !this.#outgoing.isEmpty) return undefined;
    this.#finishing.saidGoodbye = true;
    return this.#frame(FrameType.goodbye, outgoingSalt, goodbyeBody('finished', ''));
  }

  /** Both have said goodbye, and everything is receipted in both directions. */
  #finishIfDone(): void {
    if (this.#standing.type !== 'open' || this.#finishing === undefined || !this.#finishing.saidGoodbye || !this.#peerSaidGoodbye) return;
    if (this.#outgoing.isSilent && this.#standing.incoming.every((lane) => !lane.hasNews)) this.#close(undefined, false);
  }

  #frame(type: number, salt: number, body: Uint8Array): Uint8Array {
    return frameOf(type, 0, 0, this.#nextSequence(), salt, body);
  }

  readonly #nextSequence = (): number => {
    const sequence = this.#sentSequence;
    this.#sentSequence = (sequence + 1) >>> 0;
    return sequence;
  };

  #counted(frame: Uint8Array): Uint8Array {
    this.#counts.sentFrames++;
    this.#counts.sentBytes += frame.length;
    return frame;
  }

  /** Not gracefully. */
  #end(reason: GoodbyeReason, error: NexusError): void {
    this.#ready = this.#lastWords(reason, error);
    this.#close(error, false);
  }

  /** Why, if the other side can hear it. */
  #lastWords(reason: GoodbyeReason, error: NexusError): Uint8Array[] {
    const standing = this.#standing;
    if (standing.type === 'open') return [this.#frame(FrameType.goodbye, standing.outgoingSalt, goodbyeBody(reason, error.message))];
    const answer = standing.type === 'handshaking' ? standing.handshake.refuse('busy', error.message).answer : undefined;
    return answer === undefined ? [] : [answer];
  }

  /** A session that was not open may be started again, unless this end is final. */
  #close(error: NexusError | undefined, byPeer: boolean, isFinal = this.#standing.type === 'open'): void {
    const standing = this.#standing;
    const lostMessages = this.#outgoing.lost(isFinal);
    if (standing.type === 'open') for (const lane of standing.incoming) lane.abandon();
    if (isFinal) this.#outgoing.discard();
    this.#standing = { type: isFinal ? 'closed' : 'idle' };
    this.#events.closed({ opened: standing.type === 'open', byPeer, error, lost: lostMessages });
  }
}

function goodbyeBody(reason: GoodbyeReason, text: string): Uint8Array {
  return new ByteWriter(REASON_BYTES_MAX + 8).u8(GOODBYE_REASONS.indexOf(reason)).bytes(cutText(text)).take();
}

function lost(reason: string, text: string): NexusError {
  return new NexusError('NEXUS_CONNECTION_LOST', `the connection to the other node has ended (${reason}): ${text}`, { data: { reason } });
}
