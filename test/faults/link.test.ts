/**
 * A worker thread killed between any two steps of sending or receiving: the other side reads every message that was published and none that was not, is never blocked,
 * and the successor's stream begins anew, also when the ring was full and its producer waited for room.
 */
import { expect, test } from 'vitest';
import { killLink } from './link-kills.js';

test.each(['producer', 'consumer'] as const)('a %s killed at any step', { timeout: 240_000 }, async (role) => {
  const { kills, steps, wrong } = await killLink(role);
  expect(wrong).toEqual([]);
  expect(kills).toBeGreaterThan(25);
  if (process.env['NEXUS_FAULT_REPORT'] !== undefined) process.stderr.write(`${role}: ${steps} steps, ${kills} kills\n`);
});
