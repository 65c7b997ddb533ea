/** A session with its peer: handshake, messages, order, limits, ends. */
import { expect, test } from 'vitest';
import { openPair, pass, settle, sideOf, start } from './pair.js';

test('two nodes shake hands and exchange messages on all lanes, small and large', () => {
  const { a, b } = openPair();
  expect([a.opened[0]?.identity.name, b.opened[0]?.identity.name]).toEqual(['b', 'a']);
  const values = [
    1,
    'two',
    { three: [3, { four: 4n }] },
    new Uint8Array(300_000).fill(7),
    undefined,
    new Map([[1, new Set(['x'])]]),
    { three: [5, { four: 6n }] },
  ];
  for (const lane of ['control', 'normal', 'bulk'] as const) for (const value of values) expect(a.session.send(lane, 9, value)).toBe('accepted');
  settle(a, b);
  for (const lane of ['control', 'normal', 'bulk'])
    expect(b.messages.filter((message) => message.lane === lane).map((message) => message.value)).toEqual(values);
  expect(b.messages.every((message) => message.channel === 9)).toBe(true);
});

test('what is sent before the handshake waits and arrives', () => {
  const [a, b] = [sideOf('a'), sideOf('b')];
  for (let index = 0; index < 5000; index++) a.session.send('normal', 1, { index });
  a.session.send('bulk', 1, 'x'.repeat(100_000));
  start(a, b);
  settle(a, b);
  expect(b.messages.filter(({ lane }) => lane === 'normal').map(({ value }) => (value as { index: number }).index)).toEqual(
    Array.from({ length: 5000 }, (_, i) => i),
  );
  expect(b.messages.length).toBe(5001);
});

test('a session finishes when all is receipted in both directions', () => {
  const { a, b } = openPair();
  for (let index = 0; index < 100; index++) {
    a.session.send('normal', 1, { index });
    b.session.send('bulk', 1, 'y'.repeat(70_000));
  }
  a.session.finish(0);
  expect(a.session.send('normal', 1, 1)).toBe('closed');
  settle(a, b);
  expect([a.ends, b.ends].map(([end]) => [end?.error, end?.lost])).toEqual([
    [undefined, { unsent: 0, uncertain: 0 }],
    [undefined, { unsent: 0, uncertain: 0 }],
  ]);
  expect([a.messages.length, b.messages.length]).toEqual([100, 100]);
  expect(pass(a, b)).toEqual([]);
});
