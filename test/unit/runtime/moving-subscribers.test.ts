/** What a thread says with a signal about subscribers that move, and when it has nothing to say. */
import { expect, test } from 'vitest';
import type { AgentCell } from '../../../dist/ts-src/runtime/agent-cell.js';
import { MovingSubscribers } from '../../../dist/ts-src/runtime/moving-subscribers.js';
import { ReplicatedEntries } from '../../../dist/ts-src/runtime/replicated-entries.js';

function open(): { readonly moving: MovingSubscribers; readonly entries: ReplicatedEntries; readonly atRest: number[] } {
  const entries = new ReplicatedEntries({
    ...{ thread: 2, incarnation: 1, threadCount: 4 },
    incarnationOf: () => 1,
    canReach: () => true,
    send: () => undefined,
    roundTrip: async () => true,
    awaitsSuccessor: () => false,
  });
  const atRest: number[] = [];
  const moving = new MovingSubscribers({ thread: 2, entries, threadOf: (slot) => slot % 4, cameToRest: (slot) => void atRest.push(slot) });
  return { moving, entries, atRest };
}

const cellOf = (slot: number): AgentCell => ({ slot, generation: 7 }) as AgentCell;
const said = (slot: number, thread: number, value: number | undefined) => ({ name: 'moving' as const, thread, key: String(slot), value });

test('a successor starts with the agents that moved when it was made, and forgets them when every thread has told it', () => {
  const before = open();
  before.moving.begin(cellOf(5));
  before.moving.begin(cellOf(6));
  const { moving, entries } = open();
  expect([moving.isEmpty, moving.homes()]).toEqual([true, undefined]);
  moving.inherit(before.moving.all());
  expect([moving.isEmpty, moving.homes()]).toEqual([false, [5, 1, 6, 2]]);
  entries.received({ thread: 3, incarnation: 1, isFirst: true, isComplete: true, changes: [said(6, 3, 7)] });
  expect(moving.homes()).toEqual([6, 2, 5, 1]);
  entries.received({ thread: 0, incarnation: 1, isFirst: true, isComplete: true, changes: [] });
  expect(moving.homes()).toEqual([6, 2, 5, 1]);
  entries.received({ thread: 1, incarnation: 1, isFirst: true, isComplete: true, changes: [] });
  expect([moving.isEmpty, moving.homes()]).toEqual([false, [6, 2]]);
});

test('an agent has come to rest when no thread says any more that it moves, also if the one that said so was lost', () => {
  const { moving, entries, atRest } = open();
  entries.received({ thread: 3, incarnation: 1, isFirst: false, isComplete: false, changes: [said(6, 3, 7)] });
  entries.received({ thread: 1, incarnation: 1, isFirst: false, isComplete: false, changes: [said(6, 1, 7), said(6, 1, undefined)] });
  expect([moving.homes(), atRest]).toEqual([[6, 2], []]);
  entries.received({ thread: 3, incarnation: 2, isFirst: false, isComplete: false, changes: [] });
  expect([moving.homes(), atRest]).toEqual([undefined, [6]]);
});
