/**
 * Durable agents in simulated clusters whose nodes crash, stand still, are cut off, and have full and failing disks, with clients on all of them: what was acknowledged is there, once, in the order in which it was, and what is there
 * was asked for. Never more than k nodes are lost before those that are left have brought all copies to where they belong.
 */
import { defineAgent } from 'nexus-agents';
import { withCluster } from 'nexus-agents/testing';
import { expect, test } from 'vitest';
import { SeededRandom } from '../../../dist/ts-src/model/seeded-random.js';
import { synchronised } from './synchronised.js';

const Ledger = defineAgent({
  kind: 'ledger',
  state: () => ({ entries: [] as number[] }),
  durable: { writes: 'through', apply: (state, event: number) => void state.entries.push(event), snapshotEvery: 5, passivateAfterMs: 700 },
  actions: {
    add: (state, entry: number, ctx) => {
      ctx.record(entry);
      return state.entries.length;
    },
    all: { durable: 'none', handler: (state) => state.entries },
  },
});

const TITLE = 'what durable agents of a cluster acknowledge outlives whatever happens to k nodes at once';
const LEDGERS = 8;
const ROUNDS = 4;

interface Added {
  readonly ledger: string;
  readonly entry: number;
  readonly askedMs: number;
  ackedMs: number | undefined;
  length: number;
}

type Fault = 'crash' | 'restart' | 'pause' | 'cut' | 'full' | 'errors' | 'slow';
const FAULTS: readonly Fault[] = ['crash', 'restart', 'pause', 'cut', 'full', 'errors', 'slow'];

for (let seed = 1; seed <= Number(process.env['NEXUS_DURABLE_SEEDS'] ?? 2); seed++) {
  test(
    `${TITLE} (seed ${seed})`,
    () =>
      withCluster({ agents: [Ledger], storage: 'disk', nodes: 4, seed, cluster: { copies: 1 + (seed % 2) } }, async (cluster) => {
        const random = new SeededRandom(seed, 'durable faults');
        const pick = <T>(list: readonly T[]): T => list[Math.floor(random.next() * list.length)] as T;
        const added: Added[] = [];
        let entry = 0;
        const add = (): void => {
          const up = cluster.nodes.filter(({ isUp, hasStarted }) => isUp && hasStarted);
          const { nexus } = pick(up);
          const one: Added = { ledger: `ledger-${Math.floor(random.next() * LEDGERS)}`, entry: ++entry, askedMs: cluster.nowMs, ackedMs: undefined, length: 0 };
          added.push(one);
          nexus
            .getOrSpawn(Ledger, one.ledger, { timeoutMs: 20_000 })
            .then((ledger) => ledger.ask('add', one.entry, { timeoutMs: 20_000 }))
            .then(
              (length) => {
                one.ackedMs = cluster.nowMs;
                one.length = length;
              },
              () => undefined,
            );
        };
        const work = async (forMs: number): Promise<void> => {
          for (const endMs = cluster.nowMs + forMs; cluster.nowMs < endMs; ) {
            add();
            await cluster.advance(20 + random.next() * 80);
          }
        };
        await work(2_000);
        for (let round = 0; round < ROUNDS; round++) {
          const fault = pick(FAULTS);
          const node = pick(cluster.nodes);
          if (fault === 'crash' || fault === 'restart') node.crash();
          if (fault === 'restart') node.start();
          if (fault === 'pause') node.pause();
          if (fault === 'cut') cluster.partition([[node]]);
          if (fault === 'full') node.disk({ full: true });
          if (fault === 'errors') node.disk({ writeErrors: 0.2, syncErrors: 0.05 });
          if (fault === 'slow') node.disk({ slowSyncs: 0.5 });
          await work(3_000 + random.next() * 12_000);
          node.disk({ full: false, writeErrors: 0, syncErrors: 0, slowSyncs: 0 });
          if (node.isPaused) node.resume();
          cluster.heal();
          await cluster.advance(3_000);
          if (!node.isUp) node.start();
          await cluster.formed();
          expect(await synchronised(cluster), `copies are where they belong after ${fault} of ${node.name}`).toBe(true);
        }
        await cluster.advance(25_000);
        const { nexus } = pick(cluster.nodes);
        let acknowledged = 0;
        for (let at = 0; at < LEDGERS; at++) {
          const id = `ledger-${at}`;
          const own = added.filter(({ ledger }) => ledger === id);
          const all = await cluster.settle(nexus.getOrSpawn(Ledger, id).then((ledger) => ledger.ask('all', undefined, { timeoutMs: 20_000 })));
          expect(new Set(all).size, `${id} has nothing twice`).toBe(all.length);
          for (const each of all) expect(own.map((one) => one.entry)).toContain(each);
          const acked = own.filter(({ ackedMs }) => ackedMs !== undefined).sort((a, b) => a.length - b.length);
          acknowledged += acked.length;
          for (const one of acked) expect(all[one.length - 1], `${id}: what was acknowledged as number ${one.length}`).toBe(one.entry);
          for (const [index, later] of acked.entries())
            for (const earlier of acked.slice(0, index))
              expect(earlier.askedMs, 'nothing comes before what was acknowledged before it').toBeLessThanOrEqual(later.ackedMs as number);
        }
        expect(acknowledged).toBeGreaterThan(100);
      }),
    240_000,
  );
}
