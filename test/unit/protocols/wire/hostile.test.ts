/** Every line of the table of hostile frames against a session: refused with its code, closed where it should be, nothing thrown, nothing left. */
import { expect, test } from 'vitest';
import { HOSTILE_CASES, HOSTILE_LIMITS, type HostileCase, NODE_NAME, REMOVED_NAME, UNKNOWN_NAME } from './hostile-frames.js';
import { framesOf, nonceOf, type Side, sideOf } from './pair.js';
import { RawPeer } from './raw-peer.js';

function victim(): Side {
  return sideOf(NODE_NAME, {
    clusterId: 'one',
    compression: { bytesMin: 1024 },
    limits: HOSTILE_LIMITS,
    accept: ({ identity: { name } }) =>
      name === UNKNOWN_NAME ? { reason: 'unknownNode', text: 'who?' } : name === REMOVED_NAME ? { reason: 'removedNode', text: 'gone' } : undefined,
  });
}

function attack({ stage, peer: makePeer, frames, quiet = false }: HostileCase): { readonly side: Side; readonly lastWords: Uint8Array[] } {
  const side = victim();
  const peer = makePeer?.() ?? new RawPeer();
  side.session.start({ role: stage === 'dialled' ? 'dialler' : 'acceptor', nonce: nonceOf(3), certifiedNames: undefined }, 0);
  if (stage === 'welcomed' || stage === 'open') side.session.received(peer.hello(), 0);
  const said = stage === 'hello' ? new Uint8Array(0) : (framesOf(side)[0] as Uint8Array);
  if (stage === 'open') side.session.received(peer.confirm(said), 0);
  const lastWords: Uint8Array[] = [];
  for (const frame of frames(peer, said)) {
    side.session.received(frame, 0);
    if (!quiet) lastWords.push(...framesOf(side));
  }
  lastWords.push(...framesOf(side));
  return { side, lastWords };
}

test('the table has 70 cases and more, of different names', () => {
  expect(HOSTILE_CASES.length).toBeGreaterThan(120);
  expect(new Set(HOSTILE_CASES.map(({ name }) => name)).size).toBe(HOSTILE_CASES.length);
});

test.each(HOSTILE_CASES)('hostile: $name', (hostile) => {
  const { side, lastWords } = attack(hostile);
  const errors = hostile.closes ? side.ends.map(({ error }) => error) : side.refused;
  const [error] = errors as { code: string; data?: Record<string, unknown> }[];
  expect([errors.length, error?.code]).toEqual(hostile.code === undefined ? [0, undefined] : [1, hostile.code]);
  if (hostile.detail !== undefined) expect(error?.data?.violation ?? error?.data?.reason).toBe(hostile.detail);
  expect(side.ends.length).toBe(hostile.closes ? 1 : 0);
  expect(side.session.isOpen).toBe(!hostile.closes);
  // The peer is told why.
  if (hostile.closes) expect(lastWords.length).toBeGreaterThan(0);
  if (hostile.delivers !== undefined) expect(side.messages.map(({ value }) => value)).toEqual(hostile.delivers);
  expect(side.budget.takenBytes).toBe(0);
});

test('keys such as __proto__ arrive as properties of their object, and nothing else has them', () => {
  const hostile = HOSTILE_CASES.find(({ name }) => name.startsWith('keys that would be')) as HostileCase;
  const { side } = attack(hostile);
  expect(side.messages.length).toBe(4);
  for (const { value } of side.messages) {
    expect(Object.hasOwn(value as object, '__proto__')).toBe(true);
    expect((value as { x?: number }).x).toBe(undefined);
  }
  expect(Object.hasOwn(side.messages[1]?.value as object, 'constructor')).toBe(true);
  expect(({} as { x?: number }).x).toBe(undefined);
  expect(Object.getOwnPropertyNames(Object.prototype)).not.toContain('x');
});

test('a bomb is refused while it is inflated, and not when it has become what it is', () => {
  const { side } = attack(HOSTILE_CASES.find(({ name }) => name.startsWith('a bomb: 10 MB')) as HostileCase);
  expect(side.ends[0]?.error?.message).toContain('a compressed message cannot be inflated to 1000000 bytes: ');
});
