/**
 * The three lanes of a session on their way out: which of them has the next frame, what the peer has granted and receipted of each. Control before normal before bulk, frame by frame; a lane that
 * has let pass 16 frames of higher ones while it could send has a turn of one frame, so that no lane starves, and none waits for more than a frame of a lower one.
 */
import type { NexusError } from '../../errors.js';
import type { Shape } from '../../model/shape.js';
import { type Lane, LANES } from '../../ports/transport.js';
import type { ByteReader } from '../bytes/byte-reader.js';
import type { CompressionOptions } from './compression.js';
import { violation } from './frame-format.js';
import type { Introduction } from './handshake-messages.js';
import type { MessageCodec } from './message-codec.js';
import { OutgoingLane } from './outgoing-lane.js';
import type { LostMessages } from './session-events.js';
import { type LaneCredit, PASSED_OVER_MAX, type SessionLimits } from './wire-limits.js';

const LANE_NUMBERS: Readonly<Record<Lane, number>> = { control: 0, normal: 1, bulk: 2 };

export class OutgoingLanes {
  readonly #lanes: readonly OutgoingLane[];
  /** Frames of higher lanes that each lane has let pass. */
  readonly #passedOver = [0, 0, 0];
  /** What the peer has consumed of each lane, as it says. */
  readonly #receipts: LaneCredit[] = LANES.map(() => ({ bytes: 0, messages: 0 }));
  /** Lanes that have room again, which was not told yet. */
  #drained: Lane[] = [];

  constructor(codec: MessageCodec, limits: SessionLimits) {
    this.#lanes = LANES.map((name, lane) => new OutgoingLane({ lane, codec, waitingMax: limits.waiting[name], messageBytes: limits.messageBytes }));
  }

  lane(name: Lane): OutgoingLane {
    return this.#lanes[LANE_NUMBERS[name]] as OutgoingLane;
  }

  send(lane: Lane, channel: number, value: unknown, shape: Shape | undefined): boolean {
    return this.lane(lane).send(channel, value, shape);
  }

  /** What the peer takes is known. Returns what waits and is too large for it. */
  open(peer: Introduction, frameBytes: number, compression: CompressionOptions | undefined): readonly NexusError[] {
    for (const name of ['normal', 'bulk'] as const) {
      const lane = this.lane(name);
      lane.grantedBytes = peer.credit[name].bytes;
      lane.grantedMessages = peer.credit[name].messages;
    }
    return this.#lanes.flatMap((lane) => {
      lane.compression = compression;
      return lane.limitTo(Math.min(frameBytes, peer.frameBytes), peer.messageBytes);
    });
  }

  /** The next frame, if any lane has one that its credit allows. */
  next(nextSequence: () => number, salt: number): Uint8Array | undefined {
    const lanes = this.#lanes;
    const passedOver = this.#passedOver;
    let chosen = -1;
    for (let number = 0; number < lanes.length; number++) {
      if (!(lanes[number] as OutgoingLane).isReady) continue;
      if (chosen < 0 || (passedOver[number] as number) >= PASSED_OVER_MAX) chosen = number;
      else passedOver[number] = (passedOver[number] as number) + 1;
    }
    if (chosen < 0) return undefined;
    passedOver[chosen] = 0;
    const lane = lanes[chosen] as OutgoingLane;
    const frame = lane.take(nextSequence(), salt);
    if (lane.saidFull && lane.hasRoom) {
      lane.saidFull = false;
      this.#drained.push(LANES[chosen] as Lane);
    }
    return frame;
  }

  /** Whether there is a frame that may be sent, or something to tell. */
  get hasNext(): boolean {
    if (this.#drained.length > 0) return true;
    for (const lane of this.#lanes) if (lane.isReady) return true;
    return false;
  }

  /** Once each. */
  takeDrained(): readonly Lane[] {
    if (this.#drained.length === 0) return this.#drained;
    const drained = this.#drained;
    this.#drained = [];
    return drained;
  }

  /** A receipt of the peer: for each lane the bytes and messages that it has consumed since the session opened. @throws NexusError NEXUS_FRAME_INVALID */
  receipted(input: ByteReader): void {
    let isNew = false;
    for (const [number, lane] of this.#lanes.entries()) {
      const bytes = input.unsigned();
      const messages = input.unsigned();
      const known = this.#receipts[number] as LaneCredit;
      if (bytes > lane.sentBytes || messages > lane.sentMessages) throw violation('receipt', 'more was receipted than sent');
      if (bytes < known.bytes || messages < known.messages) throw violation('receipt', 'less was receipted than before');
      isNew ||= bytes > known.bytes || messages > known.messages;
      lane.grantedBytes += bytes - known.bytes;
      lane.grantedMessages += messages - known.messages;
      lane.deliveredMessages = messages;
      this.#receipts[number] = { bytes, messages };
    }
    input.done();
    if (!isNew) throw violation('receipt', 'a receipt for nothing');
  }

  get isEmpty(): boolean {
    return this.#lanes.every((lane) => lane.waitingMessages === 0);
  }

  /** Nothing waits, and everything that was sent is receipted. */
  get isSilent(): boolean {
    return this.#lanes.every((lane) => lane.waitingMessages === 0 && lane.deliveredMessages === lane.sentMessages);
  }

  /** `isFinal`: what waits will not be sent. */
  lost(isFinal: boolean): LostMessages {
    const { waitingMessages, unreceiptedMessages } = this.sums();
    return { unsent: isFinal ? waitingMessages : 0, uncertain: unreceiptedMessages };
  }

  sums(): { readonly sentMessages: number; readonly waitingMessages: number; readonly waitingBytes: number; readonly unreceiptedMessages: number } {
    const sums = { sentMessages: 0, waitingMessages: 0, waitingBytes: 0, unreceiptedMessages: 0 };
    for (const { sentMessages, waitingMessages, waitingBytes, deliveredMessages } of this.#lanes) {
      sums.sentMessages += sentMessages;
      sums.waitingMessages += waitingMessages;
      sums.waitingBytes += waitingBytes;
      sums.unreceiptedMessages += sentMessages - deliveredMessages;
    }
    return sums;
  }

  /** Gives back memory that is only needed while there is traffic. */
  forgetMemory(): void {
    for (const lane of this.#lanes) lane.forgetMemory();
  }

  discard(): void {
    for (const lane of this.#lanes) lane.discard();
  }
}
