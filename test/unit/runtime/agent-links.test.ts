/** Links that come with an agent from another node, when the other end is not found. */
import { expect, test } from 'vitest';
import type { StopReason } from 'nexus-agents';
import { AgentCell, Status } from '../../../dist/ts-src/runtime/agent-cell.js';
import { AgentLinks } from '../../../dist/ts-src/runtime/agent-links.js';
import { carriedTiesWorld, reference } from './carried-ties-world.js';

/** An agent that has come from another node, linked to one that is nowhere. */
function arrived() {
  const { clock, cell, self, missing, again, sent, needs } = carriedTiesWorld();
  const failures: string[] = [];
  const links = new AgentLinks({
    ...needs,
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
