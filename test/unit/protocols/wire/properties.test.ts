/** What holds for every sequence of messages and every way the network cuts it up in time, against a dumb twin: a list for each lane. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LANES, type Lane } from '../../../../dist/ts-src/ports/transport.js';
import { readU32 } from '../../../../dist/ts-src/protocols/wire/frame-format.js';
import { ByteReader } from '../../../../dist/ts-src/protocols/bytes/byte-reader.js';
import { framesOf, nonceOf, openPair, type Side, sideOf } from './pair.js';

const CREDIT = { bytes: 131_072, messages: 2048 };
const LIMITS = { credit: { normal: CREDIT, bulk: CREDIT } };
const RECEIPT = 3;

type Step =
  | { readonly type: 'send'; readonly from: 0 | 1; readonly lane: Lane; readonly size: number; readonly count: number }
  /** Takes frames of one side, up to so many. */
  | { readonly type: 'take'; readonly from: 0 | 1; readonly frames: number }
  /** Lets the network deliver so many. */
  | { readonly type: 'deliver'; readonly from: 0 | 1; readonly frames: number }
  | { readonly type: 'wait'; readonly ms: number };

const side = fc.constantFrom(0 as const, 1 as const);
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    type: fc.constant('send' as const),
    from: side,
    lane: fc.constantFrom(...LANES),
    size: fc.oneof(fc.nat(200), fc.nat(5000), fc.integer({ min: 60_000, max: 200_000 })),
    count: fc.integer({ min: 1, max: 40 }),
  }),
  fc.record({ type: fc.constant('take' as const), from: side, frames: fc.integer({ min: 1, max: 30 }) }),
  fc.record({ type: fc.constant('deliver' as const), from: side, frames: fc.integer({ min: 1, max: 30 }) }),
  fc.record({ type: fc.constant('wait' as const), ms: fc.nat(60) }),
);

/** What the sender may have under way, computed from the frames alone. */
class CreditWatch {
  readonly #sent = [0, 0, 0];
  readonly #consumed = [0, 0, 0];
  most = 0;

  sent(frame: Uint8Array): void {
    if (frame[0] !== 1 && frame[0] !== 2) return;
    const lane = frame[1] as number;
    this.#sent[lane] = (this.#sent[lane] as number) + readU32(frame, 4);
    const open = (this.#sent[lane] as number) - (this.#consumed[lane] as number);
    if (lane > 0) this.most = Math.max(this.most, open);
  }

  receiptCame(frame: Uint8Array): void {
    if (frame[0] !== RECEIPT) return;
    const input = new ByteReader(frame, 16);
    for (const lane of [0, 1, 2]) {
      this.#consumed[lane] = input.unsigned();
      input.unsigned();
    }
  }
}

test('any sequence of messages arrives whole and in order on each lane, however frames are delayed, and no sender exceeds its credit', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const { a, b } = openPair({ limits: LIMITS }, { limits: LIMITS });
      const sides = [a, b] as const;
      const twins = sides.map(() => ({ control: [] as string[], normal: [] as string[], bulk: [] as string[] }));
      const network: [Uint8Array[], Uint8Array[]] = [[], []];
      const watches = [new CreditWatch(), new CreditWatch()] as const;
      let nowMs = 0;
      let number = 0;
      const taken = (from: 0 | 1, frame: Uint8Array): void => {
        watches[from].sent(frame);
        network[from].push(frame);
      };
      const deliver = (from: 0 | 1, frame: Uint8Array): void => {
        const to = from === 0 ? 1 : 0;
        watches[to].receiptCame(frame);
        sides[to].session.received(frame, nowMs);
      };
      for (const each of steps) {
        if (each.type === 'wait') nowMs += each.ms;
        else if (each.type === 'deliver') for (const frame of network[each.from].splice(0, each.frames)) deliver(each.from, frame);
        else if (each.type === 'take') {
          for (let left = each.frames; left > 0; left--) {
            const frame = sides[each.from].session.nextFrame(nowMs);
            if (frame === undefined) break;
            taken(each.from, frame);
          }
        } else
          for (let left = each.size > 10_000 ? 1 : each.count; left > 0; left--) {
            const text = `${number++}:${'x'.repeat(each.size)}`;
            if (sides[each.from].session.send(each.lane, 1, text) === 'accepted') (twins[each.from] as Record<Lane, string[]>)[each.lane].push(text);
          }
      }
      for (let round = 0; round < 1000; round++) {
        nowMs += 20;
        for (const from of [0, 1] as const) {
          for (const frame of framesOf(sides[from], nowMs)) taken(from, frame);
          for (const frame of network[from].splice(0)) deliver(from, frame);
        }
      }
      for (const from of [0, 1] as const) {
        const to = sides[from === 0 ? 1 : 0];
        for (const lane of LANES) {
          const got = to.messages.filter((message) => message.lane === lane).map(({ value }) => (value as string).length + (value as string).slice(0, 12));
          if (JSON.stringify(got) !== JSON.stringify((twins[from] as Record<Lane, string[]>)[lane].map((text) => text.length + text.slice(0, 12))))
            throw new Error(`lane ${lane} is not as sent`);
        }
        expect(watches[from].most).toBeLessThanOrEqual(CREDIT.bytes);
        expect([sides[from].ends, sides[from].refused]).toEqual([[], []]);
        expect(sides[from].session.statistics().unreceiptedMessages).toBe(0);
      }
    }),
    { numRuns: 150 },
  );
});

