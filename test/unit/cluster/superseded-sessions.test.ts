/** How many sessions that have ended here are remembered, and for how long. */
import { expect, test } from 'vitest';
import { SUPERSEDED_FOR_MS, SupersededSessions } from '../../../dist/ts-src/cluster/transport/superseded-sessions.js';
import { SUPERSEDED_MAX } from '../../../dist/ts-src/protocols/wire/wire-limits.js';

test('sessions that have ended here are remembered for a minute, and the last 128 of them', () => {
  const sessions = new SupersededSessions();
  sessions.add(Uint8Array.of(1), 0);
  sessions.add(Uint8Array.of(2), 1);
  expect(sessions.at(SUPERSEDED_FOR_MS - 1).map(([id]) => id)).toEqual([1, 2]);
  expect(sessions.at(SUPERSEDED_FOR_MS).map(([id]) => id)).toEqual([2]);
  for (let id = 0; id < SUPERSEDED_MAX; id++) sessions.add(Uint8Array.of(id), SUPERSEDED_FOR_MS);
  expect(sessions.at(SUPERSEDED_FOR_MS).map(([id]) => id)).toEqual(Array.from({ length: SUPERSEDED_MAX }, (_, id) => id));
  expect(sessions.at(2 * SUPERSEDED_FOR_MS)).toEqual([]);
});
