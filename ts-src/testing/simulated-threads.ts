/**
 * The threads of one simulated nexus: what `composeNexus` takes of the machine, made of a group of the schedule. Used by the nexus of a test, which is the whole of its simulation, and by each node of a
 * simulated cluster.
 */
import type { Surroundings } from '../create-nexus.js';
import type { AgentContext } from '../model/agent-context.js';
import type { SeededRandom } from '../model/seeded-random.js';
import type { Nexus } from '../nexus.js';
import type { ThreadHost } from '../runtime/thread-host.js';
import { observedDefinition } from './observed-definition.js';
import type { ThreadGroup, ThreadLife } from './schedule.js';
import { openSimulatedThread } from './simulated-engine.js';
import { SimulatedWorker } from './simulated-worker.js';

export interface SimulatedThreadsNeeds {
  readonly threads: ThreadGroup;
  /** The thread that is there already. */
  readonly calling: ThreadLife;
  /** Another life of a thread. */
  begin(thread: number): ThreadLife;
  /** Decides what the nexus draws when it is made. */
  readonly random: SeededRandom;
  started(thread: number, isAgain: boolean): void;
  handled(ctx: AgentContext, what: string): void;
}

export class SimulatedThreads {
  readonly #needs: SimulatedThreadsNeeds;
  readonly #workers: (SimulatedWorker | undefined)[] = [];

  constructor(needs: SimulatedThreadsNeeds) {
    this.#needs = needs;
  }

  /** For `composeNexus`. */
  surroundings(): Omit<Surroundings<Nexus>, 'nexus' | 'cluster'> {
    const { calling, begin, random, started, handled } = this.#needs;
    return {
      clock: calling.clock,
      turns: calling.turns,
      engine: {
        report: { kind: 'portable', reason: 'portable: the threads are simulated', tried: [] },
        open: (shared) => openSimulatedThread(shared, calling),
      },
      random: Buffer.from(Array.from({ length: 12 }, () => Math.floor(random.next() * 256))),
      startWorker: (boot, shared, kinds, storage, tracingApi) => {
        const worker = new SimulatedWorker({ boot, shared, kinds, life: begin(boot.thread), storage, tracingApi, callingThread: calling });
        this.#workers[boot.thread] = worker;
        started(boot.thread, boot.incarnation > 0);
        return worker.handle;
      },
      observe: (definition) => observedDefinition(definition, handled),
    };
  }

  worker(thread: number): SimulatedWorker | undefined {
    return this.#workers[thread];
  }

  /** Of the workers that live. */
  hosts(): ThreadHost[] {
    return this.#workers.flatMap((worker, thread) => (worker?.host === undefined || this.#needs.threads.lifeOf(thread) === undefined ? [] : [worker.host]));
  }
}
