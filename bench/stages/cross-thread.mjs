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
import { loopOf, OPERATIONS, timed, timedLoop, timedUntil } from './measure.mjs';

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
  const common = commonStages(loopback);
  const paths = [
    ...pathsOf(loopback, common, far, 'a declared object of 20 bytes', small, 'takeSmall', OPERATIONS),
    ...pathsOf(loopback, common, far, 'an undeclared object of 20 bytes', small, 'take', OPERATIONS),
    ...pathsOf(loopback, common, far, 'declared bytes, 64 kB', large, 'takeBytes', LARGE_AT_ONCE),
  ];
  return { paths, close: () => nexus.stop() };
}

/** What every message takes, whatever is in it; measured with a message of nothing. */
function commonStages({ hosts: [sender, receiver], poll }) {
  const { cell, from } = spawnOn(receiver, 'of nothing');
  const { slot, generation } = from(sender);
  const kind = sender.kinds.byIndex(0);
  const { index } = kind.action('nothing');
  const entry = receiver.kinds.byIndex(0).action('nothing');
  const { table } = sender.engine;
  const out = sender.links.to(1);
  const send = loopOf(() => {
    if (!out.send(L.MESSAGE_TYPE_TELL, index, slot, generation, 0, 0, 0, 0, undefined, undefined, Admission.ifRingHasRoom)) throw new Error('the ring is full');
  });
  const enqueue = loopOf(() => receiver.dispatcher.enqueue(cell, entry, undefined, undefined, undefined));
  const drain = () => {
    // The budget is per visit of the event loop, of which there is none here.
    receiver.dispatcher.beginTurn();
    receiver.dispatcher.drain();
  };
  const { fill, link } = bareLink();
  const lookUp = timedLoop(() => receiver.cells.get(slot, generation)?.kind.actions[index]);
  return {
    sender: [
      { name: 'name of the action to its entry', run: timedLoop(() => kind.action('nothing').index) },
      { name: 'route: thread of the agent, from the table', run: timedLoop(() => table.threadOf(slot, generation)) },
      {
        name: 'ring room, header, commit, publish every 16',
        run: inTurn(
          () => timed(send),
          () => receiveAll(sender, poll),
        ),
      },
    ],
    receiver: [
      { name: 'ring read and header', run: inTurn(fill, () => timed(() => link.read(OPERATIONS))) },
      {
        name: 'cell and entry of the agent, twice',
        run: () => 2 * lookUp(),
      },
      { name: 'mailbox: enqueue', run: inTurn(() => timed(enqueue), drain) },
      { name: 'drain: dequeue, context, call of the handler', run: inTurn(enqueue, () => timed(drain)) },
    ],
  };
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
  const write = loopOf(() => writeBare(shared, writer, L.MESSAGE_TYPE_TELL, empty, 1));
  const fill = () => {
    write();
    writer.publish();
  };
  return { fill, link };
}

function pathsOf({ hosts: [sender, receiver], poll }, common, far, what, message, action, count) {
  const { cell, from } = spawnOn(receiver, `of ${what}`);
  const ref = from(sender);
  const entry = sender.kinds.byIndex(0).action(action);
  const isDeclared = entry.input !== undefined;
  const values = Array.from({ length: count }, (_, index) => message.make(index));
  const { write, read } = codecLoops(receiver, entry, values, message.bytes);
  const tell = loopOf((index) => {
    if (ref.tell(action, values[index]) !== 'accepted') throw new Error('the ring is full');
  }, count);
  const sent = () => {
    tell();
    sender.links.flush();
  };
  const copies = count === LARGE_AT_ONCE ? largeStages(values) : { write: [], read: [] };
  return [
    {
      title: `tell of ${what} to another thread: the sender`,
      stages: [
        ...common.sender,
        { name: isDeclared ? 'codec: check and write' : 'encode: keys by number, values', run: inTurn(() => timed(write, count), read) },
        ...copies.write,
      ],
      whole: {
        name: 'ref.tell',
        run: inTurn(
          () => timed(tell, count),
          () => receiveAll(sender, poll),
        ),
      },
      rest: 'router, limits, try',
    },
    {
      title: `tell of ${what} to another thread: the receiver`,
      stages: [
        ...common.receiver,
        { name: isDeclared ? 'codec: read and check' : 'decode: a new object', run: inTurn(write, () => timed(read, count)) },
        ...copies.read,
        { name: 'handler: weighs the message', run: timedLoop((index) => entry.handler(cell.state, values[index]), count) },
      ],
      whole: { name: 'poll: all of it', run: inTurn(sent, () => timed(poll[1], count)) },
      rest: 'calls, counters, caches',
      also: [
        {
          name: 'the same between two threads, a message',
          run: () => timedUntil(() => countedTells(far, { make: message.make, action }, count * 8), count * 8),
        },
      ],
    },
  ];
}

/** All values encoded side by side, as in a ring, and decoded again: the decoder of undeclared values must see every message once. */
function codecLoops(receiver, entry, values, payloadBytes) {
  const views = memoryViews(new SharedArrayBuffer(1 << 20));
  const limit = views.bytes.length;
  const stride = (payloadBytes + 128) & ~63;
  const ends = new Array(values.length).fill(0);
  const encoder = new ValueEncoder(noReferences);
  const decoder = new ValueDecoder(noReferences);
  const reading = receiver.kinds.byIndex(0).action(entry.name).input;
  let kept;
  const write = (index) => {
    ends[index] =
      entry.input === undefined
        ? encoder.encode(values[index], views.bytes, index * stride, limit)
        : entry.input.write(values[index], views, index * stride, limit);
    if (ends[index] < 0) throw new Error('there is no room');
  };
  const read = (index) => {
    kept = reading === undefined ? decoder.decode(views.bytes, index * stride, ends[index]) : reading.read(views, index * stride, ends[index]);
    if (kept === undefined) throw new Error('there is nothing');
  };
  return { write: loopOf(write, values.length), read: loopOf(read, values.length) };
}

/** What there is to large messages: memory. */
function largeStages(values) {
  const shared = new Uint8Array(new SharedArrayBuffer(1 << 20));
  const bytes = large.bytes;
  const kept = new Array(LARGE_AT_ONCE);
  return {
    write: [
      { name: 'copy of 64 kB into warm shared memory alone', within: true, run: timedLoop((index) => shared.set(values[index], index * bytes), LARGE_AT_ONCE) },
    ],
    read: [
      {
        name: 'allocation of 64 kB alone',
        within: true,
        run: timedLoop((index) => {
          kept[index] = new Uint8Array(bytes);
        }, LARGE_AT_ONCE),
      },
      {
        name: 'copy of 64 kB into warm memory alone',
        within: true,
        run: timedLoop((index) => values[index].set(shared.subarray(index * bytes, (index + 1) * bytes)), LARGE_AT_ONCE),
      },
    ],
  };
}

/** Both in this order; the one that is timed returns its time. */
function inTurn(first, second) {
  return () => {
    const before = first();
    const after = second();
    return before ?? after;
  };
}

function receiveAll(sender, poll) {
  sender.links.flush();
  poll[1]();
}
