/** Random trees of real agents, on one thread and on three, with random crashes, ends and commands, against the model of what Erlang/OTP says. */
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { type AgentRef, type ChildSummary, createNexus, type Nexus } from 'nexus-agents';
import { describe, expect, test } from 'vitest';
import { Log } from '../fixtures/tree.mjs';
import { codeOf, fixture, recorder } from '../start-nexus.js';
import { isSupervisor, OtpModel, type SupervisorTree, type TreeNode, type WorkerSpecification } from '../unit/supervision/otp-model.js';
import { happenings, type Happening, placesOf, trees } from '../unit/supervision/sequences.js';
import { until } from '../until.js';

const SEQUENCES = Number(process.env['NEXUS_RUNTIME_SEQUENCES'] ?? 40);
const OUTCOMES: Readonly<Record<string, string | undefined>> = {
  done: undefined,
  unknown: 'NEXUS_CHILD_UNKNOWN',
  running: 'NEXUS_CHILD_RUNNING',
  gone: 'NEXUS_AGENT_NOT_FOUND',
};

/** Of its children on another thread, one is about to end by itself when another fails, so that all are to be started again. */
const ENDED_MEANWHILE: [SupervisorTree, Happening[]] = [
  {
    ...{ id: 's', restart: 'permanent', strategy: 'restForOne', intensity: 1, periodMs: 1000 },
    children: [
      { id: 's.0', restart: 'transient' },
      { id: 's.1', restart: 'transient' },
      { id: 's.2', restart: 'permanent' },
    ],
  },
  [
    { type: 'end', worker: 4 },
    { type: 'crash', worker: 0 },
  ],
];

/** It ends by itself on another thread, and is to be terminated when its supervisor has forgotten it. */
const ENDED_BEFORE: [SupervisorTree, Happening[]] = [
  {
    ...{ id: 's', restart: 'permanent', strategy: 'oneForOne', intensity: 1, periodMs: 1000 },
    children: [
      { id: 's.0', restart: 'permanent' },
      { id: 's.1', restart: 'temporary' },
    ],
  },
  [
    { type: 'end', worker: 1 },
    { type: 'terminate', worker: 1 },
  ],
];

describe.each([{ threads: 0 }, { threads: 2 }])('with $threads workers', ({ threads }) => {
  test('random trees of agents with random crashes, ends and commands do what Erlang says, in the same order', { timeout: 300_000 }, async () => {
    const nexus = await createNexus({ agents: [fixture('tree.mjs')], threads, logger: recorder() });
    nexus.on('escalated', () => undefined);
    try {
      let round = 0;
      await fc.assert(
        fc.asyncProperty(trees, happenings(false), (tree, sequence) => compare(nexus, `${++round}`, tree, sequence)),
        { numRuns: SEQUENCES, examples: [ENDED_MEANWHILE, ENDED_BEFORE] },
      );
    } finally {
      await nexus.stop();
    }
  });
});

interface Picture {
  readonly log: readonly string[];
  readonly running: readonly string[];
  /** Of each supervisor. None of one that is not there. */
  readonly children: readonly (readonly string[] | undefined)[];
}

