/**
 * One direction of a simulated connection, as TCP makes it of a bad network: frames arrive in order and at most once, what is lost is sent again and late, a receiver that does not read lets
 * the sender wait, and after a while without any progress the sender gives up. The other side may not know yet.
 */
import { ScheduledEvent } from './event-queue.js';
import type { Link } from './link.js';
import type { NetworkHost, SimulatedNetwork } from './network.js';
import { inMicroseconds } from './virtual-time.js';

/** What is on its way at most; the rest waits at the sender. */
const WINDOW_BYTES = 262_144;
/** What waits at a receiver that does not read. */
const RECEIVE_BYTES_MAX = 262_144;
/** A message is sent again after this time, then after twice, four times... */
const RETRANSMIT_MS = 200;
const RETRANSMIT_MS_MAX = 3000;
/** A message is lost at most so often in a row. */
const LOSSES_MAX = 6;
/** A connection ends after this time without progress. */
export const BREAK_AFTER_MS = 15_000;

export interface Frame {
  readonly bytes: Uint8Array;
  /** The goodbye, and the answer to one. */
  readonly close: { readonly code: number; readonly text: string; readonly isAnswer: boolean } | undefined;
  readonly id: number;
  readonly message: number;
}

/** The side that receives. */
export interface Receiver {
  /** It has ended, and does not know this connection any more. */
  readonly isGone: boolean;
  /** Bytes that it has not read. */
  readonly unreadBytes: number;
  arrived(frame: Frame): void;
}

/** The side that sends. */
export interface Sender {
  /** There is room again, perhaps. */
  progressed(): void;
  /** The other side has said that it knows nothing of this connection. */
  wasReset(): void;
  /** Nothing got through for too long. */
  broke(): void;
}

export class Channel extends ScheduledEvent {
  readonly #network: SimulatedNetwork;
  readonly #link: Link;
  readonly #back: Link;
  readonly #target: NetworkHost;
  readonly #sender: Sender;
  receiver: Receiver | undefined;
  /** In order: first those on their way, then those that wait. */
  readonly #frames: Frame[] = [];
  /** When each of those on their way is there. */
  readonly #readyMs: number[] = [];
  #lastReadyMs = 0;
  #waitingBytes = 0;
  #flyingBytes = 0;
  /** What is there, and the sender does not know it. */
  #unconfirmedFrames = 0;
  #unconfirmedBytes = 0;
  #isHeld = false;
  #blockedSinceMs = -1;
  #attempts = 0;
  #waitsForReceiver = false;
  #hasEnded = false;

  constructor(network: SimulatedNetwork, from: NetworkHost, to: NetworkHost, sender: Sender) {
    super();
    this.#network = network;
    this.#link = network.link(from.number, to.number);
    this.#back = network.link(to.number, from.number);
    this.#target = to;
    this.#sender = sender;
  }

  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  /** Nothing is on its way, or waits. */
  get isEmpty(): boolean {
    return this.#frames.length === 0 && this.#unconfirmedFrames === 0;
  }

  /** Frames that are not there yet. */
  get pending(): number {
    return this.#frames.length;
  }

