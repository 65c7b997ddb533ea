import { expect, test } from 'vitest';
import { type AnyAgent, defineAgent } from '../../../dist/ts-src/model/agent-definition.js';
import { createSharedMemory, threadWord } from '../../../dist/bindings/shared-memory.js';
import * as L from '../../../dist/layout/generated/layout.js';
import type { AgentReference } from '../../../dist/ts-src/runtime/agent-reference.js';
import { KindRegistry, outlineOf } from '../../../dist/ts-src/runtime/kind.js';
import { Spawning } from '../../../dist/ts-src/runtime/spawning.js';
import { ManualClock } from './manual-clock.js';

const NO_REFERENCES = {
  isReference: () => false,
  describe: () => ({ slot: 0, generation: 0, kind: 0, id: undefined }),
  restore: () => ({}),
};
const Some = defineAgent({ kind: 'some', state: () => 0, actions: {} });

test('a burst of spawns is spread evenly, also while the counts of the threads show some of them already', async () => {
  const shared = createSharedMemory({ threadCount: 3, recordCapacity: 4096, ringBytes: 16_384 }, [1, 2]);
  const word = (thread: number, name: number): number => threadWord(shared, thread) + name;
  for (const thread of [1, 2]) shared.words[word(thread, L.THREAD_WORD_STATE)] = L.THREAD_STATE_READY;
  const answers: { readonly thread: number; readonly arrive: () => void }[] = [];
  const spawning = new Spawning({
    thread: 0,
    incarnation: 0,
    shared,
    kinds: new KindRegistry({ outlines: [outlineOf(Some as AnyAgent, false)], definitions: new Map([['some', Some as AnyAgent]]) }, NO_REFERENCES),
    logger: { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined },
    clock: new ManualClock(),
    isStopping: () => false,
    canReach: () => true,
    find: () => undefined,
    findEnding: () => undefined,
    whenEnded: () => Promise.resolve(),
    holderOf: () => undefined,
    spawnHere: () => ({}) as AgentReference,
    spawnThere: (thread) => new Promise((resolve) => answers.push({ thread, arrive: () => resolve({} as AgentReference) })),
    referenceOf: () => ({}) as AgentReference,
    isLive: () => true,
    adoptFromNode: () => undefined,
    placing: () => undefined,
  });
  const placed = (): number[] => [1, 2].map((thread) => answers.filter((answer) => answer.thread === thread).length);
  const spawn = (count: number): void => {
    for (let index = 0; index < count; index++) void spawning.spawn(Some as AnyAgent, undefined, undefined);
  };
  spawn(10);
  expect(placed()).toEqual([5, 5]);
  // Thread 1 has started its own and says so; its answers have not been read.
  shared.words[word(1, L.THREAD_WORD_AGENT_COUNT)] = 5;
  spawn(10);
  expect(placed()).toEqual([10, 10]);
  shared.words[word(1, L.THREAD_WORD_AGENT_COUNT)] = 10;
  shared.words[word(2, L.THREAD_WORD_AGENT_COUNT)] = 10;
  for (const answer of answers.splice(0)) answer.arrive();
  await new Promise<void>((resolve) => setImmediate(resolve));
  // Half of the agents of thread 1 have ended since.
  shared.words[word(1, L.THREAD_WORD_AGENT_COUNT)] = 5;
  spawn(5);
  expect(placed()).toEqual([5, 0]);
});
