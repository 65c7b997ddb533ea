/** Messages of a session: what can be sent, what is refused, limits, credit, fragments, compression. */
import { expect, test } from 'vitest';
import { shape } from 'nexus-agents';
import { AgentStandIn, framesOf, openPair, pass, settle, sideOf, start } from './pair.js';

const ORDER = shape.object({ id: shape.uint32, name: shape.string });

function thrownBy(call: () => unknown): { readonly code?: string; readonly message: string } {
  try {
    call();
  } catch (error) {
    return error as Error;
  }
  throw new Error('nothing was thrown');
}

test('an agent cannot be sent to another node, and the error names the place', () => {
  const { a, b } = openPair();
  const error = thrownBy(() => a.session.send('normal', 1, { list: [1, { who: new AgentStandIn() }] }));
  expect([error.code, error.message]).toEqual(['NEXUS_NOT_CLONEABLE', 'message.list[1].who is an agent, which cannot be sent to another node']);
  expect(thrownBy(() => a.codec.register(shape.object({ who: shape.array(shape.agentRef) }))).message).toBe(
    'message.who[] is declared as an agent, which cannot be sent to another node',
  );
  a.session.send('normal', 1, 'next');
  settle(a, b);
  expect(b.messages.map(({ value }) => value)).toEqual(['next']);
});

test('a value of a registered shape travels by its codec; of one that is not registered there it is refused alone, with its fingerprint', () => {
  const { a, b } = openPair();
  b.codec.register(ORDER);
  a.session.send('normal', 1, { id: 1, name: 'x' }, ORDER);
  a.session.send('normal', 1, { id: 2, other: true }, shape.object({ id: shape.uint32, other: shape.boolean }));
  a.session.send('normal', 1, { id: 3, name: 'z'.repeat(200_000) }, ORDER);
  settle(a, b);
  expect(b.messages.map(({ value }) => (value as { id: number }).id)).toEqual([1, 3]);
  expect(b.refused.map((error) => (error as { code?: string }).code)).toEqual(['NEXUS_SHAPE_UNKNOWN']);
  expect([b.session.isOpen, b.session.statistics().refusedMessages]).toEqual([true, 1]);
  expect(thrownBy(() => a.session.send('normal', 1, { id: -1, name: 'x' }, ORDER)).code).toBe('NEXUS_SHAPE_MISMATCH');
});

test('a message that is too large is refused where it is sent, and those around it arrive', () => {
  const { a, b } = openPair({ limits: { messageBytes: 100_000 } }, { limits: { messageBytes: 90_000 } });
  a.session.send('bulk', 1, { before: 1 });
  expect(thrownBy(() => a.session.send('bulk', 1, new Uint8Array(95_000))).code).toBe('NEXUS_MESSAGE_TOO_LARGE');
  expect(thrownBy(() => a.session.send('bulk', 1, { text: 'x'.repeat(95_000) }, shape.object({ text: shape.string }))).code).toBe('NEXUS_MESSAGE_TOO_LARGE');
  a.session.send('bulk', 1, { after: 1 });
  settle(a, b);
  expect(b.messages.map(({ value }) => value)).toEqual([{ before: 1 }, { after: 1 }]);
});

test('what waits and turns out too large for the peer is refused when that is known', () => {
  const [a, b] = [sideOf('a'), sideOf('b', { limits: { messageBytes: 90_000 } })];
  for (const size of [10, 95_000, 20]) a.session.send('bulk', 1, new Uint8Array(size));
  start(a, b);
  settle(a, b);
  expect(b.messages.map(({ value }) => (value as Uint8Array).length)).toEqual([10, 20]);
  expect(a.refused.map((error) => (error as { code?: string }).code)).toEqual(['NEXUS_MESSAGE_TOO_LARGE']);
  expect([a.session.statistics().waitingMessages, a.session.statistics().waitingBytes]).toEqual([0, 0]);
});

test('send says full when as much waits as may, and drained comes when half of it has gone', () => {
  const { a, b } = openPair({
    limits: { waiting: { control: { bytes: 1e6, messages: 10 }, normal: { bytes: 1e6, messages: 100 }, bulk: { bytes: 100_000, messages: 100 } } },
  });
  const outcomes = Array.from({ length: 105 }, (_, index) => a.session.send('normal', 1, index));
  expect([outcomes.indexOf('full'), outcomes.filter((outcome) => outcome === 'accepted').length]).toEqual([100, 100]);
  expect([a.session.send('bulk', 1, new Uint8Array(200_000)), a.session.send('bulk', 1, 1), a.session.send('control', 1, 1)]).toEqual([
    'accepted',
    'full',
    'accepted',
  ]);
  expect(a.drained).toEqual([]);
  settle(a, b);
  expect(a.drained.sort()).toEqual(['bulk', 'normal']);
  expect(b.messages.length).toBe(102);
});

