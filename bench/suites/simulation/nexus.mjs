/**
 * How much faster than the real time clusters are simulated. Of processor time, not of the clock on the wall: one simulation uses one core. What the process takes to warm up counts, as it does for
 * whoever runs a simulation.
 */
import { defineAgent } from '../../../dist/ts-src/index.js';
import { createTestCluster } from '../../../dist/ts-src/testing/index.js';
import { builtInMembership } from '../../../dist/ts-src/testing/simulation/built-in.js';
import { checkedPlan } from '../../../dist/ts-src/testing/simulation/plan-check.js';
import { runSeeds } from '../../../dist/ts-src/testing/simulation/run-seeds.js';
import { assertDone } from '../../harness/measure.mjs';
import { FAULTY_RUNS, IDLE_MEMBERSHIPS, IDLE_NEXUSES } from './case-names.mjs';

const NODES = 5;
const MINUTE_MS = 60_000;

export async function run({ simulationMs, simulationRuns }, report) {
  const idle = await timed(() => builtInMembership().run(checkedPlan({ seed: 1, nodes: NODES, durationMs: simulationMs })));
  assertDone(idle.value.failure === undefined, idle.value.failure?.what);
  report.value(IDLE_MEMBERSHIPS, 'x real time', idle.value.simulatedMs / idle.cpuMs);

  const nexuses = await timed(() => idleNexuses(simulationMs));
  report.value(IDLE_NEXUSES, 'x real time', simulationMs / nexuses.cpuMs);

  const simulation = builtInMembership({ swarm: { nodes: { min: NODES, max: NODES }, durationMs: simulationMs } });
  const faulty = await timed(() => runSeeds(simulation, { first: 1, count: simulationRuns }));
  assertDone(faulty.value.runs === simulationRuns && faulty.value.failures.length === 0, `seed ${faulty.value.failures[0]?.plan.seed} has failed`);
  report.value(FAULTY_RUNS, 'runs/CPU minute', (simulationRuns * MINUTE_MS) / faulty.cpuMs);
}

async function idleNexuses(simulationMs) {
  const Idle = defineAgent({ kind: 'idle', state: () => 0, actions: {} });
  const cluster = await createTestCluster({ agents: [Idle], nodes: NODES, seed: 1 });
  await cluster.advance(simulationMs);
  assertDone(
    cluster.nodes.every(({ nexus }) => nexus.cluster.standing === 'member'),
    'a node is no member',
  );
  await cluster.stop();
}

async function timed(work) {
  const before = process.cpuUsage();
  const value = await work();
  const { user, system } = process.cpuUsage(before);
  return { value, cpuMs: (user + system) / 1000 };
}
