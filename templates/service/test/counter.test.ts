/** The counter, without waiting for real time: `testAgent` runs one agent, and the test moves its clock. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testAgent } from 'nexus-agents/testing';
import { Counter, SWEEP_MS } from '../src/counter.js';

test('a counter adds up, and ends when nobody has added to it for a while', async () => {
  const counter = await testAgent(Counter, { init: { start: 5 } });
  assert.equal(await counter.ask('add', 2), 7);
  await counter.advance(SWEEP_MS);
  assert.equal(await counter.ask('add', 1), 8);
  await counter.advance(SWEEP_MS);
  assert.equal(await counter.ask('read'), 8);
  await counter.advance(SWEEP_MS);
  assert.equal(counter.status, 'stopped');
});

test('what is no whole number is refused, and changes nothing', async () => {
  const counter = await testAgent(Counter);
  await assert.rejects(counter.ask('add', 1.5), { code: 'NEXUS_SHAPE_MISMATCH' });
  assert.equal(await counter.ask('read'), 0);
  await counter.stop();
});
