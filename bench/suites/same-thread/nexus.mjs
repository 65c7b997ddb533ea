/** Agents on the calling thread. */
import { assertDone, roundTrip, throughput } from '../../harness/measure.mjs';
import { Counter } from '../counter.mjs';
import { openNexus } from '../open-nexus.mjs';
import { AGENTS, ASK_MEAN, ASK_P50, BATCH, SPAWN, SPAWN_BATCH, SPAWN_TOGETHER, TELL, TELL_MANY } from './case-names.mjs';

const LOCAL = { thread: 'local' };

export async function run(size, report) {
  const nexus = await openNexus(report, { agents: [Counter], threads: 0 });

  const one = await nexus.spawn(Counter, LOCAL);
  report.value(TELL, 'messages/s', await throughput(size, (n) => tellOne(one, n)));

  const many = await Promise.all(Array.from({ length: AGENTS }, () => nexus.spawn(Counter, LOCAL)));
  report.value(TELL_MANY, 'messages/s', await throughput(size, (n) => tellMany(many, n), AGENTS));

  const { p50Ns, meanNs } = await roundTrip(size, () => one.ask('read'));
  report.value(ASK_P50, 'ns', p50Ns);
  report.value(ASK_MEAN, 'ns', meanNs);

  report.value(SPAWN, 'agents/s', await throughput(size, (n) => spawnInTurn(nexus, n), SPAWN_TOGETHER));
  report.value(SPAWN_BATCH, 'agents/s', await throughput(size, (n) => spawnTogether(nexus, n), SPAWN_TOGETHER));
  assertDone(nexus.agentCount === AGENTS + 1, `${nexus.agentCount} agents are alive`);
  await nexus.stop();
}

async function tellOne(ref, n) {
  const before = await ref.ask('read');
  for (let sent = 0; sent < n; sent += BATCH) {
    for (let index = 0; index < BATCH; index++) {
      const outcome = ref.tell('add', 1);
      if (outcome !== 'accepted') throw new Error(`tell was ${outcome}`);
    }
    const handled = (await ref.ask('read')) - before;
    assertDone(handled === sent + BATCH, `handled ${handled} of ${sent + BATCH}`);
  }
}

async function tellMany(refs, n) {
  const before = await total(refs);
  const last = refs[refs.length - 1];
  for (let sent = 0; sent < n; sent += refs.length) {
    for (let index = 0; index < refs.length; index++) {
      const outcome = refs[index].tell('add', 1);
      if (outcome !== 'accepted') throw new Error(`tell was ${outcome}`);
    }
    await last.ask('read');
  }
  const handled = (await total(refs)) - before;
  assertDone(handled === n, `handled ${handled} of ${n}`);
}

async function total(refs) {
  return (await Promise.all(refs.map((ref) => ref.ask('read')))).reduce((sum, value) => sum + value, 0);
}

async function spawnInTurn(nexus, n) {
  for (let index = 0; index < n; index++) {
    const ref = await nexus.spawn(Counter, LOCAL);
    await ref.stop();
  }
}

async function spawnTogether(nexus, n) {
  for (let done = 0; done < n; done += SPAWN_TOGETHER) {
    const refs = await Promise.all(Array.from({ length: SPAWN_TOGETHER }, () => nexus.spawn(Counter, LOCAL)));
    await Promise.all(refs.map((ref) => ref.stop()));
  }
}
