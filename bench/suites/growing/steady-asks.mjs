/** Asks at a fixed rate for as long as one likes, each timed from when it was due, whether or not the sender was in time: a stall counts for every ask that it delays. */
import { percentile, sorted } from '../../harness/statistics.mjs';

export class SteadyAsks {
  #perMs;
  #operation;
  #latencies = [];
  #failures = [];
  #sent = 0;
  #isOver = false;
  #startMs = performance.now();
  #underway = 0;

  constructor(perSecond, operation) {
    this.#perMs = perSecond / 1000;
    this.#operation = operation;
    this.#sendDue();
  }

  /** Of those that have ended since this was asked before, in nanoseconds; what has failed. */
  take() {
    const inOrder = sorted(Float64Array.from(this.#latencies));
    const failures = this.#failures;
    this.#latencies = [];
    this.#failures = [];
    const at = (share) => percentile(inOrder, share) * 1e6;
    return { count: inOrder.length, failures, p50Ns: at(0.5), p99Ns: at(0.99), maxNs: inOrder.length === 0 ? 0 : inOrder[inOrder.length - 1] * 1e6 };
  }

  async end() {
    this.#isOver = true;
    while (this.#underway > 0) await new Promise((resolve) => setTimeout(resolve, 5));
  }

  #sendDue() {
    if (this.#isOver) return;
    const due = Math.floor((performance.now() - this.#startMs) * this.#perMs) + 1;
    while (this.#sent < due) void this.#send(this.#sent++);
    const nextMs = this.#startMs + this.#sent / this.#perMs - performance.now();
    // Timers are a millisecond coarse; the rest is waited for in turns.
    if (nextMs > 1.5) setTimeout(() => this.#sendDue(), nextMs - 1);
    else setImmediate(() => this.#sendDue());
  }

  async #send(index) {
    this.#underway++;
    try {
      await this.#operation(index);
      this.#latencies.push(performance.now() - (this.#startMs + index / this.#perMs));
    } catch (error) {
      this.#failures.push(error);
    }
    this.#underway--;
  }
}
