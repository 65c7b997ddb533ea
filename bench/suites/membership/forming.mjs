/**
 * Whole memberships: how long a cluster takes to form, when all its nodes start within five seconds, and what it costs then. Formed is when every node has the view that all of them are in; settled
 * when each has besides heard what all others say of themselves, and finds all of them reachable.
 */
import { assertDone } from '../../harness/measure.mjs';
import { formedCase, formingMessagesCase, leasedCase, settledCase } from './case-names.mjs';
import { wholeCluster } from './whole-cluster.mjs';

const GIVEN_UP_MS = 120_000;
const LOOK_EVERY_MS = 500;
const IDLE_MS = 5000;

export function run(_size, report, { nodes }) {
  const world = wholeCluster({ seed: 1, nodes, loss: 0.01 });
  const persisted = world.happened;
  const sizes = new Array(nodes).fill(0);
  const ended = [];
  let formedMs;
  world.happened = (index, effect, nowMs) => {
    persisted(index, effect, nowMs);
    if (effect.type !== 'event') return;
    if (effect.event.type === 'view') {
      sizes[index] = effect.event.members.length;
      if (sizes[index] === nodes && formedMs === undefined && sizes.every((size) => size === nodes)) formedMs = nowMs;
    } else if (effect.event.type === 'standing' && effect.event.standing !== 'member')
      ended.push(`${index} is ${effect.event.standing}: ${effect.event.because}`);
  };
  world.runWhile(() => formedMs === undefined, GIVEN_UP_MS);
  assertDone(formedMs !== undefined, `only ${sizes.filter((size) => size === nodes).length} of ${nodes} nodes have the view with all`);
  report.value(formedCase(nodes), 'ms', formedMs);
  report.value(formingMessagesCase(nodes), 'messages', world.sent / nodes);
  while (!world.nodes.every(({ machine }) => isSettled(machine.snapshot(world.nowMs), nodes)) && world.nowMs < GIVEN_UP_MS) {
    world.runUntil(world.nowMs + LOOK_EVERY_MS);
  }
  assertDone(world.nowMs < GIVEN_UP_MS, `not settled within ${GIVEN_UP_MS} ms`);
  report.value(settledCase(nodes), 'ms', world.nowMs);
  world.runUntil(world.nowMs + IDLE_MS);
  const before = world.sent;
  world.runUntil(world.nowMs + IDLE_MS);
  report.value(leasedCase(nodes), 'messages/node/s', (world.sent - before) / nodes / (IDLE_MS / 1000));
  assertDone(ended.length === 0, `nodes that were well are members no more: ${ended.join('; ')}`);
}

function isSettled({ standing, members }, nodes) {
  return standing === 'member' && members.length === nodes && members.every(({ reachability, version }) => reachability === 'reachable' && version !== '');
}
