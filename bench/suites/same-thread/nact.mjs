/** nact: every message is handled in a `setImmediate` of its own. */
import { dispatch, query, spawn, start, stop } from 'nact';
import { assertDone, roundTrip, throughput } from '../../harness/measure.mjs';
import { AGENTS, ASK_MEAN, ASK_P50, BATCH, SPAWN, SPAWN_BATCH, SPAWN_TOGETHER, TELL, TELL_MANY } from './case-names.mjs';

const TIMEOUT_MS = 5000;

export async function run(size, report) {
  const system = start();
  let names = 0;
  const spawnCounter = (afterStop) => spawn(system, counter, `counter-${names++}`, { initialState: { n: 0 }, afterStop });

  const one = spawnCounter();
  report.value(TELL, 'messages/s', await throughput(size, (n) => tellOne(one, n)));

  const many = Array.from({ length: AGENTS }, () => spawnCounter());
  report.value(TELL_MANY, 'messages/s', await throughput(size, (n) => tellMany(many, n), AGENTS));

  const { p50Ns, meanNs } = await roundTrip(size, () => read(one));
  report.value(ASK_P50, 'ns', p50Ns);
  report.value(ASK_MEAN, 'ns', meanNs);

  // Against the thousand actors above a system of its own: the cost of a spawn must not depend on siblings.
  stop(system);
  const empty = start();
  const spawnAndStop = (together) => async (n) => {
    for (let done = 0; done < n; done += together) {
      await new Promise((resolve) => {
        let left = together;
        const afterStop = () => {
          if (--left === 0) resolve();
        };
        const actors = Array.from({ length: together }, () => spawn(empty, counter, `counter-${names++}`, { initialState: { n: 0 }, afterStop }));
        for (const actor of actors) stop(actor);
      });
    }
  };
  report.value(SPAWN, 'agents/s', await throughput(size, spawnAndStop(1), SPAWN_TOGETHER));
  report.value(SPAWN_BATCH, 'agents/s', await throughput(size, spawnAndStop(SPAWN_TOGETHER), SPAWN_TOGETHER));
  stop(empty);
}

function counter(state, message, context) {
  if (message.type === 'add') state.n += message.by;
  else dispatch(context.sender, state.n, context.self);
  return state;
}

function read(actor) {
  return query(actor, { type: 'read' }, TIMEOUT_MS);
}

async function tellOne(actor, n) {
  const before = await read(actor);
  for (let sent = 0; sent < n; sent += BATCH) {
    for (let index = 0; index < BATCH; index++) dispatch(actor, { type: 'add', by: 1 });
    const handled = (await read(actor)) - before;
    assertDone(handled === sent + BATCH, `handled ${handled} of ${sent + BATCH}`);
  }
}

async function tellMany(actors, n) {
  const before = await total(actors);
  const last = actors[actors.length - 1];
  for (let sent = 0; sent < n; sent += actors.length) {
    for (let index = 0; index < actors.length; index++) dispatch(actors[index], { type: 'add', by: 1 });
    await read(last);
  }
  const handled = (await total(actors)) - before;
  assertDone(handled === n, `handled ${handled} of ${n}`);
}

async function total(actors) {
  return (await Promise.all(actors.map(read))).reduce((sum, value) => sum + value, 0);
}