test('a sender waits for credit, and goes on when the receiver has consumed', () => {
  const credit = { normal: { bytes: 131_072, messages: 2048 }, bulk: { bytes: 131_072, messages: 2048 } };
  const { a, b } = openPair({}, { limits: { credit } });
  for (let index = 0; index < 10; index++) a.session.send('bulk', 1, new Uint8Array(60_000));
  for (let index = 0; index < 5000; index++) a.session.send('normal', 1, index);
  a.session.send('control', 1, 'exempt');
  const frames = framesOf(a);
  expect(frames.filter((frame) => frame[1] === 2).length).toBe(2);
  expect(frames.filter((frame) => frame[1] === 1).length).toBe(2);
  for (const frame of frames) b.session.received(frame, 0);
  expect(pass(b, a).length).toBe(1);
  settle(a, b);
  settle(a, b, 50);
  expect([b.messages.length, b.messages.filter(({ lane }) => lane === 'bulk').length]).toEqual([5011, 10]);
});

test('what is in fragments takes memory of a budget that all sessions share; what does not fit is refused alone', () => {
  const { a, b } = openPair();
  const small = openPair({}, { budget: b.budget });
  Object.assign(b.budget, { bytesMax: 250_000 });
  a.session.send('bulk', 1, new Uint8Array(200_000));
  small.a.session.send('normal', 1, new Uint8Array(100_000));
  small.a.session.send('normal', 1, 'next');
  b.session.received(a.session.nextFrame(0) as Uint8Array, 0);
  expect(b.budget.takenBytes).toBeGreaterThan(200_000);
  settle(small.a, small.b);
  expect(small.b.messages.map(({ value }) => value)).toEqual(['next']);
  expect(small.b.refused.map((error) => (error as { code?: string }).code)).toEqual(['NEXUS_MESSAGE_TOO_LARGE']);
  settle(a, b);
  expect([(b.messages[0]?.value as Uint8Array).length, b.budget.takenBytes]).toEqual([200_000, 0]);
  a.session.send('bulk', 1, new Uint8Array(200_000));
  b.session.received(a.session.nextFrame(0) as Uint8Array, 0);
  b.session.disconnected('reset');
  expect(b.budget.takenBytes).toBe(0);
});

test('large messages are compressed where both sides can, and only if that saves something', () => {
  const compression = { bytesMin: 1000 };
  const text = 'a sentence that comes again and again. '.repeat(10_000);
  const noise = Uint8Array.from({ length: 100_000 }, (_, index) => Math.imul(index ^ (index >>> 3), 0x9e3779b1) >>> 13);
  const bytesBetween = (a: object, b: object, value: unknown): number => {
    const pair = openPair(a, b);
    pair.b.codec.register(ORDER);
    pair.a.session.send('bulk', 1, value);
    pair.a.session.send('bulk', 1, { id: 1, name: text }, ORDER);
    pair.a.session.send('normal', 1, { small: text.slice(0, 3000) });
    const before = pair.b.session.statistics().receivedBytes;
    settle(pair.a, pair.b);
    expect(pair.b.messages.filter(({ lane }) => lane === 'bulk').map((message) => message.value)).toStrictEqual([value, { id: 1, name: text }]);
    expect(pair.b.messages.find(({ lane }) => lane === 'normal')?.value).toEqual({ small: text.slice(0, 3000) });
    return pair.b.session.statistics().receivedBytes - before;
  };
  expect(bytesBetween({ compression }, { compression }, { text })).toBeLessThan(20_000);
  expect(bytesBetween({ compression }, {}, { text })).toBeGreaterThan(700_000);
  expect(bytesBetween({}, { compression }, { text })).toBeGreaterThan(700_000);
  expect(bytesBetween({ compression }, { compression }, Buffer.from(noise).toString('latin1'))).toBeLessThan(130_000);
});

test('a getter that sends a message itself is refused, and what was sent arrives', () => {
  const { a, b } = openPair();
  const sneaky = {
    get inner() {
      a.session.send('bulk', 1, { id: 1, name: 'inner' }, ORDER);
      return 1;
    },
  };
  expect(thrownBy(() => a.session.send('normal', 1, sneaky)).code).toBe('NEXUS_NOT_CLONEABLE');
  a.session.send('normal', 1, 'after');
  settle(a, b);
  expect(b.messages.map(({ value }) => value)).toEqual(['after']);
});

