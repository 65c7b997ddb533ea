/**
 * The trace that a message belongs to: what goes with it from its sender to its handler, in the place of its sender in a mailbox, and in the ring. Only messages that are
 * traced have one. A value; what is done with it is `runtime/tracing.ts`.
 */
import * as L from '../../layout/generated/layout.js';

/**
 * Messages that follow from each other in one trace; what the last one sends begins anew, or is not traced. It bounds the trace of an agent that keeps itself going with
 * messages or timers.
 */
export const TRACE_HOPS_MAX = 1000;

const BEGINS_BIT = 256;
const HOPS_SHIFT = 16;

export class MessageTrace {
  /** 32 and 16 hexadecimal digits; empty for a message that begins a trace. */
  readonly traceId: string;
  readonly spanId: string;
  /** As in a traceparent header. */
  readonly flags: number;
  /** Messages of the trace before this one, one caused by the other. */
  readonly hops: number;
  /** By the clock of all threads. */
  readonly sentMs: number;
  /** It came from another thread. */
  readonly isRemote: boolean;

  constructor(traceId: string, spanId: string, flags: number, hops: number, sentMs: number, isRemote: boolean) {
    this.traceId = traceId;
    this.spanId = spanId;
    this.flags = flags;
    this.hops = hops;
    this.sentMs = sentMs;
    this.isRemote = isRemote;
  }

  get begins(): boolean {
    return this.traceId === '';
  }
}

/** Into MESSAGE_TRACE_WORDS words from `at`: the trace id, the id of the span, flags with the number of hops, and when it was sent, in microseconds without the high bits. */
export function writeTrace(words: Int32Array, at: number, { traceId, spanId, flags, hops, sentMs, begins }: MessageTrace): void {
  for (let word = 0; word < 4; word++) words[at + word] = begins ? 0 : Number.parseInt(traceId.slice(word * 8, word * 8 + 8), 16) | 0;
  for (let word = 0; word < 2; word++) words[at + 4 + word] = begins ? 0 : Number.parseInt(spanId.slice(word * 8, word * 8 + 8), 16) | 0;
  words[at + 6] = (flags & 255) | (begins ? BEGINS_BIT : 0) | (hops << HOPS_SHIFT);
  words[at + L.MESSAGE_TRACE_WORDS - 1] = microseconds(sentMs);
}

export function readTrace(words: Int32Array, at: number, nowMs: number): MessageTrace {
  const word = words[at + 6] as number;
  const begins = (word & BEGINS_BIT) !== 0;
  const hex = (from: number, count: number): string => {
    let digits = '';
    for (let index = from; index < from + count; index++) digits += ((words[at + index] as number) >>> 0).toString(16).padStart(8, '0');
    return digits;
  };
  // The difference is right for messages that were on their way for less than 35 minutes.
  const waitedUs = (microseconds(nowMs) - (words[at + L.MESSAGE_TRACE_WORDS - 1] as number)) | 0;
  return new MessageTrace(begins ? '' : hex(0, 4), begins ? '' : hex(4, 2), word & 255, word >>> HOPS_SHIFT, nowMs - Math.max(0, waitedUs) / 1000, true);
}

function microseconds(timeMs: number): number {
  return Math.round((timeMs % 4294967.296) * 1000) | 0;
}

/** As part of a larger value that is sent. */
export type TraceValues = readonly [traceId: string, spanId: string, flags: number, hops: number, sentMs: number];

export function traceValues(trace: MessageTrace | undefined): TraceValues | undefined {
  return trace === undefined ? undefined : [trace.traceId, trace.spanId, trace.flags, trace.hops, trace.sentMs];
}

export function traceOfValues(values: TraceValues | undefined): MessageTrace | undefined {
  return values === undefined ? undefined : new MessageTrace(...values, true);
}
