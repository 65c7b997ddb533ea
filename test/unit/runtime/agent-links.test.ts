/** Links that come with an agent from another node, when the other end is not found. */
import { expect, test } from 'vitest';
import type { StopReason } from 'nexus-agents';
import { AgentCell, Status } from '../../../dist/ts-src/runtime/agent-cell.js';
import { AgentLinks } from '../../../dist/ts-src/runtime/agent-links.js';
import type { AgentReference } from '../../../dist/ts-src/runtime/agent-reference.js';
import type { NodeTies } from '../../../dist/ts-src/runtime/remote/node-ties.js';
import { ManualClock } from './manual-clock.js';

const reference = (id: string, slot: number): AgentReference =>
  ({ id, kind: 'k', slot, generation: 1, remote: undefined, equals: (other: AgentReference) => other.id === id }) as unknown as AgentReference;

/** An agent that has come from another node, linked to one that is nowhere. */
function arrived() {
  const clock = new ManualClock();
  const failures: string[] = [];
  const cell = new AgentCell({} as ConstructorParameters<typeof AgentCell>[0], 1, 1);
  cell.status = Status.ready;
  const [self, missing] = [reference('self', 1), reference('missing', 2)];
  /** The other agent, when it is there again. */
  const again: { cell: AgentCell | undefined } = { cell: undefined };
  const sent = (): never => {
    throw new Error('there is one thread');
  };
  const links = new AgentLinks({
    ...{ thread: 0, clock },
    nodes: { isNode: true, leads: () => false, onLoss: () => undefined } as unknown as NodeTies,
    cellOf: (ref) => (ref === self ? cell : ref === missing ? again.cell : undefined),
    threadOf: (ref) => (ref === self ? 0 : -1),
    referenceOf: () => self,
    failed: (_cell, error) => void failures.push((error as Error).message),
    ...{ sendLink: sent, sendUnlink: sent, sendEnded: sent },
  });
  links.carry(cell, missing);
  const end = (reason: StopReason): void => links.linkedEnded(self, missing, 'missing', reason);
  return { clock, failures, end, links, cell, missing, again };
}

test('an agent that comes from another node waits 15 s for word of how one that it is linked to, and that is not found, has ended; then it counts as failed', () => {
  const silent = arrived();
  silent.clock.advance(14_999);
  expect(silent.failures).toEqual([]);
  silent.clock.advance(1);
  expect(silent.failures).toEqual(["k 'missing', which this agent is linked to, has failed: k 'missing' had ended already"]);

  for (const [reason, count] of [
    [{ type: 'stopped' }, 0],
    [{ type: 'failed', error: new Error('on purpose') }, 1],
    [{ type: 'nodeLost', node: 'n1' }, 1],
  ] as const) {
    const told = arrived();
    told.end(reason);
    expect(told.failures).toHaveLength(count);
    told.clock.advance(60_000);
    expect(told.failures).toHaveLength(count);
  }

  const unlinked = arrived();
  unlinked.links.unlink(unlinked.cell, unlinked.missing);
  unlinked.clock.advance(60_000);
  expect(unlinked.failures).toEqual([]);
});

test('one that links itself again to what has ended, because it is there again, does not fail for the time before', () => {
  for (const isUnlinked of [false, true]) {
    const { clock, failures, end, links, cell, missing, again } = arrived();
    if (isUnlinked) links.unlink(cell, missing);
    else end({ type: 'stopped' });
    again.cell = new AgentCell(cell.kind, 2, 1);
    again.cell.status = Status.ready;
    links.link(cell, missing);
    clock.advance(60_000);
    expect(failures).toEqual([]);
  }
});

test('who links itself to one that is not found after it has come from another node has a link that has failed at once', () => {
  const { links, cell, failures } = arrived();
  links.link(cell, reference('other', 3));
  expect(failures).toHaveLength(1);
});
