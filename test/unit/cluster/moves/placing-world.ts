/** `Placing` of one node over a registry in memory, with a table that is a map: what the tests of ids beside this file are made in. */
import { MembersByName } from '../../../../dist/ts-src/cluster/moves/members-by-name.js';
import { Placing } from '../../../../dist/ts-src/cluster/moves/placing.js';
import type { Registration } from '../../../../dist/ts-src/model/registration.js';
import type { ViewMember } from '../../../../dist/ts-src/protocols/views/view.js';
import type { AgentReference } from '../../../../dist/ts-src/runtime/agent-reference.js';
import type { NodeSpawn } from '../../../../dist/ts-src/runtime/remote/node-placing.js';
import { ManualClock } from '../../runtime/manual-clock.js';
import { MemoryDirectory, MemoryRegistry } from './memory-registry.js';

export const member = (name: string, weight: number): ViewMember => ({
  name,
  incarnation: 1,
  address: { host: name, port: 1 },
  status: 'up',
  weight,
  sinceView: 1,
});
export const claimOf = (id: string) => ({ id, kind: 'counter', placement: 'pinned', init: undefined, timeoutMs: 1000 }) as const;
export const spawnOf = (id: string, node: string): NodeSpawn => ({
  ...{ kind: 'counter', id, init: undefined, thread: 'auto', node, placement: 'ring', parent: undefined, timeoutMs: 1000 },
});

export function world() {
  const directory = new MemoryDirectory();
  const clock = new ManualClock();
  const members = new MembersByName(clock);
  members.viewed([member('a', 1), member('b', 2), member('c', 0)]);
  const registry = new MemoryRegistry({ name: 'a', incarnation: 1 }, directory);
  const elsewhere = new MemoryRegistry({ name: 'b', incarnation: 1 }, directory);
  directory.owner = registry.self;
  /** What the table has: false for one whose end has begun. */
  const table = new Map<string, boolean>();
  /** Of those, the ones that have moved to another node. */
  const hasLeft = new Set<string>();
  /** Of agents of this node only. */
  const ofNode = new Set<string>();
  /** Of ids that move here, and are not in the table yet. */
  const arriving = new Set<string>();
  const requested: string[] = [];
  const routed: string[] = [];
  const moved: string[] = [];
  const referenceOf = (id: string) => ({ id, kind: 'counter' }) as AgentReference;
  const standing = { isJoined: true, joined: Promise.resolve() };
  const workers: { read: Promise<unknown> | undefined } = { read: undefined };
  const placing: Placing = new Placing({
    clock,
    registry,
    routing: {
      coming: (id, life, from) => void routed.push(`coming ${id} ${life} ${from?.name}`),
      came: (id, life, token) => void routed.push(`came ${id} ${life} ${token}`),
      comesNot: (id, life, where) => void routed.push(`comesNot ${id} ${life} ${where?.name}`),
    },
    isDurable: (kind) => kind === 'ledger',
    members,
    isJoined: () => standing.isJoined,
    joined: () => standing.joined,
    find: (id) => (table.get(id) === true || ofNode.has(id) ? referenceOf(id) : undefined),
    findOfCluster: (id) => (table.get(id) === true ? referenceOf(id) : undefined),
    findEnding: (id) => (table.get(id) === false ? referenceOf(id) : undefined),
    isArriving: (id) => arriving.has(id),
    kindOfPrepared: (id) => (arriving.has(id) ? 'counter' : undefined),
    whenEnded: async ({ id }) => void table.delete(id),
    async spawnHere({ id }) {
      await placing.claim(claimOf(id));
      table.set(id, true);
      placing.settled(id);
      return referenceOf(id);
    },
    async request(node, name, { id }) {
      requested.push(`${name} ${id} on ${node.name}`);
      await elsewhere.register({ id, kind: 'counter', placement: 'ring', init: undefined });
      return referenceOf(id);
    },
    referenceTo: ({ id }: Registration) => referenceOf(id),
    readByWorkers: () => workers.read,
    clear: async (id) => void (hasLeft.has(id) && table.delete(id)),
    move: async (id, to) => void moved.push(`${id} to ${to.name}#${to.incarnation}`),
  });
  return { placing, members, registry, elsewhere, directory, table, hasLeft, ofNode, arriving, requested, routed, moved, clock, standing, workers };
}
export const turn = () => new Promise<void>((resolve) => setImmediate(resolve));
