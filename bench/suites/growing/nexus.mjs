/** A fourth node for three that are full: how much moves to it, and what asks notice of that. All are processes; who asks is a fifth one, a member of weight 0, which runs no agents. */
import { createNexus } from 'nexus-agents';
import { assertDone, settle } from '../../harness/measure.mjs';
import { noteEngine } from '../open-nexus.mjs';
import { COST, FILLED, LATE, MOVED, MOVING_MAX, MOVING_P50, MOVING_P99, QUIET_P50, QUIET_P99, RESIDENT, SHARE } from './case-names.mjs';
import { Cell, idOf } from './cell.mjs';
import { NodeProcess } from './node-process.mjs';
import { SteadyAsks } from './steady-asks.mjs';

const NODES = 3;
/** Agents that are asked, drawn from all. */
const ASKED_MAX = 20_000;
/** So long nothing moves any more when all has. */
const STILL_MS = 2_000;
const LOOK_MS = 200;
const DEADLINE_MS = 600_000;
const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: console.error };

export async function run(size, report) {
  const { growingAgents: agents, growingAsksPerSecond: perSecond, growingQuietMs: quietMs } = size;
  const memory = { agentsMax: Math.max(4096, 2 * agents) };
  const nodes = Array.from({ length: NODES + 1 }, () => new NodeProcess());
  const full = nodes.slice(0, NODES);
  const fourth = nodes[NODES];
  try {
    const seeds = [];
    for (const [index, node] of full.entries()) seeds.push((await node.tell('open', { node: `n${index}`, seeds, ...memory })).address);
    const client = await createNexus({
      ...{ agents: [Cell], threads: 0, logger: silent },
      cluster: { name: 'bench', node: 'client', weight: 0, listen: { port: 0, dataPort: 0 }, join: seeds },
    });
    noteEngine(report, client);
    await client.cluster.joined();

    const fillMs = performance.now();
    await Promise.all(full.map((node, part) => node.tell('fill', { agents, part, parts: NODES })));
    report.value(FILLED, 'agents/s', (agents / (performance.now() - fillMs)) * 1000);
    const before = await Promise.all(full.map((node) => node.tell('counted')));
    assertDone(before.reduce((sum, { activations }) => sum + activations, 0) === agents, `${before.map(({ activations }) => activations)} of ${agents} agents`);

    const asked = await referencesTo(client, agents);
    settle();
    const asks = new SteadyAsks(perSecond, (index) => asked[(index * 7919) % asked.length].ask('add', 1));
    // The first are for warming up.
    await pause(quietMs / 2);
    asks.take();
    await pause(quietMs);
    const quiet = taken(asks);
    await Promise.all(full.map((node) => node.tell('spent')));

    const joinMs = performance.now();
    await fourth.tell('open', { node: 'n3', seeds, ...memory });
    const moved = await settled(nodes, agents, fourth);
    report.value(MOVED, 'agents/s', (moved / (performance.now() - STILL_MS - joinMs)) * 1000);
    const moving = taken(asks);
    await asks.end();
    const spent = await Promise.all(nodes.map((node) => node.tell('spent')));
    report.value(COST, 'ns', (spent.reduce((sum, { cpuMs }) => sum + cpuMs, 0) / moved) * 1e6);
    report.value(SHARE, 'of 1', moved / (agents / (NODES + 1)));
    report.value(QUIET_P50, 'ns', quiet.p50Ns);
    report.value(QUIET_P99, 'ns', quiet.p99Ns);
    report.value(MOVING_P50, 'ns', moving.p50Ns);
    report.value(MOVING_P99, 'ns', moving.p99Ns);
    report.value(MOVING_MAX, 'ns', moving.maxNs);
    report.value(LATE, 'ms', Math.max(...spent.map(({ lateMs }) => lateMs)));
    report.value(RESIDENT, 'bytes', Math.max(...spent.map(({ rssBytes }) => rssBytes)));
  } finally {
    for (const node of nodes) node.end();
  }
}

async function referencesTo(client, agents) {
  const references = [];
  const step = Math.max(1, Math.floor(agents / ASKED_MAX));
  for (let index = 0; index < agents; index += step) references.push(await client.getOrSpawn(Cell, idOf(index)));
  return references;
}

/** Resolves with how many the fourth has when nothing moves any more. */
async function settled(nodes, agents, fourth) {
  const untilMs = performance.now() + DEADLINE_MS;
  let last = '';
  let lastMs = performance.now();
  for (;;) {
    await pause(LOOK_MS);
    const counted = await Promise.all(nodes.map((node) => node.tell('counted')));
    const figures = counted.map(({ activations }) => activations);
    const now = figures.join(' ');
    if (process.env.BENCH_VERBOSE !== undefined) console.error(((performance.now() - lastMs) / 1000).toFixed(1), now);
    const isWhole = figures.reduce((sum, each) => sum + each, 0) === agents && figures[NODES] > 0 && counted.every(({ claiming }) => claiming === 0);
    if (now !== last || !isWhole) lastMs = performance.now();
    last = now;
    if (performance.now() - lastMs >= STILL_MS) return figures[nodes.indexOf(fourth)];
    assertDone(performance.now() < untilMs, `agents of the four nodes: ${now}`);
  }
}

function taken(asks) {
  const { failures, ...figures } = asks.take();
  assertDone(failures.length === 0, `${failures.length} asks failed: ${failures[0]?.message}`);
  return figures;
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
