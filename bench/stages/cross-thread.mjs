/** The stages of a tell between threads, at either end. */
import { createNexus } from 'nexus-agents';
import { RingReader, RingWriter } from '../../dist/bindings/portable/ring.js';
import { createSharedMemory } from '../../dist/bindings/shared-memory.js';
import * as L from '../../dist/layout/generated/layout.js';
import { memoryViews } from '../../dist/ts-src/codec/declared/memory-views.js';
import { ValueDecoder } from '../../dist/ts-src/codec/value-decoder.js';
import { ValueEncoder } from '../../dist/ts-src/codec/value-encoder.js';
import { InboundLink } from '../../dist/ts-src/runtime/inbound-link.js';
import { Admission } from '../../dist/ts-src/runtime/outbound-link.js';
import { writeBare } from '../suites/cross-thread/bare-message.mjs';
import { countedTells } from '../suites/cross-thread/counted-tells.mjs';
import { byteArrays, MESSAGES } from '../suites/cross-thread/messages.mjs';
import { Sink } from '../suites/cross-thread/sink.mjs';
import { spawnOn } from './loopback.mjs';
import { OPERATIONS, timed, timedUntil } from './measure.mjs';

const small = MESSAGES.find(({ title }) => title === 'tell, object of 20 bytes');
const large = { bytes: 65_536, make: byteArrays(65_536) };
/** So many 64 kB fit into a ring with what `begin` keeps free. */
const LARGE_AT_ONCE = 8;
const noReferences = { isReference: () => false, describe: nothing, restore: nothing };

function nothing() {}

/** @param {ReturnType<import('./loopback.mjs').openLoopback>} loopback whose kind is `Sink` */
export async function crossThreadPaths(loopback) {
  const nexus = await createNexus({ agents: [new URL('../suites/cross-thread/sink.mjs', import.meta.url)], threads: 1 });
  const far = await nexus.spawn(Sink, { thread: 1 });
  const ends = { ...loopback, ...bareLink() };
  const paths = [
    ...pathsOf(ends, far, 'a declared object of 20 bytes', small, 'takeSmall', OPERATIONS),
    ...pathsOf(ends, far, 'an undeclared object of 20 bytes', small, 'take', OPERATIONS),
    ...pathsOf(ends, far, 'declared bytes, 64 kB', large, 'takeBytes', LARGE_AT_ONCE),
  ];
  return { paths, close: () => nexus.stop() };
}

/** A ring with messages of a header only, and a link that hands them to nobody. */
function bareLink() {
  const shared = createSharedMemory({ threadCount: 2, recordCapacity: 4096, ringBytes: 1 << 20 }, [1, 2]);
  const writer = new RingWriter(shared, 0, 1);
  const nobody = {
    tell: nothing,
    ask: nothing,
    inputCodec: nothing,
    replyCodec: nothing,
    reply: nothing,
    replyError: nothing,
    discarded: nothing,
    corrupt: nothing,
  };
  const link = new InboundLink(memoryViews(shared.memory.buffer), 0, new RingReader(shared, 0, 1), new ValueDecoder(noReferences), nobody, 0);
  const empty = new Int32Array(0);
  const fill = (count) => {
    for (let index = 0; index < count; index++) writeBare(shared, writer, L.MESSAGE_TYPE_TELL, empty, 1);
    writer.publish();
  };
  return { fill, link };
}

