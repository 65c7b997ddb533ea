/** The supervision tree of the process, put together of what each thread says of itself. Called by `Nexus.supervisionTree`. */
import type { ProcessNode, ThreadNode, ThreadTree, TreeLimits } from '../model/supervision-tree.js';
import { runtimeOf } from './nexus-shutdown.js';
import type { ThreadHost } from './thread-host.js';
import type { ThreadState, ThreadStatistics } from './thread-statistics.js';
import type { WorkerPool } from './worker-pool.js';

/** A thread that does not describe itself by then is shown without its agents. */
const DESCRIBE_TIMEOUT_MS = 5000;

export interface ProcessTreeNeeds {
  readonly host: ThreadHost;
  readonly pool: WorkerPool;
  threads(): readonly ThreadStatistics[];
  isOpen(): boolean;
}

export async function processTree(needs: ProcessTreeNeeds, limits: TreeLimits): Promise<ProcessNode> {
  const { intensity, periodMs } = needs.pool.restart;
  const threads = needs.threads().map(async ({ thread, state, incarnation }): Promise<ThreadNode> => {
    const tree = await describe(needs, thread, state, limits);
    return { type: 'thread', id: `thread ${thread}`, thread, status: state, restarts: incarnation, ...tree };
  });
  return { type: 'process', id: `process ${process.pid}`, policy: { strategy: 'oneForOne', intensity, periodMs }, threads: await Promise.all(threads) };
}

async function describe({ host, isOpen }: ProcessTreeNeeds, thread: number, state: ThreadState, limits: TreeLimits): Promise<ThreadTree> {
  const nothing = { policy: host.supervision.services.policy, services: [], agents: [], omitted: 0 };
  if (!isOpen() || state !== 'ready') return nothing;
  if (thread === 0) return host.supervision.describing.thread(limits);
  return host.router.request(thread, 'describeThread', limits, DESCRIBE_TIMEOUT_MS, runtimeOf(thread)).catch(() => nothing);
}