  send(frame: Frame): void {
    if (this.#hasEnded) return;
    this.#frames.push(frame);
    this.#waitingBytes += frame.bytes.length;
    this.#fillWindow();
  }

  /** Nothing of it arrives any more. */
  end(): void {
    this.#hasEnded = true;
    this.#frames.length = 0;
    this.#readyMs.length = 0;
    this.#waitingBytes = 0;
    this.#flyingBytes = 0;
    this.#unconfirmedFrames = 0;
    this.#unconfirmedBytes = 0;
    this.#network.needs.time.events.cancel(this);
  }

  /** The receiver has read something. */
  wasRead(): void {
    if (!this.#waitsForReceiver || this.#hasEnded) return;
    this.#waitsForReceiver = false;
    this.#reschedule(0);
  }

  override happen(): void {
    if (this.#hasEnded) return;
    const { time } = this.#network.needs;
    if (this.#unconfirmedFrames > 0 && !this.#back.isBlocked) this.#confirm(this.#unconfirmedBytes);
    const progress = this.#deliver();
    if (this.#hasEnded) return;
    if (progress === 'blocked' || this.#unconfirmedFrames > 0) return this.#retry();
    this.#blockedSinceMs = -1;
    this.#attempts = 0;
    if (progress === 'full') this.#waitsForReceiver = true;
    else if (this.#readyMs.length > 0) this.#reschedule((this.#readyMs[0] as number) - time.nowMs);
  }

  #deliver(): 'done' | 'blocked' | 'full' {
    const { time } = this.#network.needs;
    while (this.#readyMs.length > 0 && (this.#readyMs[0] as number) <= time.nowMs) {
      if (this.#link.isBlocked || !this.#target.isOn) return 'blocked';
      const { receiver } = this;
      if (receiver === undefined || receiver.isGone) {
        if (this.#back.isBlocked) return 'blocked';
        this.#reset();
        return 'done';
      }
      const frame = this.#frames[0] as Frame;
      // A single large frame always finds room.
      if (receiver.unreadBytes > 0 && receiver.unreadBytes + frame.bytes.length > RECEIVE_BYTES_MAX) return 'full';
      this.#frames.shift();
      this.#readyMs.shift();
      receiver.arrived(frame);
      if (this.#back.isBlocked) {
        this.#unconfirmedFrames++;
        this.#unconfirmedBytes += frame.bytes.length;
      } else this.#confirm(frame.bytes.length);
      if (this.#hasEnded) return 'done';
    }
    return 'done';
  }

  get isScheduled(): boolean {
    return this.place >= 0;
  }

  #confirm(bytes: number): void {
    this.#unconfirmedFrames = 0;
    this.#unconfirmedBytes = 0;
    this.#flyingBytes = Math.max(0, this.#flyingBytes - bytes);
    this.#blockedSinceMs = -1;
    this.#attempts = 0;
    this.#fillWindow();
    this.#sender.progressed();
  }

  #retry(): void {
    const { time } = this.#network.needs;
    if (this.#blockedSinceMs < 0) {
      this.#blockedSinceMs = time.nowMs;
      this.#network.needs.note('hold', this.#link.from, this.#link.to, this.#frames[0]?.id ?? 0, 'without progress');
    }
    if (time.nowMs - this.#blockedSinceMs >= BREAK_AFTER_MS) {
      this.#network.needs.note('lose', this.#link.from, this.#link.to, 0, 'the connection is given up');
      this.end();
      return this.#sender.broke();
    }
    if (!this.#isHeld) this.#hold();
    const delayMs = Math.min(RETRANSMIT_MS * 2 ** this.#attempts, RETRANSMIT_MS_MAX);
    this.#attempts++;
    this.#reschedule(delayMs);
  }

  /** What a clogged link holds comes as soon as it is not any more. */
  #hold(): void {
    const clogged = this.#link.conditions.isClogged ? this.#link : this.#back.conditions.isClogged ? this.#back : undefined;
    if (clogged === undefined) return;
    this.#isHeld = true;
    clogged.held.push(() => {
      this.#isHeld = false;
      if (this.#blockedSinceMs >= 0 && !this.#hasEnded) this.#reschedule(0);
    });
  }

  #reset(): void {
    const back = this.#back;
    const { nowMs } = this.#network.needs.time;
    this.#network.needs.note('refuse', this.#link.from, this.#link.to, 0, 'no such connection');
    this.end();
    this.#network.needs.time.after(back.delayMs(nowMs, back.messages++, 0), () => this.#sender.wasReset());
  }

  #fillWindow(): void {
    const { time } = this.#network.needs;
    const { nowMs } = time;
    while (this.#readyMs.length < this.#frames.length) {
      const frame = this.#frames[this.#readyMs.length] as Frame;
      const { length } = frame.bytes;
      if (this.#flyingBytes > 0 && this.#flyingBytes + length > WINDOW_BYTES) break;
      this.#waitingBytes -= length;
      this.#flyingBytes += length;
      let readyMs = nowMs + this.#link.delayMs(nowMs, frame.message, length);
      const losses = this.#link.lossesOf(frame.message, LOSSES_MAX);
      for (let loss = 0; loss < losses; loss++) readyMs += Math.min(RETRANSMIT_MS * 2 ** loss, RETRANSMIT_MS_MAX);
      if (losses > 0) this.#network.needs.note('lose', this.#link.from, this.#link.to, frame.id, `${losses} times, and sent again`);
      this.#lastReadyMs = Math.max(this.#lastReadyMs, inMicroseconds(readyMs));
      this.#readyMs.push(this.#lastReadyMs);
    }
    if (!this.isScheduled && !this.#waitsForReceiver && this.#readyMs.length > 0) this.#reschedule((this.#readyMs[0] as number) - nowMs);
  }

  #reschedule(delayMs: number): void {
    const { time } = this.#network.needs;
    time.events.cancel(this);
    time.schedule(this, delayMs);
  }
}
