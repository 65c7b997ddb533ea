/** `NodePlacing` on a worker: the calling thread, where the registry is, does it. */
import type { AgentReference } from '../agent-reference.js';
import { WorkerStates } from '../durable/worker-states.js';
import type { MessageRouter } from '../message-router.js';
import type { ThreadHost } from '../thread-host.js';
import type { IdClaim, NodePlacing, NodeSpawn } from './node-placing.js';

/** An answer comes by the time limit of what was asked for, or the calling thread is gone, and with it the process. */
const ANSWER_TIMEOUT_MS = 86_400_000;

/** A worker is told of which node it is, when there is a cluster. */
export function nodeNamed(host: ThreadHost, node: string): void {
  host.placing = new WorkerPlacing(node, host.router, host.thread);
  if (host.durable !== undefined) host.durable.cluster = new WorkerStates(host.router, host.thread);
}

export class WorkerPlacing implements NodePlacing {
  readonly node: string;
  readonly #router: MessageRouter;
  readonly #thread: number;

  constructor(node: string, router: MessageRouter, thread: number) {
    this.node = node;
    this.#router = router;
    this.#thread = thread;
  }

  claim(claim: IdClaim): Promise<boolean> {
    return this.#router.request(0, 'claimId', { ...claim, thread: this.#thread }, ANSWER_TIMEOUT_MS, claim);
  }

  settled(id: string): void {
    this.#router.call(0, 'idSettled', { id, thread: this.#thread });
  }

  threadLost(): void {}

  coming(): undefined {}

  ended(id: string): void {
    this.#router.call(0, 'idEnded', { id });
  }

  spawn(spawn: NodeSpawn): Promise<AgentReference> {
    return this.#router.request(0, 'spawnOnNode', spawn, ANSWER_TIMEOUT_MS, spawn);
  }

  moveToNode(call: Parameters<NodePlacing['moveToNode']>[0]): Promise<void> {
    return this.#router.request(0, 'moveToNode', call, ANSWER_TIMEOUT_MS, { kind: 'node', id: call.id });
  }

  getOrSpawn(spawn: NodeSpawn): Promise<AgentReference> {
    return this.#router.request(0, 'getOrSpawnOnNode', spawn, ANSWER_TIMEOUT_MS, spawn);
  }
}
