/** A context for a sensor on its own: its clock is moved by hand, its timers fire then, and what it emits is kept. */
import type { AgentContext, AnyAgent } from 'nexus-agents';

interface Timer {
  readonly dueMs: number;
  readonly action: string;
}

export class ManualSensor {
  nowMs = 1000;
  readonly emitted: [topic: string, data: unknown][] = [];
  readonly told: [action: string, input: unknown][] = [];
  readonly context: AgentContext;
  state: unknown;
  #timers: Timer[] = [];
  readonly #abort = new AbortController();
  readonly #definition: AnyAgent;

  constructor(definition: AnyAgent) {
    this.#definition = definition;
    this.context = {
      clock: { nowMs: () => this.nowMs, epochMs: () => this.nowMs },
      signal: this.#abort.signal,
      timers: { after: (delayMs: number, action: string) => void this.#timers.push({ dueMs: this.nowMs + delayMs, action }) },
      emit: (topic: string | { name: string }, data: unknown) => void this.emitted.push([typeof topic === 'string' ? topic : topic.name, data]),
      self: { tell: (action: string, input: unknown) => void this.told.push([action, input]) },
    } as unknown as AgentContext;
  }

  /** Makes its state and runs its start hook. */
  async start(init?: unknown): Promise<void> {
    this.state = this.#definition.state(init);
    await this.#definition.onStart?.(this.state, this.context);
    await this.pass(0);
  }

  /** Moves the clock, and runs what becomes due, in order. */
  async pass(ms: number): Promise<void> {
    const untilMs = this.nowMs + ms;
    for (;;) {
      const due = this.#timers.filter(({ dueMs }) => dueMs <= untilMs).sort((a, b) => a.dueMs - b.dueMs)[0];
      if (due === undefined) break;
      this.#timers = this.#timers.filter((timer) => timer !== due);
      this.nowMs = Math.max(this.nowMs, due.dueMs);
      await this.run(due.action);
    }
    this.nowMs = untilMs;
  }

  async run(action: string, input?: unknown): Promise<void> {
    await this.#definition.actions[action](this.state, input, this.context);
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#definition.onStop?.(this.state, { type: 'stopped' }, this.context);
  }

  /** When the next timer is due, from now. */
  get nextMs(): number | undefined {
    const next = this.#timers.map(({ dueMs }) => dueMs).sort((a, b) => a - b)[0];
    return next === undefined ? undefined : next - this.nowMs;
  }
}
