/**
 * The two ends of a stream of copies from one node to another, over connections that may break: frames are numbered, sent again until they are answered, and stored once, in order (go-back-N). What is on its way is bounded.
 * Pure; a stream is between two incarnations, so that none of both ends ever begins again.
 */
import type { CopiedFrame, CopyFrame, CopyItem, CopyResult } from './copy-messages.js';

/** Bytes of one frame; an item that is larger has one for itself. */
export const FRAME_BYTES_MAX = 1024 * 1024;
/** Largest item: all that is stored of an agent has to go in one message between nodes, which has 64 MiB. */
export const ITEM_BYTES_MAX = 60 * 1024 * 1024;
/** Of frames that have no answer; at least one is always sent. */
export const WINDOW_BYTES_MAX = 8 * 1024 * 1024;
export const WINDOW_FRAMES_MAX = 64;
/** What is not answered by then is sent again. */
export const RESEND_MS = 1000;
const ITEM_BYTES = 128;

interface Waiting<T> {
  readonly item: CopyItem;
  readonly bytes: number;
  readonly tag: T;
}

interface Sent<T> {
  readonly frame: CopyFrame;
  readonly tags: readonly T[];
  readonly bytes: number;
  sentMs: number;
}

/** @typeParam T what the sender knows an item by */
export class CopyOutbox<T> {
  #waiting: Waiting<T>[] = [];
  #sent: Sent<T>[] = [];
  #bytes = 0;
  #number = 0;

  get isEmpty(): boolean {
    return this.#waiting.length === 0 && this.#sent.length === 0;
  }

  add(item: CopyItem, tag: T): void {
    this.#waiting.push({ item, tag, bytes: bytesOf(item) });
  }

  /** What may be sent now: new frames. */
  take(nowMs: number, view: number): CopyFrame[] {
    const frames: CopyFrame[] = [];
    let next = 0;
    while (next < this.#waiting.length && this.#sent.length < WINDOW_FRAMES_MAX && (this.#sent.length === 0 || this.#bytes < WINDOW_BYTES_MAX)) {
      let bytes = 0;
      const from = next;
      do bytes += (this.#waiting[next++] as Waiting<T>).bytes;
      while (next < this.#waiting.length && bytes + (this.#waiting[next] as Waiting<T>).bytes <= FRAME_BYTES_MAX);
      const group = this.#waiting.slice(from, next);
      const frame: CopyFrame = { type: 'frame', number: ++this.#number, view, items: group.map(({ item }) => item) };
      this.#sent.push({ frame, bytes, tags: group.map(({ tag }) => tag), sentMs: nowMs });
      this.#bytes += bytes;
      frames.push(frame);
    }
    this.#waiting.splice(0, next);
    return frames;
  }

  /** All that has no answer, if the first of it has waited for so long. */
  again(nowMs: number, afterMs: number, view: number): CopyFrame[] {
    const [first] = this.#sent;
    if (first === undefined || nowMs - first.sentMs < afterMs) return [];
    for (const each of this.#sent) each.sentMs = nowMs;
    return this.#sent.map(({ frame }) => ({ ...frame, view }));
  }

  /** Those of the frame, with what became of them; none, if it had its answer before. */
  answered({ number, results }: CopiedFrame): readonly (readonly [T, CopyResult])[] {
    const at = this.#sent.findIndex(({ frame }) => frame.number === number);
    const sent = this.#sent[at];
    if (sent === undefined) return [];
    this.#sent.splice(at, 1);
    this.#bytes -= sent.bytes;
    return sent.tags.map((tag, index) => [tag, results[index] ?? undefined] as const);
  }

  /** The other node is none any more: all that has no answer. */
  abandon(): readonly T[] {
    const left = [...this.#sent.flatMap(({ tags }) => tags), ...this.#waiting.map(({ tag }) => tag)];
    this.#sent = [];
    this.#waiting = [];
    this.#bytes = 0;
    return left;
  }
}

export class CopyInbox {
  #expected = 1;
  /** Of the frames that the sender may still send again. */
  readonly #answers = new Map<number, CopiedFrame>();

  /**
   * `store`: it is the next. `answered`: it was stored before, and that was said. `ignore`: it is being stored, or will come again: one before it is missing, or its view is old.
   * @param view that the receiver knows
   */
  received(frame: CopyFrame, view: number): { readonly type: 'store' | 'ignore' } | { readonly type: 'answered'; readonly answer: CopiedFrame } {
    if (frame.number === this.#expected && frame.view >= view) {
      this.#expected++;
      return { type: 'store' };
    }
    const answer = this.#answers.get(frame.number);
    return answer === undefined ? { type: 'ignore' } : { type: 'answered', answer };
  }

  stored(number: number, results: readonly CopyResult[]): CopiedFrame {
    const answer: CopiedFrame = { type: 'copied', number, results: results.some((result) => result !== undefined) ? results : [] };
    this.#answers.set(number, answer);
    this.#answers.delete(number - 2 * WINDOW_FRAMES_MAX);
    return answer;
  }
}

export function bytesOf({ kind, id, writes }: CopyItem): number {
  let bytes = ITEM_BYTES + 2 * (kind.length + id.length);
  for (const write of writes) {
    bytes += ITEM_BYTES + 2 * (kind.length + id.length);
    if (write.type === 'snapshot') bytes += write.snapshot.state.length;
    else if (write.type === 'event') bytes += write.event.event.length;
    else if (write.type === 'setReminder') bytes += write.reminder.input?.length ?? 0;
  }
  return bytes;
}