test('datagrams are frames of their own: lost, twice or in another order they do no harm', () => {
  const { a, b } = openPair();
  const frames = [1, 2, 3].map((value) => a.session.datagram(Uint8Array.of(value)) as Uint8Array);
  for (const index of [2, 0, 0]) b.session.received(frames[index] as Uint8Array, 0);
  a.session.send('normal', 1, 'ordered');
  settle(a, b);
  expect([b.datagrams.map(([value]) => value), b.messages.length]).toEqual([[3, 1, 1], 1]);
  expect(thrownBy(() => a.session.datagram(new Uint8Array(1_048_577))).code).toBe('NEXUS_MESSAGE_TOO_LARGE');
  expect(sideOf('c').session.datagram(Uint8Array.of(1))).toBe(undefined);
});

test('a frame that was given out is never written again', () => {
  const { a, b } = openPair();
  const frames: Uint8Array[] = [];
  const copies: Uint8Array[] = [];
  for (let round = 0; round < 300; round++) {
    for (let index = 0; index < 20; index++) a.session.send('normal', 1, { round, index, text: 'x'.repeat((round * 7) % 300) });
    for (const frame of framesOf(a)) {
      frames.push(frame);
      copies.push(frame.slice());
    }
  }
  expect(frames.every((frame, index) => Buffer.compare(frame, copies[index] as Uint8Array) === 0)).toBe(true);
  for (const frame of frames) b.session.received(frame, 0);
  expect(b.messages.length).toBe(6000);
});

test('whoever sends and asks for frames when a lane has drained, or when the session closes, gets them in order', () => {
  const frames: Uint8Array[] = [];
  const pump = (): void => {
    for (let frame = a.session.nextFrame(0); frame !== undefined; frame = a.session.nextFrame(0)) frames.push(frame);
  };
  let left = 500;
  const { a, b } = openPair({
    limits: { waiting: { control: { bytes: 1e6, messages: 10 }, normal: { bytes: 1e6, messages: 10 }, bulk: { bytes: 1e6, messages: 10 } } },
    on: {
      drained: () => {
        while (left > 0 && a.session.send('normal', 1, left) === 'accepted') left--;
        pump();
      },
      closed: () => pump(),
    },
  });
  while (a.session.send('normal', 1, left) === 'accepted') left--;
  pump();
  a.session.finish(0);
  pump();
  for (let round = 0; round < 5; round++) {
    for (const frame of frames.splice(0)) b.session.received(frame, 0);
    pass(b, a, 0);
    pump();
  }
  expect([left, b.messages.map(({ value }) => value)]).toEqual([0, Array.from({ length: 500 }, (_, index) => 500 - index)]);
  expect([a.ends[0]?.error, b.ends[0]?.error]).toEqual([undefined, undefined]);
});

test('large messages stand for themselves: each arrives whatever became of the one before', () => {
  const { a, b } = openPair();
  const rows = (from: number): unknown => Array.from({ length: 5000 }, (_, index) => ({ id: from + index, name: `row ${index}`, tags: { a: 1, b: index } }));
  for (const from of [0, 10_000, 20_000]) a.session.send('bulk', 1, rows(from));
  const taken = b.budget.bytesMax;
  for (let frame = a.session.nextFrame(0); frame !== undefined; frame = a.session.nextFrame(0)) {
    // The first one finds no room.
    Object.assign(b.budget, { bytesMax: b.refused.length === 0 ? 1000 : taken });
    b.session.received(frame, 0);
  }
  expect(b.refused.length).toBe(1);
  expect(b.messages.map(({ value }) => value)).toEqual([rows(10_000), rows(20_000)]);
});

test('a session that is idle can give back its memory, and goes on where it was', () => {
  const { a, b } = openPair();
  for (let round = 0; round < 5; round++) {
    for (let index = 0; index < 20; index++) a.session.send('normal', 1, { round, index, same: 'keys' });
    a.session.forgetMemory();
    settle(a, b);
    a.session.forgetMemory();
    b.session.forgetMemory();
  }
  expect(b.messages.map(({ value }) => value)).toEqual(Array.from({ length: 100 }, (_, at) => ({ round: Math.floor(at / 20), index: at % 20, same: 'keys' })));
});
