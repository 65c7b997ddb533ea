/** What a node gives to others, and what it says of it, when its own store cannot be read for a while. */
import { expect, test } from 'vitest';
import { memoryStorage } from '../../../../dist/ts-src/adapters/memory-storage.js';
import type { CopyPeers } from '../../../../dist/ts-src/cluster/copies/copy-peers.js';
import { CopyStore } from '../../../../dist/ts-src/cluster/copies/copy-store.js';
import { StateFetching } from '../../../../dist/ts-src/cluster/copies/state-fetching.js';
import { StateGiving } from '../../../../dist/ts-src/cluster/copies/state-giving.js';
import { NexusError } from '../../../../dist/ts-src/errors.js';
import type { StorageWrite } from '../../../../dist/ts-src/ports/storage.js';
import type { CopyCall, CopyItem } from '../../../../dist/ts-src/protocols/copies/copy-messages.js';
import { Holders } from '../../../../dist/ts-src/protocols/copies/holding.js';
import { ManualClock } from '../../runtime/manual-clock.js';

const [a, b] = ['a', 'b'].map((name) => ({ name, incarnation: 1, weight: 1 })) as [Member, Member];
interface Member {
  readonly name: string;
  readonly incarnation: number;
  readonly weight: number;
}
const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
const turns = async (): Promise<void> => {
  for (let turn = 0; turn < 20; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
};

/** A node whose store has one agent, and fails reads with this code while it has one. */
async function storeOf(ids: readonly string[]) {
  const thread = (await memoryStorage().open()).openThread();
  for (const id of ids)
    await thread.write([
      {
        ...{ type: 'snapshot', kind: 'k', id, version: { token: 1, revision: 1 } },
        snapshot: { state: new Uint8Array([1]), sequence: 1, schemaVersion: 1 },
      } as StorageWrite,
    ]);
  const fault: { code: 'NEXUS_STORE_FAILED' | 'NEXUS_STORE_CORRUPT' | undefined; id: string | undefined } = { code: undefined, id: undefined };
  const load = thread.load.bind(thread);
  thread.load = (kind, id) => {
    if (fault.code !== undefined && (fault.id === undefined || fault.id === id)) throw new NexusError(fault.code, 'the disk could not be read');
    return load(kind, id);
  };
  return { store: new CopyStore({ storage: thread, reminderStored: () => undefined }), fault };
}

async function giving(code: 'NEXUS_STORE_FAILED' | 'NEXUS_STORE_CORRUPT' | undefined) {
  const { store, fault } = await storeOf(['x']);
  fault.code = code;
  const clock = new ManualClock();
  const given: string[] = [];
  const said: string[] = [];
  /** Offers that have not been answered. */
  const offers: (() => void)[] = [];
  const peers = {
    send: (_to: unknown, { id }: CopyItem, done: (outcome: undefined) => void) => {
      given.push(id);
      done(undefined);
    },
    call: (_to: unknown, call: CopyCall) => {
      if (call.type !== 'offer') {
        said.push(call.type);
        return Promise.resolve({ type: 'heard' });
      }
      return new Promise((resolve) => {
        offers.push(() => resolve({ type: 'wants', indices: [0] }));
      });
    },
  } as unknown as CopyPeers;
  const state = new StateGiving({ self: a, peers, store, clock, logger: silent, isRunning: () => false, isOfCluster: () => true });
  state.install(new Holders({ number: 1, members: [a] }, 1));
  const join = async (): Promise<void> => {
    state.install(new Holders({ number: 2, members: [a, b] }, 1));
    await turns();
  };
  return { state, clock, fault, given, said, offers, join };
}

test('a state that could not be read is given later, and until then it is not said that all was given', async () => {
  const { clock, fault, given, said, offers, join } = await giving('NEXUS_STORE_FAILED');
  await join();
  offers.shift()?.();
  await turns();
  expect([given, said]).toEqual([[], []]);
  fault.code = undefined;
  clock.advance(1000);
  await turns();
  offers.shift()?.();
  await turns();
  expect([given, said]).toEqual([['x'], ['settled']]);
});

test('a state that is not what was written is not waited for: no other node can be given it', async () => {
  const { given, said, offers, join } = await giving('NEXUS_STORE_CORRUPT');
  await join();
  offers.shift()?.();
  await turns();
  expect([given, said]).toEqual([[], ['settled']]);
});

test('a node may leave when nothing is on it alone', async () => {
  const { state, given, offers, join } = await giving(undefined);
  await state.elsewhere();
  await join();
  let mayLeave = false;
  const leaving = state.elsewhere().then(() => {
    mayLeave = true;
  });
  await turns();
  expect(mayLeave).toBe(false);
  offers.shift()?.();
  await leaving;
  expect(given).toEqual(['x']);
  const closed = await giving(undefined);
  await closed.join();
  const waiting = closed.state.elsewhere();
  closed.state.close();
  await waiting;
});

test('who fetches a state that cannot be read now is not answered as if there were none', async () => {
  const { store, fault } = await storeOf(['x', 'y']);
  const fetching = new StateFetching({ peers: { call: async () => undefined, nodes: [] }, store, logger: silent, view: () => 1, isSynchronised: () => false });
  const wanted = ['x', 'y'].map((id) => ({ kind: 'k', id, token: 0, revision: 0 }));
  const versions = (): unknown => {
    const answer = fetching.answer(wanted);
    return answer?.type === 'fetched' ? answer.found.map(({ version }) => version) : answer;
  };
  expect(versions()).toEqual([
    { token: 1, revision: 1 },
    { token: 1, revision: 1 },
  ]);
  Object.assign(fault, { code: 'NEXUS_STORE_FAILED', id: 'y' });
  expect(versions()).toEqual([{ token: 1, revision: 1 }]);
  fault.id = 'x';
  expect(versions()).toBeUndefined();
  fault.code = 'NEXUS_STORE_CORRUPT';
  expect(versions()).toEqual([undefined, { token: 1, revision: 1 }]);
});
