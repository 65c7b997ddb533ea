/** How soon the agents of a node that is killed answer elsewhere. Nodes are processes, at their default times; who asks is a member of weight 0, which runs no agents, and asks all that were on the node, over and over. */
import { createNexus } from 'nexus-agents';
import { assertDone } from '../../harness/measure.mjs';
import { percentile, sorted } from '../../harness/statistics.mjs';
import { Cell, idOf } from '../growing/cell.mjs';
import { NodeProcess } from '../growing/node-process.mjs';
import { noteEngine } from '../open-nexus.mjs';
import { ALL, HALF, REMOVED } from './case-names.mjs';

const NODES = 5;
/** Asks at a time: more would measure the asking. */
const LANES = 64;
const ASK_TIMEOUT_MS = 500;
const AGAIN_MS = 20;
const DEADLINE_MS = 60_000;
const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: console.error };

export async function run(size, report) {
  const { lostAgents: agents, lostTiming: timing } = size;
  const nodes = Array.from({ length: NODES }, () => new NodeProcess());
  try {
    const seeds = [];
    for (const [index, node] of nodes.entries())
      seeds.push((await node.tell('open', { node: `n${index}`, seeds, timing, agentsMax: Math.max(4096, 2 * agents) })).address);
    const client = await createNexus({
      ...{ agents: [Cell], threads: 0, logger: silent },
      cluster: { name: 'bench', node: 'client', weight: 0, listen: { port: 0, dataPort: 0 }, join: seeds, timing },
    });
    noteEngine(report, client);
    await client.cluster.joined();
    await Promise.all(nodes.map((node, part) => node.tell('fill', { agents, part, parts: NODES })));

    const victim = `n${NODES - 1}`;
    const ids = Array.from({ length: agents }, (_, index) => idOf(index));
    const places = await client.locateMany(ids);
    const lost = [];
    for (const [index, place] of places.entries()) if (place?.node.name === victim) lost.push(await client.getOrSpawn(Cell, ids[index]));
    assertDone(lost.length > agents / NODES / 2, `${lost.length} of ${agents} agents are on ${victim}`);
    await Promise.all(lost.map((agent) => agent.ask('add', 1)));

    const removed = new Promise((resolve) => client.cluster.on('memberRemoved', ({ name }) => name === victim && resolve(performance.now())));
    const killedMs = performance.now();
    nodes.pop().end();
    const answeredMs = await answeredBy(lost, killedMs + DEADLINE_MS);
    report.value(REMOVED, 'ms', (await removed) - killedMs);
    const inOrder = sorted(answeredMs.map((each) => each - killedMs));
    report.value(HALF, 'ms', percentile(inOrder, 0.5));
    report.value(ALL, 'ms', inOrder[inOrder.length - 1]);
  } finally {
    for (const node of nodes) node.end();
  }
}

/** When each has answered that was started anew: its count is what this is told by. */
async function answeredBy(agents, deadlineMs) {
  const answers = new Array(agents.length);
  const waiting = agents.map((_, index) => index);
  const lane = async () => {
    for (let index = waiting.shift(); index !== undefined; index = waiting.shift()) {
      assertDone(performance.now() < deadlineMs, `${waiting.length + 1} of ${agents.length} agents have not answered`);
      const isThere = await agents[index].ask('add', 0, { timeoutMs: ASK_TIMEOUT_MS }).then(
        () => true,
        () => false,
      );
      if (isThere) answers[index] = performance.now();
      else {
        await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
        waiting.push(index);
      }
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  return answers;
}
