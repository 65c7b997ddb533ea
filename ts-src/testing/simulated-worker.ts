/** A worker of a simulation, for the pool that runs workers of Node: it starts, serves, says so, and ends when it is killed. Everything in it is that of a real worker. */
import { EventEmitter } from 'node:events';
import type { SharedMemory } from '../../bindings/shared-memory.js';
import type { ThreadStorage } from '../ports/storage.js';
import type { TracingApi } from '../ports/tracing-api.js';
import type { KindSources } from '../runtime/kind.js';
import type { ThreadHost } from '../runtime/thread-host.js';
import type { WorkerHandle } from '../runtime/worker-pool.js';
import { NEWS_MARK, type WorkerBoot, type WorkerNews } from '../runtime/worker-protocol.js';
import { openWorkerThread } from '../runtime/worker-thread.js';
import type { ThreadLife } from './schedule.js';
import { openSimulatedThread } from './simulated-engine.js';

export interface SimulatedWorkerNeeds {
  readonly boot: WorkerBoot;
  readonly shared: SharedMemory;
  readonly kinds: KindSources;
  readonly life: ThreadLife;
  readonly storage: ThreadStorage | undefined;
  readonly tracingApi: TracingApi | undefined;
  /** Where its news are heard. */
  readonly callingThread: ThreadLife;
}

export class SimulatedWorker extends EventEmitter {
  readonly #needs: SimulatedWorkerNeeds;
  #host: ThreadHost | undefined;

  constructor(needs: SimulatedWorkerNeeds) {
    super();
    this.#needs = needs;
    needs.life.post(() => this.#serve());
  }

  get handle(): WorkerHandle {
    return this as unknown as WorkerHandle;
  }

  get host(): ThreadHost | undefined {
    return this.#host;
  }

  /** Ends it as the end of its thread would: between two steps, with nothing said to anybody. */
  end(exitCode: number, error?: unknown): void {
    const { life, callingThread } = this.#needs;
    if (!life.isAlive) return;
    life.end();
    if (this.#host !== undefined) {
      // For what of it still runs: a promise that is resolved from outside cannot be kept from it.
      this.#host.links.isClosed = true;
      this.#host.isStopping = true;
    }
    callingThread.post(() => {
      if (error !== undefined) this.emit('error', error);
      this.emit('exit', exitCode);
    });
  }

  terminate(): Promise<number> {
    this.end(1);
    return Promise.resolve(1);
  }

  #serve(): void {
    const { boot, shared, kinds, life, storage, tracingApi } = this.#needs;
    try {
      const { clock, turns } = life;
      const { host, restoring } = openWorkerThread(boot, {
        shared,
        engine: openSimulatedThread(shared, life),
        kinds,
        clock,
        turns,
        storage,
        tracingApi,
        meter: undefined,
        opening: () => this.#tell({ type: 'imported' }),
        fail: (error) => this.end(1, error),
      });
      this.#host = host;
      this.#tell({ type: 'ready', pinRefusal: undefined });
      void restoring?.then((restored) => this.#tell({ type: 'restored', ...restored }));
    } catch (error) {
      const { message, stack } = error as Error;
      this.#tell({ type: 'failed', code: undefined, message, stack, data: undefined });
    }
  }

  #tell(news: WorkerNews): void {
    if (this.#needs.life.isAlive) this.#needs.callingThread.post(() => this.emit('message', { mark: NEWS_MARK, news }));
  }
}
