/** What a session says of others: that they have ended on its side, and nothing of them may follow. */
import { expect, test } from 'vitest';
import { FrameType } from '../../../../dist/ts-src/protocols/wire/frame-format.js';
import { FEATURE_SUPERSEDED } from '../../../../dist/ts-src/protocols/wire/handshake-messages.js';
import { framesOf, nonceOf, openPair, pass, type Side, sideOf, start } from './pair.js';
import { RawPeer } from './raw-peer.js';

interface Listening {
  readonly side: Side;
  /** What it was told, with how many messages it had by then. */
  readonly told: { readonly sessions: readonly string[]; readonly messages: number }[];
}

function listening(name: string): Listening {
  const told: Listening['told'][number][] = [];
  const side: Side = sideOf(name, {
    on: { superseded: (sessions) => told.push({ sessions: sessions.map((id) => Buffer.from(id).toString('hex')), messages: side.messages.length }) },
  });
  return { side, told };
}

const hex = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString('hex');

function opened(): { readonly a: Listening; readonly b: Listening } {
  const [a, b] = [listening('a'), listening('b')];
  start(a.side, b.side);
  pass(a.side, b.side);
  pass(b.side, a.side);
  pass(a.side, b.side);
  pass(b.side, a.side);
  return { a, b };
}

test('both sides call a session by the nonce of its dialler, the acceptor since the hello, and after its end', () => {
  const [a, b] = [sideOf('a'), sideOf('b')];
  start(a, b);
  expect([hex(a.session.id), b.session.id]).toEqual([hex(nonceOf(1)), undefined]);
  pass(a, b);
  expect(hex(b.session.id)).toBe(hex(nonceOf(1)));
  for (const { session } of [a, b]) session.abort('aborted', 'enough');
  expect([hex(a.session.id), hex(b.session.id)]).toEqual([hex(nonceOf(1)), hex(nonceOf(1))]);
  expect([a.session.isOneOf([nonceOf(7), nonceOf(1)]), a.session.isOneOf([nonceOf(7)]), sideOf('c').session.isOneOf([nonceOf(1)])]).toEqual([
    true,
    false,
    false,
  ]);
});

test('which sessions are superseded is said before all messages, also those that wait already', () => {
  const { a, b } = opened();
  a.side.session.send('control', 1, 'waits');
  a.side.session.supersede([nonceOf(8), nonceOf(9)]);
  expect(a.side.session.hasNext(0)).toBe(true);
  const [frame] = pass(a.side, b.side) as [Uint8Array];
  expect([frame[0], hex(frame.subarray(16))]).toEqual([FrameType.superseded, hex(nonceOf(8)) + hex(nonceOf(9))]);
  expect(b.told).toEqual([{ sessions: [hex(nonceOf(8)), hex(nonceOf(9))], messages: 0 }]);
  expect(b.side.messages.map(({ value }) => value)).toEqual(['waits']);
  expect([b.side.ends, b.side.refused]).toEqual([[], []]);
});

test('more sessions than one frame holds are said in several', () => {
  const { a, b } = opened();
  a.side.session.supersede(Array.from({ length: 300 }, (_, index) => nonceOf(index)));
  const frames = pass(a.side, b.side).filter(([type]) => type === FrameType.superseded);
  expect(frames.map((frame) => (frame.length - 16) / 16)).toEqual([128, 128, 44]);
  expect(b.told.flatMap(({ sessions }) => sessions).length).toBe(300);
});

test('a node that does not understand which sessions are superseded is not told', () => {
  const superseded = (): void => undefined;
  for (const { a, b } of [openPair({ on: { superseded } }), openPair({}, { on: { superseded } })])
    for (const { session } of [a, b]) {
      session.supersede([nonceOf(8)]);
      expect(session.hasNext(0)).toBe(false);
    }
});

test('a session that is not open says nothing of others', () => {
  const { side } = listening('a');
  side.session.supersede([nonceOf(8)]);
  expect(framesOf(side)).toEqual([]);
});

test.each([0, 15, 17, 129 * 16])('superseded sessions in %i bytes break the protocol', (length) => {
  const { side, told } = listening('node');
  const peer = new RawPeer({ features: FEATURE_SUPERSEDED });
  side.session.start({ role: 'acceptor', nonce: nonceOf(3), certifiedNames: undefined }, 0);
  side.session.received(peer.hello(), 0);
  side.session.received(peer.confirm(framesOf(side)[0] as Uint8Array), 0);
  side.session.received(peer.frame(FrameType.superseded, new Uint8Array(length)), 0);
  expect([side.ends[0]?.error?.code, side.ends[0]?.error?.data?.violation, told]).toEqual(['NEXUS_FRAME_INVALID', 'superseded', []]);
});
