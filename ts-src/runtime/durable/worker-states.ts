/** `ClusterStates` on a worker: the calling thread, where the connections to other nodes are, does it. Writes go there through the ring. */
import type { StateVersion, StorageWrite } from '../../ports/storage.js';
import type { MessageRouter } from '../message-router.js';
import type { ClaimIntent, ClusterStates } from './cluster-states.js';

/** An answer comes when other nodes have answered or are removed, or the calling thread is gone, and with it the process. */
const ANSWER_TIMEOUT_MS = 86_400_000;

export interface CopyStateCall {
  readonly kind: string;
  readonly id: string;
  readonly writes: readonly StorageWrite[];
}

export class WorkerStates implements ClusterStates {
  readonly #router: MessageRouter;
  readonly #thread: number;

  constructor(router: MessageRouter, thread: number) {
    this.#router = router;
    this.#thread = thread;
  }

  claim(kind: string, id: string, intent: ClaimIntent): Promise<StateVersion> {
    return this.#router.request(0, 'claimState', { kind, id, intent, thread: this.#thread }, ANSWER_TIMEOUT_MS, { kind, id });
  }

  placeOf(): undefined {
    return undefined;
  }

  delivers(): boolean {
    return false;
  }

  release(kind: string, id: string, intent: ClaimIntent): void {
    this.#router.call(0, 'releaseState', { kind, id, intent, thread: this.#thread });
  }

  threadLost(): void {}

  copy(kind: string, id: string, writes: readonly StorageWrite[]): Promise<void> {
    return this.#router.request(0, 'copyState', { kind, id, writes }, ANSWER_TIMEOUT_MS, { kind, id });
  }

  confirm(kind: string, id: string): Promise<void> {
    return this.#router.request(0, 'confirmState', { kind, id }, ANSWER_TIMEOUT_MS, { kind, id });
  }

  diverged(kind: string, id: string): void {
    this.#router.call(0, 'stateDiverged', { kind, id });
  }
}

/** On the calling thread. */
export function copyForWorker(states: ClusterStates, { kind, id, writes }: CopyStateCall): Promise<void> | undefined {
  return states.copy(kind, id, writes);
}