function pathsOf({ shared, hosts: [sender, receiver], poll, fill, link }, far, what, message, action, count) {
  const id = `sink of ${what}`;
  const { cell, from } = spawnOn(receiver, id);
  const ref = from(sender);
  const { slot, generation } = ref;
  const kind = sender.kinds.byIndex(0);
  const entry = kind.action(action);
  const { table } = sender.engine;
  const out = sender.links.to(1);
  const values = Array.from({ length: count }, (_, index) => message.make(index));
  const views = memoryViews(new SharedArrayBuffer(1 << 20));
  const encoder = new ValueEncoder(noReferences);
  const decoder = new ValueDecoder(noReferences);
  // Well apart, as they are in a ring.
  const stride = (message.bytes + 128) & ~63;
  const codec = entry.input;
  const ofEach = (body) => {
    for (let index = 0; index < count; index++) body(values[index], index * stride);
  };
  const limit = views.bytes.length;
  const endsAt = new Array(count).fill(0);
  const write = () =>
    ofEach(
      codec === undefined
        ? (value, at) => {
            endsAt[at / stride] = encoder.encode(value, views.bytes, at, limit);
          }
        : (value, at) => {
            endsAt[at / stride] = codec.write(value, views, at, limit);
          },
    );
  const receivingCodec = receiver.kinds.byIndex(0).action(action).input;
  let kept;
  const read = () =>
    ofEach(
      codec === undefined
        ? (_, at) => {
            kept = decoder.decode(views.bytes, at, endsAt[at / stride]);
          }
        : (_, at) => {
            kept = receivingCodec.read(views, at, endsAt[at / stride]);
          },
    );
  // A stream in which the decoder sees every message once: in the ring and for the two codecs alike.
  const writtenThenRead = () => {
    write();
    return timed(read, count);
  };
  const writtenAndRead = () => {
    const ns = timed(write, count);
    read();
    return ns;
  };
  const sent = () =>
    ofEach(() => out.send(L.MESSAGE_TYPE_TELL, kind.action('nothing').index, slot, generation, 0, 0, 0, 0, undefined, undefined, Admission.ifRingHasRoom));
  const received = () => {
    sender.links.flush();
    poll[1]();
  };
  const take = entry.handler;
  const receiverEntry = receiver.kinds.byIndex(0).action(action);
  const enqueued = () => ofEach((value) => receiver.dispatcher.enqueue(cell, receiverEntry, value, undefined, undefined));
  const drained = () => {
    receiver.dispatcher.beginTurn();
    receiver.dispatcher.drain();
  };
  const told = () =>
    ofEach((value) => {
      if (ref.tell(action, value) !== 'accepted') throw new Error('the ring is full');
    });
  const isLarge = count !== OPERATIONS;
  const source = values[0];

  return [
    {
      title: `tell of ${what} to another thread: the sender`,
      stages: [
        {
          name: 'name of the action to its entry',
          run: () =>
            timed(
              () =>
                ofEach(() => {
                  kept = kind.action(action);
                }),
              count,
            ),
        },
        {
          name: 'route: thread of the agent, from the table',
          run: () =>
            timed(
              () =>
                ofEach(() => {
                  kept = table.threadOf(slot, generation);
                }),
              count,
            ),
        },
        {
          name: 'ring room, header, commit, publish every 16',
          run: () => {
            const ns = timed(sent, count);
            received();
            return ns;
          },
        },
        { name: codec === undefined ? 'encode: keys by number, values' : 'codec: check and write', run: writtenAndRead },
        ...(isLarge ? [{ name: 'copy of 64 kB alone', within: true, run: () => timed(() => ofEach((value, at) => views.bytes.set(value, at)), count) }] : []),
      ],
      whole: {
        name: 'ref.tell',
        run: () => {
          const ns = timed(told, count);
          received();
          return ns;
        },
      },
      rest: 'router, limits, try',
    },
    {
      title: `tell of ${what} to another thread: the receiver`,
      stages: [
        {
          name: 'ring read and header',
          run: () => {
            fill(count);
            return timed(() => link.read(count), count);
          },
        },
        { name: codec === undefined ? 'decode: a new object' : 'codec: read and check', run: writtenThenRead },
        ...(isLarge
          ? [
              {
                name: 'allocation of 64 kB alone',
                within: true,
                run: () =>
                  timed(
                    () =>
                      ofEach(() => {
                        kept = new Uint8Array(65_536);
                      }),
                    count,
                  ),
              },
              {
                name: 'copy of 64 kB alone',
                within: true,
                run: () => timed(() => ofEach((_, at) => source.set(views.bytes.subarray(at, at + 65_536))), count),
              },
            ]
          : []),
        {
          name: 'cell and entry of the agent, twice',
          run: () =>
            timed(
              () =>
                ofEach(() => {
                  kept = receiver.cells.get(slot, generation)?.kind.actions[entry.index];
                  kept = receiver.cells.get(slot, generation)?.kind.actions[entry.index];
                }),
              count,
            ),
        },
        {
          name: 'mailbox: enqueue',
          run: () => {
            const ns = timed(enqueued, count);
            drained();
            return ns;
          },
        },
        {
          name: 'drain: dequeue, context, handler',
          run: () => {
            enqueued();
            return timed(drained, count);
          },
        },
        { name: 'handler alone', within: true, run: () => timed(() => ofEach((value) => take(cell.state, value)), count) },
      ],
      whole: {
        name: 'poll: all of it',
        run: () => {
          told();
          sender.links.flush();
          return timed(poll[1], count);
        },
      },
      rest: 'sharing of caches, counters',
      also: [
        { name: 'between two threads, for one message', run: () => timedUntil(() => countedTells(far, { make: message.make, action }, count * 8), count * 8) },
      ],
    },
  ];
}
