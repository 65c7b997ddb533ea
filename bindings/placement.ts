/** The placement of one nexus: what the host is made of, what was planned for its threads and memory, and what the host refused of it. */
import { type PlacementPlan, type PlacementPolicy, planPlacement } from '../ts-src/model/thread-placement.js';
import type { HostTopology, Refusal } from '../ts-src/model/topology.js';
import { hostTopology } from './host-topology.js';
import { placeMemory, startThreadPool } from './host-topology-placement.js';
import type { SharedMemory } from './shared-memory.js';

/** What a nexus shows of its placement. */
export interface NexusTopology {
  readonly host: HostTopology;
  readonly placement: PlacementPlan;
  /** What the kernel refused of reading the host, placing memory and tying workers to processors, and why. */
  readonly refusals: readonly Refusal[];
}

export class Placement {
  readonly #threadCount: number;
  readonly #policy: PlacementPolicy;
  readonly #refusals: Refusal[] = [];
  #host: HostTopology | undefined;
  #plan: PlacementPlan | undefined;

  constructor(threadCount: number, policy: PlacementPolicy) {
    this.#threadCount = threadCount;
    this.#policy = policy;
  }

  /** Carries out what concerns the calling thread. Before the memory is used, and before the first worker is started. Reads nothing where nothing is to be placed. */
  async apply(shared: SharedMemory): Promise<void> {
    if (this.#policy === 'none') return;
    this.#refusals.push(...placeMemory(shared, this.plan, this.host));
    await startThreadPool();
  }

  /** Processor of each thread by index; undefined where it is not tied to one. The calling thread never is: what it starts would inherit it. */
  cpus(): readonly (number | undefined)[] {
    return this.#policy === 'none' ? [] : this.plan.threads.map(({ cpu }) => cpu);
  }

  refused(refusal: Refusal): void {
    this.#refusals.push(refusal);
  }

  get refusals(): readonly Refusal[] {
    return this.#refusals;
  }

  get host(): HostTopology {
    this.#host ??= hostTopology();
    return this.#host;
  }

  get plan(): PlacementPlan {
    this.#plan ??= planPlacement(this.host, this.#threadCount, this.#policy);
    return this.#plan;
  }

  describe(): NexusTopology {
    return { host: this.host, placement: this.plan, refusals: [...this.host.refusals, ...this.#refusals] };
  }
}
