/** The two ends of a link between threads, for the threads that die in the middle of it and for those that go on. `load` imports a file of the build under test. */
export const CONSUMER = 0;
export const PRODUCER = 1;
const LARGE = 6000;

const references = { isReference: () => false, describe: () => undefined, restore: () => undefined };

/** What message `number` of a life of the producer says. Every seventh is larger than a quarter of the ring, and goes in fragments. */
export function messageOf(life, number) {
  return { life, number, text: `${life}.${number} `.repeat(number % 7 === 6 ? LARGE / 5 : number % 5) };
}

export async function links(load) {
  const { RingReader, RingWriter } = await load('bindings/portable/ring.js');
  const { InboundLink } = await load('ts-src/runtime/inbound-link.js');
  const { OutboundLink, Admission } = await load('ts-src/runtime/outbound-link.js');
  const { memoryViews } = await load('ts-src/codec/declared/memory-views.js');
  const { ValueDecoder } = await load('ts-src/codec/value-decoder.js');
  const { ValueEncoder } = await load('ts-src/codec/value-encoder.js');
  const L = await load('layout/generated/layout.js');
  /** Words and bytes are those of `shared`, whose accesses may be steps. */
  const viewsOf = (shared) => ({ ...memoryViews(shared.memory.buffer), words: shared.words, bytes: shared.bytes });
  return {
    L,
    /** `published` is called with the number of messages that have been made visible so far. */
    openOutbound(shared, published = () => undefined) {
      const link = new OutboundLink({
        shared,
        views: viewsOf(shared),
        encoder: new ValueEncoder(references),
        writer: new RingWriter(shared, PRODUCER, CONSUMER),
        messageBytesMax: 1 << 20,
        // Every publication is stamped, so that those steps are met too.
        stampMs: () => 1,
        wake: () => published(link.sent - link.waiting),
        flushSoon: () => undefined,
      });
      return link;
    },
    send: (link, life, number) =>
      link.send(L.MESSAGE_TYPE_TELL, 1, number + 1, life, 0, 0, 0, 0, messageOf(life, number), undefined, Admission.ifOutboxHasRoom),
    /** Appends what arrives to `log`: values of tells, numbers of those thrown away, and what was corrupt. */
    openInbound(shared, incarnation, log) {
      const receiver = {
        tell: (_thread, slot, _generation, _action, input) => log.told.push({ ...input, slot }),
        inputCodec: () => undefined,
        replyCodec: () => undefined,
        ask: () => log.corrupt.push('an ask'),
        reply: () => log.corrupt.push('a reply'),
        replyError: () => log.corrupt.push('an error'),
        discarded: (_thread, slot, generation) => log.discarded.push({ life: generation, number: slot - 1 }),
        replyDiscarded: () => undefined,
        corrupt: (_thread, _slot, _sequence, error) => log.corrupt.push(String(error)),
      };
      return new InboundLink(
        viewsOf(shared),
        PRODUCER,
        new RingReader(shared, PRODUCER, CONSUMER),
        new ValueDecoder(references),
        receiver,
        incarnation,
        () => undefined,
      );
    },
    emptyLog: () => ({ told: [], discarded: [], corrupt: [] }),
  };
}
