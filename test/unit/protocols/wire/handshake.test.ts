/** Who may connect to whom, in which version, and how two nodes say no. */
import { expect, test } from 'vitest';
import type { NexusError } from '../../../../dist/ts-src/errors.js';
import { framesOf, pass, type Side, type SideOptions, settle, sideOf, start } from './pair.js';

function met(a: SideOptions, b: SideOptions, more: Parameters<typeof start>[3] = {}): readonly [Side, Side] {
  const sides = [sideOf('a', a), sideOf('b', b)] as const;
  start(...sides, 0, more);
  settle(...sides);
  return sides;
}

/** Of the two ends: code, reason, who said it. */
function ends(sides: readonly Side[]): unknown[] {
  return sides.map(({ ends: [end] }) =>
    end === undefined ? 'open' : [end.error?.code, (end.error as NexusError).data?.reason, end.byPeer ? 'by peer' : 'here'],
  );
}

test('the highest common version of the protocol is spoken, and none is a refusal that both sides show', () => {
  const [a, b] = met({ versions: { min: 1, max: 3 } }, { versions: { min: 2, max: 5 } });
  expect([a.opened[0]?.version, b.opened[0]?.version]).toEqual([3, 3]);
  const refused = met({ versions: { min: 1, max: 3 } }, { versions: { min: 4, max: 5 } });
  expect(ends(refused)).toEqual([
    ['NEXUS_VERSION_UNSUPPORTED', 'versionUnsupported', 'by peer'],
    ['NEXUS_VERSION_UNSUPPORTED', 'versionUnsupported', 'here'],
  ]);
  expect(refused[0].ends[0]?.error?.message).toBe(
    'the other node has refused the connection (versionUnsupported): a speaks versions 1 to 3 of the protocol, and b versions 4 to 5',
  );
});

test('nodes of other clusters, unknown, removed and unexpected ones are refused, and both sides know why', () => {
  const reasons: [SideOptions, SideOptions, string, Parameters<typeof start>[3]?][] = [
    [{ cluster: 'x' }, { cluster: 'y' }, 'otherCluster'],
    [{ clusterId: '1' }, { clusterId: '2' }, 'otherCluster'],
    [{ purpose: 'control' }, {}, 'otherPurpose'],
    [{}, { accept: () => ({ reason: 'unknownNode', text: 'not yet' }) }, 'unknownNode'],
    [{}, { accept: () => ({ reason: 'removedNode', text: 'gone' }) }, 'removedNode'],
    [{}, { self: { name: 'a', incarnation: 1 } }, 'selfConnection'],
    [{}, {}, 'wrongNode', { expected: { name: 'b', incarnation: 2 } }],
  ];
  for (const [a, b, reason, more] of reasons)
    expect(ends(met(a, b, more))).toEqual([
      ['NEXUS_HANDSHAKE_REFUSED', reason, 'by peer'],
      ['NEXUS_HANDSHAKE_REFUSED', reason, 'here'],
    ]);
});

test('a dialler refuses too, and the acceptor is told', () => {
  expect(ends(met({ accept: () => ({ reason: 'removedNode', text: 'gone' }) }, {}))).toEqual([
    ['NEXUS_HANDSHAKE_REFUSED', 'removedNode', 'here'],
    ['NEXUS_HANDSHAKE_REFUSED', 'removedNode', 'by peer'],
  ]);
});

test('with certificates, the name in it is the name of the node, or the one that all have', () => {
  expect(ends(met({}, {}, { certifiedNames: ['B'] }))).toEqual(['open', 'open']);
  expect(ends(met({}, {}, { certifiedNames: ['x', 'y'] }))[0]).toEqual(['NEXUS_HANDSHAKE_REFUSED', 'certificateMismatch', 'here']);
  expect(ends(met({}, {}, { certifiedNames: [] }))[0]).toEqual(['NEXUS_HANDSHAKE_REFUSED', 'certificateMismatch', 'here']);
  expect(ends(met({ serverName: 'nodes.example' }, {}, { certifiedNames: ['nodes.example'] }))).toEqual(['open', 'open']);
  expect(ends(met({ serverName: 'nodes.example' }, {}, { certifiedNames: ['b'] }))[0]).toEqual(['NEXUS_HANDSHAKE_REFUSED', 'certificateMismatch', 'here']);
});

