/** The process that `durable-kill.mjs` kills: says what it finds in the store, then works until its end, and says what was acknowledged. */
import { writeSync } from 'node:fs';
import { createNexus } from 'nexus-agents';
import { KillBehind, KillLedger, KillThrough } from './durable-kill-agents.mjs';

const [path, count, threads] = [process.argv[2], Number(process.argv[3]), Number(process.argv[4])];
// Straight into the pipe: what is said is said, however this process ends.
const say = (news) => {
  const bytes = Buffer.from(`${JSON.stringify(news)}\n`);
  for (let written = 0; written < bytes.length; ) {
    try {
      written += writeSync(1, bytes, written);
    } catch (error) {
      // Whoever reads is behind: the pipe is full.
      if (error.code !== 'EAGAIN') throw error;
    }
  }
};

const begunMs = performance.now();
const nexus = await createNexus({ agents: [new URL('./durable-kill-agents.mjs', import.meta.url)], threads, storage: { path }, memory: { agentsMax: 4096 } });
const startMs = performance.now() - begunMs;
const ids = Array.from({ length: count }, (_, agent) => agent);
const throughKind = (agent) => (agent % 2 === 0 ? KillThrough : KillLedger);
const [through, behind] = await Promise.all([
  Promise.all(ids.map((agent) => nexus.getOrSpawn(throughKind(agent), `t${agent}`))),
  Promise.all(ids.map((agent) => nexus.getOrSpawn(KillBehind, `b${agent}`))),
]);
const states = await Promise.all([...through, ...behind].map((agent) => agent.ask('read')));
const broken = states.filter(({ count: counted, last }) => last.some((number, index) => number !== counted - last.length + 1 + index));
say({
  type: 'found',
  startMs,
  throughCounts: states.slice(0, count).map((each) => each.count),
  behindCounts: states.slice(count).map((each) => each.count),
  broken,
  twice: twice(),
});
say({ type: 'began' });

for (const agent of ids) {
  void (async () => {
    for (let n = 0; ; n++) {
      say({ type: 'through', agent, count: await through[agent].ask('add', undefined, { timeoutMs: 60_000 }) });
      // Long enough, now and then, that it leaves memory.
      if (n % 7 === 6) await new Promise((resolve) => setTimeout(resolve, 30));
      if (n % 50 === 49 && twice().length > 0) say({ type: 'found', startMs: 0, throughCounts: [], behindCounts: [], broken: [], twice: twice() });
    }
  })();
}
for (;;) {
  const handled = await Promise.all(
    ids.flatMap((agent) => [0, 1, 2].map(async () => [agent, ...(await behind[agent].ask('add', undefined, { timeoutMs: 60_000 }))])),
  );
  say({ type: 'behind', handled });
  await new Promise((resolve) => setTimeout(resolve, 2));
}

function twice() {
  const names = [...nexus.agents()].map(({ id }) => id);
  return names.filter((name, index) => names.indexOf(name) !== index);
}
