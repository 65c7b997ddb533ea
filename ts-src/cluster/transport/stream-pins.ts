/**
 * Which connection each stream of a node is on: the one that has something of it on its way, because on another one what follows could overtake it. When everything of a stream was delivered it is
 * free to move. Keeps only streams that are not free, and some that are not known to be yet.
 */
import type { LaneProgress } from '../../protocols/wire/session-events.js';

/** Looked through for free streams above this number, and above twice of what was left the last time. */
const PINS_KEPT_MIN = 256;

interface Pin<Place> {
  readonly place: Place;
  readonly progress: LaneProgress;
  /** Of the messages of the lane: delivered when that many are. */
  last: number;
}

export class StreamPins<Place> {
  readonly #pins = new Map<number, Pin<Place>>();
  #sweepAbove = PINS_KEPT_MIN;

  get size(): number {
    return this.#pins.size;
  }

  /** Where the next message of the stream must go; undefined if it may go anywhere. */
  placeOf(stream: number): Place | undefined {
    const pin = this.#pins.get(stream);
    if (pin === undefined) return undefined;
    if (!isFree(pin)) return pin.place;
    this.#pins.delete(stream);
    return undefined;
  }

  /** A message of the stream was accepted there, as the last one of its lane. */
  sent(stream: number, place: Place, progress: LaneProgress): void {
    const last = progress.sentMessages + progress.waitingMessages;
    const pin = this.#pins.get(stream);
    if (pin !== undefined && pin.place === place) pin.last = last;
    else this.#pins.set(stream, { place, progress, last });
    if (this.#pins.size <= this.#sweepAbove) return;
    for (const [key, each] of this.#pins) if (isFree(each)) this.#pins.delete(key);
    this.#sweepAbove = Math.max(PINS_KEPT_MIN, this.#pins.size * 2);
  }

  /** The place is no more: what was on its way there is lost. */
  forget(place: Place): void {
    for (const [key, pin] of this.#pins) if (pin.place === place) this.#pins.delete(key);
  }
}

/** Messages that are refused when the other side says how large they may be are never delivered: then what counts is that nothing is on its way. */
function isFree<Place>({ progress, last }: Pin<Place>): boolean {
  return progress.deliveredMessages >= last || (progress.waitingMessages === 0 && progress.deliveredMessages === progress.sentMessages);
}
