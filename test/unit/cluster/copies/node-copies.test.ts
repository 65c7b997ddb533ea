/** What the calling thread does about durable agents of a worker that is lost: what it has claimed is released, and copies begin anew. */
import { expect, test } from 'vitest';
import { memoryStorage } from '../../../../dist/ts-src/adapters/memory-storage.js';
import { NodeCopies } from '../../../../dist/ts-src/cluster/copies/node-copies.js';
import type { StorageWrite } from '../../../../dist/ts-src/ports/storage.js';
import type { Transport } from '../../../../dist/ts-src/ports/transport.js';
import type { CopyFrame, CopyMessage } from '../../../../dist/ts-src/protocols/copies/copy-messages.js';
import type { NodePlacing } from '../../../../dist/ts-src/runtime/remote/node-placing.js';
import { ManualClock } from '../../runtime/manual-clock.js';
import { MemoryDirectory, MemoryRegistry } from '../moves/memory-registry.js';

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));
const [a, b] = ['a', 'b'].map((name) => ({ name, incarnation: 1 })) as [{ name: string; incarnation: number }, { name: string; incarnation: number }];

async function world() {
  const memory = memoryStorage();
  const storage = await memory.open();
  const registry = new MemoryRegistry(a, new MemoryDirectory());
  registry.directory.owner = a;
  const held: string[] = [];
  const frames: CopyFrame[] = [];
  const fetched: string[] = [];
  let deliver: (message: CopyMessage) => void = () => undefined;
  const transport = {
    listen: (_channel: number, listener: (message: { from: typeof b; value: CopyMessage }) => void) => {
      deliver = (value) => listener({ from: b, value });
    },
    send(_to: unknown, _lane: unknown, { value }: { value: CopyMessage }) {
      if (value.type === 'frame') {
        frames.push(value);
        queueMicrotask(() => deliver({ type: 'copied', number: value.number, results: [] }));
      } else if (value.type === 'call') {
        const wanted = value.call.type === 'fetch' ? value.call.wanted : [];
        fetched.push(...wanted.map(({ id }) => id));
        const found = wanted.map(() => ({ isSynchronised: true, version: undefined, writes: undefined }));
        queueMicrotask(() => deliver({ type: 'answer', number: value.number, answer: { type: 'fetched', found } }));
      }
      return 'accepted';
    },
  } as unknown as Transport;
  const placing = {
    async claim(claim: Parameters<NodePlacing['claim']>[0]) {
      held.push(claim.id);
      await registry.register(claim);
    },
    settled: (id: string) => void held.splice(held.indexOf(id), 1),
  } as unknown as NodePlacing;
  const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
  const copies = new NodeCopies({
    ...{ registry, transport, clock: new ManualClock(), logger: silent, isShared: false, copies: 1 },
    storage: storage.openThread(),
    placing: () => placing,
    isOfCluster: () => true,
    claimed: () => undefined,
    remindersChanged: () => undefined,
  });
  const members = [a, b].map((node) => ({ ...node, address: { host: 'h', port: 1 }, status: 'up' as const, weight: 1, sinceView: 1 }));
  copies.viewed({ number: 1, members, incarnationFloor: 0, joined: [], left: [], removed: [] });
  return { copies, held, frames, fetched, memory, deliver: (message: CopyMessage) => deliver(message) };
}

const eventOf = (revision: number): StorageWrite => ({
  ...{ type: 'snapshot', kind: 'k', id: 'x', version: { token: 1, revision } },
  snapshot: { state: new Uint8Array([revision]), sequence: 0, schemaVersion: 1 },
});
const typesOf = (frames: readonly CopyFrame[]): string[] => frames.flatMap(({ items }) => items.map(({ writes }) => writes.map(({ type }) => type).join()));

test('the next life of a durable agent whose worker was lost sends all that is stored: its copies may have what this node has not', async () => {
  const { copies, frames } = await world();
  await copies.claim('k', 'x', 'start', 1);
  await copies.copy('k', 'x', [eventOf(1)]);
  await copies.copy('k', 'x', [eventOf(2)]);
  copies.threadLost(1);
  await copies.claim('k', 'x', 'start', 1);
  await copies.copy('k', 'x', [eventOf(2)]);
  expect(typesOf(frames)).toEqual(['delete,snapshot', 'snapshot', 'delete,snapshot']);
});

test('an id is given back whose durable agent a worker was about to delete when it was lost, before or after it could', async () => {
  const { copies, held } = await world();
  await copies.claim('k', 'x', 'forget', 1);
  await copies.claim('k', 'z', 'forget', 2);
  const late = copies.claim('k', 'y', 'forget', 1);
  copies.threadLost(1);
  await late;
  await turn();
  expect(held).toEqual(['z']);
  copies.release('k', 'z', 'forget', 2);
  copies.threadLost(2);
  expect(held).toEqual([]);
});

test('a node that has all of a partition asks others all the same before it starts an agent of which it could not store a copy, until it has all of it again', async () => {
  const { copies, fetched, memory, deliver } = await world();
  deliver({ type: 'call', number: 1, call: { type: 'settled', view: 1 } });
  const copy = async (number: number, writes: readonly StorageWrite[]): Promise<void> => {
    deliver({ type: 'frame', number, view: 1, items: [{ kind: 'k', id: 'x', mode: 'live', writes }] } as unknown as CopyMessage);
    for (let each = 0; each < 10; each++) await turn();
  };
  await copy(1, [{ type: 'delete', kind: 'k', id: 'x', version: { token: 1, revision: 1 }, epochMs: 0 }, eventOf(1)]);
  await copies.claim('k', 'x', 'start');
  copies.release('k', 'x', 'start');
  expect(fetched).toEqual([]);
  memory.failNextWrite();
  await copy(2, [eventOf(2)]);
  await copies.claim('k', 'x', 'start');
  copies.release('k', 'x', 'start');
  expect(fetched).toEqual(['x']);
  // Now it knows that it has all.
  await copies.claim('k', 'x', 'start');
  expect(fetched).toEqual(['x']);
});
