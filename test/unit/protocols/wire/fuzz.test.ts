/** A little of the fuzzer (`test/long/wire-fuzz.mjs`), so that it does not rot. Another seed every time, which a finding shows. */
import { expect, test } from 'vitest';
import { fuzz } from '../../../long/wire-fuzz.mjs';

test('a fuzzer of frames finds nothing that is thrown, kept, changed or delivered after the end', async () => {
  const seed = Date.now() % 1_000_000;
  const { executions, findings, ended } = await fuzz({ executions: 6000, seed, guided: false });
  expect({ seed, findings }).toEqual({ seed, findings: [] });
  expect(executions).toBeGreaterThanOrEqual(6000);
  // It comes to where messages are decoded.
  expect(ended.delivered).toBeGreaterThan(50);
  expect(ended.message).toBeGreaterThan(50);
});
