/** The header of a message from thread to thread: whatever of it is there arrives as it was sent, in the ring, through the outbox and in fragments. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { RingReader, RingWriter } from '../../../dist/bindings/portable/ring.js';
import { createSharedMemory } from '../../../dist/bindings/shared-memory.js';
import * as L from '../../../dist/layout/generated/layout.js';
import { memoryViews } from '../../../dist/ts-src/codec/declared/memory-views.js';
import { ValueDecoder } from '../../../dist/ts-src/codec/value-decoder.js';
import { ValueEncoder } from '../../../dist/ts-src/codec/value-encoder.js';
import { MessageTrace, TRACE_HOPS_MAX } from '../../../dist/ts-src/model/message-trace.js';
import { InboundLink, type Receiver } from '../../../dist/ts-src/runtime/inbound-link.js';
import { Admission, OutboundLink } from '../../../dist/ts-src/runtime/outbound-link.js';

const noReferences = { isReference: () => false, describe: () => undefined as never, restore: () => ({}) };

const hex = (digits: number): fc.Arbitrary<string> => fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: digits, maxLength: digits });
const NOW_MS = 5_000_000_000.5;

const message = fc.record({
  isAsk: fc.boolean(),
  action: fc.nat(65_535),
  slot: fc.integer({ min: 1, max: 2 ** 23 }),
  replySlot: fc.nat(1000),
  replySequence: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
  senderSlot: fc.constantFrom(0, 1, 77, 2 ** 23),
  deadlineMs: fc.oneof(fc.constant(0), fc.double({ min: 0.001, max: 1e12, noNaN: true }), fc.integer({ min: 1, max: 2 ** 40 })),
  trace: fc.option(fc.tuple(hex(32), hex(16), fc.nat(255), fc.nat(TRACE_HOPS_MAX), fc.boolean(), fc.nat(30 * 60_000)), { nil: undefined }),
  input: fc.oneof(fc.constant(undefined), fc.string({ maxLength: 40 }), fc.integer(), fc.constant('x'.repeat(6000))),
});

test('a deadline arrives to the microsecond and a trace as it was, whatever else is in the header, and nothing where there is none', () => {
  fc.assert(
    fc.property(fc.array(message, { minLength: 1, maxLength: 30 }), (messages) => {
      const shared = createSharedMemory({ threadCount: 2, recordCapacity: 4096, ringBytes: 16_384 }, [1, 2]);
      const views = memoryViews(shared.memory.buffer);
      const outbound = new OutboundLink({
        ...{ shared, views, encoder: new ValueEncoder(noReferences), writer: new RingWriter(shared, 0, 1), messageBytesMax: 1 << 20 },
        stampMs: () => -1,
        wake: () => undefined,
        flushSoon: () => undefined,
      });
      const arrived: unknown[] = [];
      const receiver: Receiver = {
        inputCodec: () => undefined,
        replyCodec: () => undefined,
        tell: (_thread, slot, _generation, action, input, senderSlot, _senderGeneration, trace) =>
          void arrived.push({ slot, action, input, senderSlot, trace: plain(trace) }),
        ask: (_thread, slot, _generation, action, input, senderSlot, _senderGeneration, replySlot, replySequence, deadlineMs, trace) =>
          void arrived.push({ slot, action, input, senderSlot, replySlot, replySequence, deadlineMs, trace: plain(trace) }),
        reply: () => arrived.push('a reply'),
        replyError: () => arrived.push('an error'),
        discarded: () => arrived.push('discarded'),
        replyDiscarded: () => arrived.push('a reply was discarded'),
        corrupt: (_thread, _slot, _sequence, error) => arrived.push(error),
      };
      const inbound = new InboundLink(
        views,
        0,
        new RingReader(shared, 0, 1),
        new ValueDecoder(noReferences),
        receiver,
        0,
        () => undefined,
        () => NOW_MS,
      );
      const sent = messages.map(({ isAsk, action, slot, replySlot, replySequence, senderSlot, deadlineMs, trace, input }) => {
        const type = isAsk ? L.MESSAGE_TYPE_ASK : L.MESSAGE_TYPE_TELL;
        outbound.send(
          type,
          action,
          slot,
          3,
          replySlot,
          replySequence,
          senderSlot,
          4,
          input,
          undefined,
          Admission.always,
          isAsk ? deadlineMs : 0,
          traceOf(trace),
        );
        return isAsk
          ? { slot, action, input, senderSlot, replySlot, replySequence, deadlineMs: Math.ceil(deadlineMs * 1000) / 1000, trace: plain(traceOf(trace)) }
          : { slot, action, input, senderSlot, trace: plain(traceOf(trace)) };
      });
      for (let round = 0; round < 200 && arrived.length < sent.length; round++) {
        outbound.flush();
        inbound.read(1024);
      }
      expect(arrived).toEqual(sent);
    }),
    { numRuns: 200 },
  );
});

function traceOf(drawn: readonly [string, string, number, number, boolean, number] | undefined): MessageTrace | undefined {
  if (drawn === undefined) return undefined;
  const [traceId, spanId, flags, hops, begins, waitedMs] = drawn;
  return begins ? new MessageTrace('', '', flags, hops, NOW_MS - waitedMs, false) : new MessageTrace(traceId, spanId, flags, hops, NOW_MS - waitedMs, false);
}

function plain(trace: MessageTrace | undefined): unknown {
  return trace && { id: trace.traceId, span: trace.spanId, flags: trace.flags, hops: trace.hops, begins: trace.begins, sentMs: trace.sentMs };
}
