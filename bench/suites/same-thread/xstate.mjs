/** XState, with its lightest actor logic: `send` runs the transition before it returns, so a tell is a synchronous call here. */
import { createActor, fromTransition } from 'xstate';
import { assertDone, roundTrip, throughput } from '../../harness/measure.mjs';
import { AGENTS, ASK_MEAN, ASK_P50, BATCH, SPAWN, SPAWN_BATCH, SPAWN_TOGETHER, TELL, TELL_MANY } from './case-names.mjs';

const counter = fromTransition(
  (state, event) => {
    if (event.type === 'add') return { n: state.n + event.by };
    event.reply(state.n);
    return state;
  },
  { n: 0 },
);

export async function run(size, report) {
  const one = createActor(counter).start();
  report.value(TELL, 'messages/s', await throughput(size, (n) => tell([one], BATCH, n)));

  const many = Array.from({ length: AGENTS }, () => createActor(counter).start());
  report.value(TELL_MANY, 'messages/s', await throughput(size, (n) => tell(many, AGENTS, n), AGENTS));

  const { p50Ns, meanNs } = await roundTrip(size, () => read(one));
  report.value(ASK_P50, 'ns', p50Ns);
  report.value(ASK_MEAN, 'ns', meanNs);

  report.value(SPAWN, 'agents/s', await throughput(size, (n) => spawnAndStop(1, n), SPAWN_TOGETHER));
  report.value(SPAWN_BATCH, 'agents/s', await throughput(size, (n) => spawnAndStop(SPAWN_TOGETHER, n), SPAWN_TOGETHER));
}

function read(actor) {
  return new Promise((reply) => actor.send({ type: 'read', reply }));
}

async function tell(actors, batch, n) {
  const before = total(actors);
  for (let sent = 0; sent < n; sent += batch) {
    for (let index = 0; index < batch; index++) actors[index % actors.length].send({ type: 'add', by: 1 });
    await read(actors[actors.length - 1]);
  }
  const handled = total(actors) - before;
  assertDone(handled === n, `handled ${handled} of ${n}`);
}

function total(actors) {
  return actors.reduce((sum, actor) => sum + actor.getSnapshot().context.n, 0);
}

function spawnAndStop(together, n) {
  let actors = [];
  for (let done = 0; done < n; done += together) {
    actors = Array.from({ length: together }, () => createActor(counter).start());
    for (const actor of actors) actor.stop();
  }
  actors[0].send({ type: 'add', by: 1 });
  assertDone(actors[0].getSnapshot().context.n === 0, 'a stopped actor still handles events');
}