async function compare(nexus: Nexus, prefix: string, tree: SupervisorTree, sequence: readonly Happening[]): Promise<void> {
  const model = new OtpModel(tree);
  const log = await nexus.spawn(Log, { id: `log ${prefix}`, thread: 0 });
  const { workers, supervisors } = placesOf(tree);
  const name = (id: string): string => `${prefix} ${id}`;
  const threadOf = (id: string): number => (id === 's' ? 0 : (id.length * 7 + id.charCodeAt(id.length - 1)) % nexus.threadCount);
  const specificationOf = (node: TreeNode): object => ({
    id: name(node.id),
    restart: node.restart,
    thread: threadOf(node.id),
    ...(isSupervisor(node) ? { agent: kindOf(node), init: node.children.map(specificationOf) } : { agent: 'worker', init: { log: `log ${prefix}` } }),
  });
  const agent = (id: string): AgentRef | undefined => nexus.find(name(id));
  /**
   * What was logged, who is there, and what each supervisor says of its children. That a child has ended is known to others before its supervisor, which may hear of
   * it from another thread: a command that comes first finds a child that runs, in Erlang too. None is given before all of this is as expected.
   */
  const expected = (): Picture => ({
    log: model.log.filter((line) => !line.endsWith('fails')),
    running: workers.map(({ id }) => id).filter((id) => model.running().includes(id)),
    children: supervisors.map((id) => model.childrenOf(id)?.map((child) => `${child.id} ${child.isRunning ? 'running' : 'absent'}`)),
  });
  const childrenOf = async (supervisor: string): Promise<string[] | undefined> => {
    // One that ends meanwhile has none.
    const children = await agent(supervisor)
      ?.ask('children')
      .catch(() => undefined);
    return (children as readonly ChildSummary[] | undefined)?.map(({ id, status }) => `${id.replace(`${prefix} `, '')} ${status}`);
  };
  const seen = async (): Promise<Picture> => ({
    log: (await log.ask('read')).map((line) => line.replace(`${prefix} `, '').split(' ').slice(0, 2).join(' ')),
    running: workers.map(({ id }) => id).filter((id) => agent(id) !== undefined),
    children: await Promise.all(supervisors.map(childrenOf)),
  });
  const agree = async (what: unknown): Promise<void> => {
    const matches = async (): Promise<boolean> => isDeepStrictEqual(await seen(), expected());
    await until(matches, 5000).catch(async () => expect(await seen(), `${JSON.stringify(what)} in ${JSON.stringify(tree)}`).toEqual(expected()));
  };
  const root = await nexus
    .spawn({ kind: kindOf(tree) } as never, { id: name('s'), thread: 0, init: tree.children.map(specificationOf) } as never)
    .catch(() => undefined);
  expect(root !== undefined).toBe(model.boot());
  await agree('boot');
  let added = 0;
  for (const happening of sequence) {
    if (model.isOver) break;
    if (happening.type === 'add') {
      const supervisor = supervisors[happening.supervisor % supervisors.length] as string;
      const specification: WorkerSpecification = { id: `${supervisor}+${added++}`, restart: happening.restart };
      workers.push({ id: specification.id, parent: supervisor });
      const outcome = OUTCOMES[model.add(supervisor, specification)];
      expect(await answerOf(agent(supervisor)?.ask('startChild', specificationOf(specification)) ?? gone())).toBe(outcome);
    } else if (happening.type !== 'pass' && workers.length > 0) {
      const { id, parent } = workers[happening.worker % workers.length] as { id: string; parent: string };
      const isRunning = model.running().includes(id);
      if (happening.type === 'crash' && isRunning) {
        model.crash(id);
        expect(await codeOf(agent(id)?.ask('fail') ?? gone())).toBe('boom');
      } else if (happening.type === 'end' && isRunning) {
        model.end(id);
        await agent(id)?.ask('stopSelf');
      } else if (happening.type === 'terminate' || happening.type === 'restart' || happening.type === 'delete') {
        const outcome = OUTCOMES[model[happening.type](parent, id)];
        expect(await answerOf(agent(parent)?.ask(`${happening.type}Child`, name(id)) ?? gone())).toBe(outcome);
      }
    }
    await agree(happening);
  }
  await root?.stop();
  model.stop();
  await agree('stop');
  expect([...nexus.agents()].filter(({ id }) => id.startsWith(`${prefix} `))).toEqual([]);
  await log.stop();
}

function kindOf({ strategy, intensity }: SupervisorTree): string {
  return `${strategy}-${intensity}`;
}

/** To a supervisor that has ended for the model: it may be ending still, and answer with the other of the two. */
async function answerOf(command: Promise<unknown>): Promise<string | undefined> {
  const code = await codeOf(command);
  return code === 'NEXUS_AGENT_STOPPED' ? 'NEXUS_AGENT_NOT_FOUND' : code;
}

function gone(): Promise<never> {
  return Promise.reject(Object.assign(new Error(), { code: 'NEXUS_AGENT_NOT_FOUND' }));
}
