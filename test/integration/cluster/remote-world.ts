/** Clusters of the testing kit for tests of messages between nodes, and references that are brought from one node to another as a message would bring them. */
import { type AgentRef, type AnyAgent, defineAgent } from 'nexus-agents';
import { createTestCluster, type TestCluster, type TestClusterOptions, type TestNode } from 'nexus-agents/testing';
import { onTestFinished } from 'vitest';
import { partsOf } from '../../../dist/ts-src/nexus.js';
import type { NodeParts } from '../../../dist/ts-src/cluster/node-parts.js';

export interface Seen {
  readonly what: unknown;
  readonly sender: string | undefined;
  readonly senderKind: string | undefined;
  readonly leftMs: number | undefined;
}

/** Remembers what it is sent, and does what it is asked. */
export const Probe = defineAgent({
  kind: 'probe',
  state: () => ({ seen: [] as Seen[], ref: undefined as AgentRef | undefined, held: [] as ((value: unknown) => void)[] }),
  actions: {
    see: (state, what: unknown, ctx) => {
      const { sender, deadlineMs } = ctx;
      state.seen.push({ what, sender: sender?.id, senderKind: sender?.kind, leftMs: deadlineMs === undefined ? undefined : deadlineMs - ctx.clock.nowMs() });
      return what;
    },
    seen: (state) => state.seen,
    meet: (state, ref: AgentRef) => {
      state.ref = ref;
    },
    met: (state) => state.ref,
    /** Tells or asks whom it has met. */
    tell: (state, what: unknown, ctx) => ctx.tell(state.ref as AgentRef, 'see', what as never),
    ask: {
      concurrent: true,
      handler: (state: { ref: AgentRef | undefined }, { action, what, timeoutMs }: { action: string; what?: unknown; timeoutMs?: number }, ctx) =>
        ctx.ask(state.ref as AgentRef, action, what as never, timeoutMs === undefined ? {} : { timeoutMs }),
    },
    fail: (_state, what: string) => {
      throw Object.assign(new RangeError(what, { cause: new TypeError('the cause') }), { code: 'MY_CODE' });
    },
    unsendable: () => () => 1,
    /** Answers when `release` comes. */
    hold: { concurrent: true, handler: (state: { held: ((value: unknown) => void)[] }) => new Promise((resolve) => state.held.push(resolve)) },
    release: (state, value: unknown) => {
      for (const resolve of state.held.splice(0)) resolve(value);
    },
    stopWith: (_state, _input: undefined, ctx) => ctx.stop(),
  },
});

export async function clusterOf(options: Partial<TestClusterOptions> = {}): Promise<TestCluster> {
  const cluster = await createTestCluster({ agents: [Probe], nodes: 2, seed: 1, threads: 1, ...options });
  onTestFinished(() => cluster.close());
  return cluster;
}

export function partOf(node: TestNode): NodeParts {
  return (partsOf as (nexus: unknown) => { readonly node: NodeParts | undefined })(node.nexus).node as NodeParts;
}

/** The reference as the other node gets it in a message. */
export function carried<D extends AnyAgent>(ref: AgentRef<D>, from: TestNode, to: TestNode): AgentRef<D> {
  const { remote } = partOf(from).references.describe(ref);
  if (remote === undefined) throw new Error('a reference between nodes is described by names');
  return partOf(to).references.restoreRemote(remote) as unknown as AgentRef<D>;
}
