/** What an agent that was about to leave for another node, and stays, needs on a thread that has come in the place of a lost one: neither of the two words that it waits for may be lost, whichever comes first. */
import { expect, test } from 'vitest';
import { createSharedMemory } from '../../../dist/bindings/shared-memory.js';
import { AgentCell, Status } from '../../../dist/ts-src/runtime/agent-cell.js';
import type { Kind } from '../../../dist/ts-src/runtime/kind.js';
import { isMarkedAway, markAway } from '../../../dist/ts-src/runtime/record-word.js';
import { NodeDepartures } from '../../../dist/ts-src/runtime/remote/node-departures.js';
import type { ThreadHost } from '../../../dist/ts-src/runtime/thread-host.js';

const SLOT = 5;
const GENERATION = 2;

/** A successor that has given the agent its place, and has not put it back yet. */
function successor() {
  const shared = createSharedMemory({ threadCount: 3, recordCapacity: 4096, ringBytes: 16_384 }, [1, 2]);
  const cell = new AgentCell({} as Kind, SLOT, GENERATION);
  const restored: AgentCell[] = [];
  const host = { shared, cells: { get: () => cell }, lifecycle: { restore: (each: AgentCell) => restored.push(each) } };
  markAway(shared, SLOT, true);
  return { shared, cell, restored, departures: new NodeDepartures(host as unknown as ThreadHost) };
}

test('an agent whose thread is lost while it is about to leave its node starts again when it is said to stay, after its turn to be put back', () => {
  const { shared, cell, restored, departures } = successor();
  departures.inherit(cell);
  departures.stay({ slot: SLOT, generation: GENERATION });
  expect([restored, isMarkedAway(shared, SLOT)]).toEqual([[cell], false]);
});

test('and before it: then nothing keeps it from being put back as any other', () => {
  const { shared, restored, departures } = successor();
  departures.stay({ slot: SLOT, generation: GENERATION });
  expect([restored, isMarkedAway(shared, SLOT)]).toEqual([[], false]);
});

test('what has left is not called back', () => {
  const { shared, cell, restored, departures } = successor();
  cell.status = Status.moved;
  departures.stay({ slot: SLOT, generation: GENERATION });
  expect([restored, isMarkedAway(shared, SLOT)]).toEqual([[], true]);
});
