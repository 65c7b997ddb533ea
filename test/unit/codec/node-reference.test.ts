/** References to agents of nodes in messages: undeclared and declared, in trees and in cycles, and refused where they are none. */
import { expect, test } from 'vitest';
import { compileCodec, interpretCodec } from '../../../dist/ts-src/codec/declared/declared-codec.js';
import { memoryViews } from '../../../dist/ts-src/codec/declared/memory-views.js';
import type { NodeReferenceDescription, ReferenceCodec } from '../../../dist/ts-src/codec/reference-codec.js';
import { ValueDecoder } from '../../../dist/ts-src/codec/value-decoder.js';
import { ValueEncoder } from '../../../dist/ts-src/codec/value-encoder.js';

class Ref {
  constructor(readonly remote: NodeReferenceDescription) {}
}

const references: ReferenceCodec = {
  isReference: (value) => value instanceof Ref,
  describe: (value) => ({ slot: 0, generation: 0, kind: 0, id: undefined, remote: (value as Ref).remote }),
  restore: () => {
    throw new Error('it is of a node');
  },
  restoreRemote: (remote) => new Ref(remote),
};

const agents = [
  { node: 'oslo', incarnation: 1_767_225_600_000, life: 5 * 2 ** 20 + 3, kind: 'counter', id: 'a b 3 c' },
  { node: 'n-1.x', incarnation: 0, life: -(2 ** 40), kind: 'a kind with 9 spaces', id: 'ünïcode/😀' },
  { node: 'n', incarnation: 2 ** 53 - 1, life: 0, kind: 'k', id: 'x' },
].map((remote) => new Ref(remote));

function throughBytes(value: unknown): unknown {
  const bytes = new Uint8Array(4096);
  const end = new ValueEncoder(references).encode(value, bytes, 0, bytes.length);
  return new ValueDecoder(references, { strictText: true }).decode(bytes, 0, end);
}

test('references to agents of nodes arrive as they were, in trees and in cycles', () => {
  expect(throughBytes({ agents, first: agents[0] })).toEqual({ agents, first: agents[0] });
  const cycle: { self?: unknown; agents: unknown } = { agents };
  cycle.self = cycle;
  const arrived = throughBytes(cycle) as typeof cycle;
  expect(arrived.self).toBe(arrived);
  expect(arrived.agents).toEqual(agents);
});

test('a declared agent may be one of a node, compiled and interpreted', () => {
  const shape = {
    type: 'object',
    fields: { who: { type: 'agentRef' }, all: { type: 'array', element: { type: 'agentRef' } }, age: { type: 'uint8' } },
  } as const;
  for (const make of [compileCodec, interpretCodec]) {
    const codec = make(shape as never, references);
    const views = memoryViews(new ArrayBuffer(4096));
    const value = { who: agents[0], all: agents, age: 7 };
    const end = codec.write(value as never, views, 0, 4096);
    expect(codec.read(views, 0, end)).toEqual(value);
  }
});

test('what is no reference to an agent of a node is refused, and where none comes any is', () => {
  for (const wrong of [{ node: 'not a node!' }, { incarnation: -1 }, { life: 0.5 }, { kind: '' }, { id: '' }, { id: 'x'.repeat(1025) }]) {
    const bad = new Ref({ ...(agents[0] as Ref).remote, ...wrong });
    expect(() => throughBytes([bad]), JSON.stringify(wrong).slice(0, 40)).toThrow(expect.objectContaining({ code: 'NEXUS_MESSAGE_CORRUPT' }));
  }
  const bytes = new Uint8Array(256);
  const end = new ValueEncoder(references).encode(agents[0], bytes, 0, bytes.length);
  const { restoreRemote: _left, ...without } = references;
  expect(() => new ValueDecoder(without).decode(bytes, 0, end)).toThrow(expect.objectContaining({ code: 'NEXUS_MESSAGE_CORRUPT' }));
});
