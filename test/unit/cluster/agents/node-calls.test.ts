/** Calls of the runtime about agents, where they are carried out. */
import { expect, test } from 'vitest';
import { carryOut } from '../../../../dist/ts-src/cluster/agents/node-calls.js';
import { AgentReference, type ReferenceHost } from '../../../../dist/ts-src/runtime/agent-reference.js';
import type { Kind } from '../../../../dist/ts-src/runtime/kind.js';
import type { ThreadHost } from '../../../../dist/ts-src/runtime/thread-host.js';

test('a call that waited until its agent came to this node is about the agent there, whatever reference it was made by', () => {
  const carriedOut: Record<string, unknown>[] = [];
  const host = {
    engine: { table: { threadOf: () => 0 } },
    calls: {
      endedOnNode: (input: Record<string, unknown>) => void carriedOut.push(input),
      stopAgent: (input: Record<string, unknown>) => void carriedOut.push(input),
    },
  } as unknown as ThreadHost;
  const kind = { name: 'counter', isDurable: false } as Kind;
  const reference = (id: string, slot: number): AgentReference => new AgentReference(undefined as unknown as ReferenceHost, kind, slot, slot, undefined, id);
  const here = reference('c', 7);
  const far = reference('c', 0);
  const other = reference('d', 0);
  for (const each of [far, other]) each.remote = { node: { name: 'n2', incarnation: 1 }, life: 5 };
  const ended = { kind: 'counter', id: 'd', life: 5, node: { name: 'n2', incarnation: 1 } };
  carryOut(host, here, 'endedOnNode', { tie: 'watch', target: far, other, ended, reason: { type: 'stopped' } }, undefined);
  carryOut(host, here, 'stopAgent', { slot: 0, generation: 0 }, undefined);
  const [first, second] = carriedOut;
  expect([first?.['target'], first?.['other']]).toEqual([here, other]);
  expect([(first?.['target'] as AgentReference).slot, first?.['other'] === other]).toEqual([7, true]);
  expect(second).toEqual({ slot: 7, generation: 7 });
});
