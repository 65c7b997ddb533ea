/**
 * One direction of a connection through the proxy: takes what comes from one socket, and gives it to the other later, slower, damaged, or not before a cut link has healed. In order, as TCP is; what a link loses comes
 * after the time of a retransmission. Ends and resets wait in the same queue: a cut link carries none. Bounded: a source is paused while more than `HELD_BYTES_MAX` of it wait.
 */
import type { Socket } from 'node:net';
import type { StreamConditions } from '../network.js';

export const HELD_BYTES_MAX = 4 * 1_048_576;
/** The least time after which TCP sends again; it doubles each time. */
const RETRANSMISSION_MS = 200;
const RETRANSMISSIONS_MAX = 6;

type Item =
  | { readonly type: 'data'; readonly chunk: Buffer; readonly dueMs: number }
  | { readonly type: 'end'; readonly dueMs: number }
  | { readonly type: 'reset'; readonly dueMs: number };

export interface DelayedPipeNeeds {
  readonly source: Socket;
  readonly target: Socket;
  /** As they are now. */
  conditions(): StreamConditions;
  /** 0 ≤ x < 1. */
  random(): number;
  /** The first look at each chunk, before anything is done to it. */
  seen?(chunk: Buffer): void;
}

export class DelayedPipe {
  readonly #needs: DelayedPipeNeeds;
  readonly #queue: Item[] = [];
  #heldBytes = 0;
  #lastDueMs = 0;
  #isFull = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(needs: DelayedPipeNeeds) {
    this.#needs = needs;
    const { source, target } = needs;
    source.on('data', (chunk: Buffer) => {
      needs.seen?.(chunk);
      this.#heldBytes += chunk.length;
      if (this.#heldBytes > HELD_BYTES_MAX) source.pause();
      this.#push({ type: 'data', chunk, dueMs: this.#dueMs(chunk.length) });
    });
    source.on('end', () => this.#push({ type: 'end', dueMs: this.#lastDueMs }));
    source.on('error', () => this.#push({ type: 'reset', dueMs: this.#lastDueMs }));
    source.on('close', () => this.#push({ type: 'end', dueMs: this.#lastDueMs }));
    target.on('drain', () => {
      this.#isFull = false;
      this.changed();
    });
    target.on('close', () => {
      clearTimeout(this.#timer);
      this.#queue.length = 0;
    });
  }

  /** The conditions have changed. */
  changed(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const { source, target } = this.#needs;
    for (let item = this.#queue[0]; item !== undefined; item = this.#queue[0]) {
      if (this.#needs.conditions().isHeld || this.#isFull) return;
      const waitMs = item.dueMs - performance.now();
      if (waitMs > 0.5) {
        this.#timer = setTimeout(() => this.changed(), waitMs);
        return;
      }
      this.#queue.shift();
      if (item.type === 'reset') target.resetAndDestroy();
      else if (item.type === 'end') target.end();
      else {
        this.#heldBytes -= item.chunk.length;
        if (!target.destroyed && target.writable) this.#isFull = !target.write(this.#damaged(item.chunk));
        if (this.#heldBytes <= HELD_BYTES_MAX / 2 && source.isPaused()) source.resume();
      }
    }
  }

  #push(item: Item): void {
    if (this.#needs.target.destroyed) return;
    this.#queue.push(item);
    if (this.#queue.length === 1) this.changed();
  }

  #dueMs(bytes: number): number {
    const { delayMs, loss, bytesPerSecond } = this.#needs.conditions();
    const { random } = this.#needs;
    let waitMs = delayMs.from + random() * (delayMs.to - delayMs.from);
    for (let times = 0; times < RETRANSMISSIONS_MAX && random() < loss; times++) waitMs += RETRANSMISSION_MS * 2 ** times;
    if (bytesPerSecond !== undefined) waitMs = Math.max(waitMs, this.#lastDueMs - performance.now()) + (bytes / bytesPerSecond) * 1000;
    this.#lastDueMs = Math.max(this.#lastDueMs, performance.now() + waitMs);
    return this.#lastDueMs;
  }

  #damaged(chunk: Buffer): Buffer {
    const { random } = this.#needs;
    if (chunk.length === 0 || random() >= this.#needs.conditions().corruption) return chunk;
    const damaged = Buffer.from(chunk);
    const at = Math.floor(random() * chunk.length);
    damaged[at] = (damaged[at] as number) ^ (1 << Math.floor(random() * 8));
    return damaged;
  }
}
