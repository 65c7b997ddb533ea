/** The floor: what the same messages cost with a queue and a microtask, and nothing of what makes an actor library useful. */
import { assertDone, roundTrip, throughput } from '../../harness/measure.mjs';
import { AGENTS, ASK_MEAN, ASK_P50, BATCH, SPAWN, SPAWN_BATCH, SPAWN_TOGETHER, TELL, TELL_MANY } from './case-names.mjs';

const ADD = 0;
const READ = 1;
const STOP = 2;
const FIELDS = 4;

const registry = new Map();
const handlers = [
  (state, by) => {
    state.n += by;
  },
  (state) => state.n,
  (state) => registry.delete(state.id),
];
let queue = [];
let scheduled = false;
let ids = 0;

export async function run(size, report) {
  const one = create();
  report.value(TELL, 'messages/s', await throughput(size, (n) => tell([one], BATCH, n)));

  const many = Array.from({ length: AGENTS }, create);
  report.value(TELL_MANY, 'messages/s', await throughput(size, (n) => tell(many, AGENTS, n), AGENTS));

  const { p50Ns, meanNs } = await roundTrip(size, () => ask(one, READ, undefined));
  report.value(ASK_P50, 'ns', p50Ns);
  report.value(ASK_MEAN, 'ns', meanNs);

  report.value(SPAWN, 'agents/s', await throughput(size, (n) => createAndStop(1, n), SPAWN_TOGETHER));
  report.value(SPAWN_BATCH, 'agents/s', await throughput(size, (n) => createAndStop(SPAWN_TOGETHER, n), SPAWN_TOGETHER));
  assertDone(registry.size === AGENTS + 1, `${registry.size} states are left`);
}

function create() {
  const state = { id: `state-${ids++}`, n: 0 };
  registry.set(state.id, state);
  return state;
}

function send(state, action, input, reply) {
  queue.push(state, action, input, reply);
  if (scheduled) return;
  scheduled = true;
  queueMicrotask(drain);
}

function ask(state, action, input) {
  return new Promise((resolve) => send(state, action, input, resolve));
}

function drain() {
  const messages = queue;
  queue = [];
  scheduled = false;
  for (let at = 0; at < messages.length; at += FIELDS) {
    const result = handlers[messages[at + 1]](messages[at], messages[at + 2]);
    messages[at + 3]?.(result);
  }
}

async function tell(states, batch, n) {
  const before = total(states);
  for (let sent = 0; sent < n; sent += batch) {
    for (let index = 0; index < batch; index++) send(states[index % states.length], ADD, 1, undefined);
    await ask(states[states.length - 1], READ, undefined);
  }
  const handled = total(states) - before;
  assertDone(handled === n, `handled ${handled} of ${n}`);
}

function total(states) {
  return states.reduce((sum, state) => sum + state.n, 0);
}

async function createAndStop(together, n) {
  for (let done = 0; done < n; done += together) {
    const states = Array.from({ length: together }, create);
    await Promise.all(states.map((state) => ask(state, STOP, undefined)));
  }
}
