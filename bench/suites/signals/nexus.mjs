/** Signals of an agent on the calling thread: to nobody, to an agent beside it, and to one on a worker. */
import { TopicTrie } from '../../../dist/ts-src/model/topic-trie.js';
import { assertDone, throughput } from '../../harness/measure.mjs';
import { openNexus } from '../open-nexus.mjs';
import { Emitter, Here, There } from './agents.mjs';
import { BATCH, HERE, MANY, NOBODY, THERE } from './case-names.mjs';

export async function run(size, report) {
  const nexus = await openNexus(report, { agents: [new URL('./agents.mjs', import.meta.url)], threads: 1 });
  const emitter = await nexus.spawn(Emitter, { thread: 0 });
  const here = await nexus.spawn(Here, { thread: 0 });
  const there = await nexus.spawn(There, { thread: 1 });
  await nexus.subscribed();

  report.value(NOBODY, 'ns', 1e9 / (await throughput(size, (n) => emitter.ask('emit', { topic: 'bench.signal.nobody', from: 0, to: n }))));
  report.value(HERE, 'ns', 1e9 / (await throughput(size, (n) => counted(emitter, here, 'bench.signal.here', n), BATCH)));
  report.value(THERE, 'ns', 1e9 / (await throughput(size, (n) => counted(emitter, there, 'bench.signal.there', n), BATCH)));
  report.value(MANY, 'ns', 1e9 / (await throughput(size, matched)));
  await nexus.stop();
}

async function counted(emitter, subscriber, topic, n) {
  const before = await subscriber.ask('totals');
  let { sum } = before;
  for (let from = 0; from < n; from += BATCH) {
    await emitter.ask('emit', { topic, from, to: from + BATCH });
    await subscriber.ask('totals');
    for (let value = from; value < from + BATCH; value++) sum = (sum + value) | 0;
  }
  const after = await subscriber.ask('totals');
  assertDone(after.count - before.count === n, `${after.count - before.count} of ${n} were handled`);
  assertDone(after.sum === sum, 'the values that arrived are not those that were emitted');
}

const PATTERNS = 10_000;
const trie = new TopicTrie();
for (let index = 0; index < PATTERNS; index++) trie.add(index % 10 === 0 ? `orders.*.customer-${index}` : `orders.eu.customer-${index}.>`, index);
const topics = Array.from({ length: 1024 }, (_, index) => `orders.eu.customer-${(index * 10) % PATTERNS}`);

/** As on the first signal of a topic, or the first after a subscription has changed. */
function matched(n) {
  let found = 0;
  for (let index = 0; index < n; index++) trie.match(topics[index & 1023], () => found++);
  assertDone(found === n, `${found} of ${n} topics were matched`);
}
