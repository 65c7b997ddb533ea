/** What is wrong in a cluster for a moment only is found: nodes are looked at after each of their steps. */
import { expect, test } from 'vitest';
import type { NodeIdentity } from '../../dist/ts-src/model/node-identity.js';
import type { MembershipEvent } from '../../dist/ts-src/protocols/membership/membership.js';
import { ClusterRun, type InvariantViolated, type ObservedStart } from '../../dist/ts-src/testing/simulation/cluster-run.js';
import { checkedPlan } from '../../dist/ts-src/testing/simulation/plan-check.js';
import type { Program, RunningProgram } from '../../dist/ts-src/testing/simulation/program.js';
import { SimulatedWorld } from '../../dist/ts-src/testing/simulation/world.js';

const id = (name: string): NodeIdentity => ({ name, incarnation: 1 });

interface Fake extends RunningProgram {
  readonly observed: ObservedStart;
}

/** The first of two nodes is told after a second that the second one was removed, which runs again for 50 ms, in which it has one step. */
async function violationOf(stepAtMs: number | undefined): Promise<{ readonly violation: string | undefined; readonly atMs: number }> {
  const world = new SimulatedWorld({ seed: 1 });
  const observedOf = (name: string): ObservedStart => ({
    self: id(name),
    standing: 'member',
    get runs() {
      return name === 'n1' || world.nowMs < 1000 || (world.nowMs >= 1250 && world.nowMs < 1300);
    },
    snapshot: () => undefined,
  });
  const program: Program<Fake> = { start: ({ name }) => ({ observed: observedOf(name) }) };
  const plan = checkedPlan({ seed: 1, nodes: 2, durationMs: 2000 });
  const run = new ClusterRun({ world, plan, observed: (node) => (node.program as Fake | undefined)?.observed });
  const nodes = ['n1', 'n2'].map((name) => world.add(name, program));
  for (const node of nodes) node.start();
  await world.run();
  const view = (number: number, members: string[], removed: string[]): MembershipEvent => ({
    ...{ type: 'view', clusterId: 'c', number, incarnationFloor: 0, joined: [], left: [], removed: removed.map(id) },
    members: members.map((name) => ({ ...id(name), address: { host: name, port: 1 }, status: 'up', weight: 1, sinceView: 1 })),
  });
  for (const node of nodes) run.happened((node.program as Fake).observed, view(1, ['n1', 'n2'], []));
  world.time.after(1000, () => run.happened((nodes[0]?.program as Fake).observed, view(2, ['n1'], ['n2'])));
  if (stepAtMs !== undefined) world.time.after(stepAtMs, () => nodes[1]?.process?.life.post(() => undefined));
  try {
    await run.suffer();
    return { violation: undefined, atMs: world.nowMs };
  } catch (error) {
    return { violation: (error as InvariantViolated).violation.invariant, atMs: world.nowMs };
  } finally {
    world.close();
  }
}

test('a removed node that runs for 50 ms is found at its step', async () => {
  expect(await violationOf(1260)).toEqual({ violation: 'what was removed does not run', atMs: 1260 });
  expect(await violationOf(1400)).toEqual({ violation: undefined, atMs: 2000 });
});
