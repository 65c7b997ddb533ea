/** Simulated disks of tests: from a seed, with the timers that are given. */
import { SeededRandom } from '../../dist/ts-src/model/seeded-random.js';
import { type DiskEvent, type DiskFaults, SimulatedDisk } from '../../dist/ts-src/testing/simulation/simulated-disk.js';

export function createSimulatedDisk(
  seed: number,
  after: (delayMs: number, callback: () => void) => unknown,
  options: { readonly faults?: Partial<DiskFaults>; readonly capacityBytes?: number; readonly onEvent?: (event: DiskEvent, file: string) => void } = {},
): SimulatedDisk {
  const random = new SeededRandom(seed, 'disk');
  return new SimulatedDisk({ random: () => random.next(), after, ...options });
}

/** Timers that a test lets come, one by one, in order of their time and then of the calls. */
export class SteppedTimers {
  #nowMs = 0;
  #timers: { readonly dueMs: number; readonly callback: () => void }[] = [];

  readonly after = (delayMs: number, callback: () => void): void => {
    this.#timers.push({ dueMs: this.#nowMs + delayMs, callback });
  };

  /** False if none waits. What it leads to has happened when it resolves. */
  async step(): Promise<boolean> {
    await settled();
    const next = this.#timers.reduce<number>((best, timer, at) => (best < 0 || timer.dueMs < (this.#timers[best]?.dueMs ?? 0) ? at : best), -1);
    if (next < 0) return false;
    const [timer] = this.#timers.splice(next, 1);
    this.#nowMs = Math.max(this.#nowMs, timer?.dueMs ?? 0);
    timer?.callback();
    await settled();
    return true;
  }

  async steps(count: number): Promise<void> {
    for (let done = 0; done < count && (await this.step()); done++);
  }

  /** What `work` resolves to, with as many timers as it takes. */
  async until<T>(work: Promise<T>): Promise<T> {
    let isDone = false;
    const done = (): void => {
      isDone = true;
    };
    void work.then(done, done);
    while (!isDone) if (!(await this.step()) && !isDone) throw new Error('no timer waits, and what is waited for has not come');
    return work;
  }
}

/** Every promise that can go on has gone on: the code here awaits a few promises deep at most. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
}
