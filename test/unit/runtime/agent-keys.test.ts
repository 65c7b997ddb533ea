/** By what an agent keeps those it is tied to, when places of the table are used again. */
import { expect, test } from 'vitest';
import type { AgentReference } from '../../../dist/ts-src/runtime/agent-reference.js';
import { type AgentKey, addAmong, keyAmong, keyOfNamed } from '../../../dist/ts-src/runtime/remote/agent-keys.js';

interface Kept {
  readonly id: string;
  readonly kind: string;
  slot: number;
  generation: number;
  remote: { readonly node: { readonly name: string; readonly incarnation: number }; readonly life: number } | undefined;
  equals(other: Kept): boolean;
}

const n2 = { name: 'n2', incarnation: 1 };

function reference(id: string, slot: number, generation: number, remote?: Kept['remote']): AgentReference {
  const kept: Kept = { id, kind: 'k', slot, generation, remote, equals: (other) => other.id === id };
  return kept as unknown as AgentReference;
}

const nodes = { isNode: true, leads: (agent: AgentReference) => agent.remote !== undefined };
const alone = { isNode: false, leads: () => false };

test('of two agents that have had the same slot each is found by its own address', () => {
  for (const known of [nodes, alone]) {
    const agents = new Map<AgentKey, AgentReference>();
    const [first, second, third] = [reference('first', 5, 1), reference('second', 5, 2), reference('third', 5, 3)] as const;
    for (const each of [first, second, third]) addAmong(agents, each);
    for (const each of [first, second, third]) expect(agents.get(keyAmong(agents, each, known) as AgentKey)).toBe(each);
    expect(keyAmong(agents, reference('fourth', 5, 4), known)).toBeUndefined();
    agents.delete(keyAmong(agents, second, known) as AgentKey);
    expect([...agents.values()].map(({ id }) => id).sort()).toEqual(['first', 'third']);
    expect(keyAmong(agents, second, known)).toBeUndefined();
  }
});

test('an agent that was of this node when it was kept is found when another one has its slot, by its new address, by its name, and on another node', () => {
  const agents = new Map<AgentKey, AgentReference>();
  const first = reference('first', 5, 1);
  addAmong(agents, first);
  // It has left, and the reference that is kept says so by now.
  Object.assign(first, { slot: 0, generation: 0, remote: { node: n2, life: 7 } });
  addAmong(agents, reference('second', 5, 2));
  expect(agents.size).toBe(2);
  expect(agents.get(keyAmong(agents, reference('first', 0, 0, { node: n2, life: 7 }), nodes) as AgentKey)).toBe(first);
  expect(agents.get(keyOfNamed(agents, { kind: 'k', id: 'first', life: 7, node: n2 }) as AgentKey)).toBe(first);
  // Come home, to another slot.
  Object.assign(first, { slot: 9, generation: 2, remote: undefined });
  expect(agents.get(keyAmong(agents, reference('first', 9, 2), nodes) as AgentKey)).toBe(first);
  expect(agents.get(keyOfNamed(agents, { kind: 'k', id: 'first', life: 7, node: n2 }) as AgentKey)).toBe(first);
});

test('an agent is not taken for one that was kept by its slot and is elsewhere by now, though the generations are the same', () => {
  const agents = new Map<AgentKey, AgentReference>();
  const first = reference('first', 5, 1);
  addAmong(agents, first);
  Object.assign(first, { slot: 9, generation: 4 });
  expect(keyAmong(agents, reference('second', 5, 4), nodes)).toBeUndefined();
});