function laneOf(frame: Uint8Array | undefined): number | undefined {
  return frame !== undefined && (frame[0] === 1 || frame[0] === 2) ? frame[1] : undefined;
}

/** Lanes of the next frames that carry messages. */
function lanesOf(side: Side, count: number): (number | undefined)[] {
  return Array.from({ length: count }, () => laneOf(side.session.nextFrame(0)));
}

test('a message of a higher lane waits for no more than the frame that is on its way, whatever waits on lower lanes', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 20 }), fc.integer({ min: 100_000, max: 1_000_000 }), (framesBefore, size) => {
      const { a } = openPair();
      for (let index = 0; index < 5; index++) a.session.send('bulk', 1, new Uint8Array(size));
      for (let index = 0; index < framesBefore; index++) a.session.nextFrame(0);
      a.session.send('normal', 1, 'small');
      a.session.send('control', 1, 'smaller');
      expect(lanesOf(a, 2)).toEqual([0, 1]);
    }),
    { numRuns: 40 },
  );
});

test('no frame of any lane is larger than the fragment bound', () => {
  const { a } = openPair();
  for (const lane of LANES)
    for (const size of [10, 60_000, 65_000, 65_480, 65_500, 65_530, 65_540, 70_000, 300_000]) a.session.send(lane, 1, new Uint8Array(size));
  const frames = framesOf(a);
  expect(frames.length).toBeGreaterThan(30);
  expect(Math.max(...frames.map(({ length }) => length))).toBeLessThanOrEqual(65_536);
});

test('a lower lane that is passed over 16 times has a turn', () => {
  const { a } = openPair();
  for (let index = 0; index < 40; index++) {
    a.session.send('control', 1, new Uint8Array(65_000));
    a.session.send('bulk', 1, new Uint8Array(65_000));
  }
  const lanes = lanesOf(a, 40);
  expect(lanes.map((lane, index) => (lane === 2 ? index : -1)).filter((index) => index >= 0)).toEqual([16, 33]);
});

test('nothing that a session is given as bytes makes it throw, before, in or after its handshake', () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.uint8Array({ maxLength: 60 }).map((tail) => Uint8Array.of(0x4e, 0x58, 0x53, 0x57, ...tail)),
  );
  fc.assert(
    fc.property(fc.array(bytes, { minLength: 1, maxLength: 5 }), fc.constantFrom('dialler', 'acceptor', 'open'), (frames, stage) => {
      const side = stage === 'open' ? openPair().a : sideOf('a');
      if (stage !== 'open') side.session.start({ role: stage as 'dialler', nonce: nonceOf(1), certifiedNames: undefined }, 0);
      for (const frame of frames) {
        side.session.received(frame, 0);
        framesOf(side);
      }
      expect([side.messages, side.session.isOpen]).toEqual([[], stage === 'open' && side.ends.length === 0]);
      // A damaged datagram is refused, everything else ends the session.
      expect(side.ends.length + side.refused.length).toBeGreaterThan(0);
    }),
    { numRuns: 300 },
  );
});