test('each side learns who the other is and where it listens; one cluster id is enough', () => {
  const [a, b] = met({ clusterId: 'c-1', address: { host: 'fd00::1', port: 7 } }, { clusterId: undefined });
  expect(b.opened[0]).toEqual({
    identity: { name: 'a', incarnation: 1 },
    address: { host: 'fd00::1', port: 7 },
    clusterId: 'c-1',
    version: 1,
    compresses: false,
  });
  expect(a.opened[0]?.clusterId).toBe(undefined);
});

test('a handshake that is not done in time is refused, on either side', () => {
  for (const heard of [0, 1]) {
    const [a, b] = [sideOf('a'), sideOf('b')];
    start(a, b);
    if (heard === 1) pass(a, b);
    expect(b.session.dueMs).toBe(5000);
    b.session.tick(4999);
    expect(b.ends).toEqual([]);
    b.session.tick(5000);
    a.session.tick(5000);
    expect(ends([b, a])).toEqual([
      ['NEXUS_HANDSHAKE_REFUSED', 'timeout', 'here'],
      ['NEXUS_HANDSHAKE_REFUSED', 'timeout', 'here'],
    ]);
    expect(framesOf(b).length).toBeGreaterThan(0);
  }
});

test('after a handshake that failed the session starts again on another connection, and what waits in it arrives', () => {
  const a = sideOf('a');
  const strict = sideOf('b', { accept: () => ({ reason: 'unknownNode', text: 'not yet' }) });
  a.session.send('normal', 1, { patient: true });
  start(a, strict);
  settle(a, strict);
  expect([a.ends.length, a.ends[0]?.opened, a.ends[0]?.lost]).toEqual([1, false, { unsent: 0, uncertain: 0 }]);
  const b = sideOf('b');
  start(a, b);
  settle(a, b);
  expect(b.messages.map(({ value }) => value)).toEqual([{ patient: true }]);
});

test('frames of a session before, or of the other direction, are no frames of this one', () => {
  const [a, b] = met({}, {});
  a.session.send('normal', 1, 1);
  const [recorded] = framesOf(a);
  const again = [sideOf('a'), sideOf('b')] as const;
  again[0].session.start({ role: 'dialler', nonce: new Uint8Array(16).fill(9), certifiedNames: undefined }, 0);
  again[1].session.start({ role: 'acceptor', nonce: new Uint8Array(16).fill(8), certifiedNames: undefined }, 0);
  settle(...again);
  again[1].session.received(recorded as Uint8Array, 0);
  expect([again[1].ends[0]?.error?.data?.violation, again[1].messages]).toEqual(['checksum', []]);
  a.session.received(recorded as Uint8Array, 0);
  expect([a.ends[0]?.error?.data?.violation, b.ends.length]).toEqual(['checksum', 0]);
});

test('datagrams that overtake the end of the handshake are dropped and counted', () => {
  const [a, b] = [sideOf('a', { purpose: 'control' }), sideOf('b', { purpose: 'control' })];
  start(a, b);
  pass(a, b);
  pass(b, a);
  const early = a.session.datagram(Uint8Array.of(1)) as Uint8Array;
  for (let index = 0; index < 1000; index++) b.session.received(early, 0);
  pass(a, b);
  b.session.received(early, 0);
  expect([b.session.isOpen, b.session.statistics().droppedDatagrams, b.datagrams]).toEqual([true, 1000, [Uint8Array.of(1)]]);
});
