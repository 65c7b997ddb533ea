/**
 * The loop that relieves threads, on the calling thread, as a service of it: every period it reads what all threads have measured, decides (`model/balancing.ts`, which is pure), acts,
 * and tells what came of it. Reading asks no thread; only what is done about something does. Not here: measuring (`thread-load.ts`) and what a thread does when it is asked
 * (`thread-relief.ts`).
 */
import { threadWord } from '../../bindings/shared-memory.js';
import * as L from '../../layout/generated/layout.js';
import type { AgentRef } from '../model/agent-ref.js';
import { type AgentShare, balance, type BalancingAction, type BalancingHistory, learn, NO_HISTORY, type ThreadMeasures } from '../model/balancing.js';
import type { BalancingLimits, ResolvedBalancing } from '../model/balancing-options.js';
import type { ProcessMemory } from '../ports/load-meter.js';
import type { AgentReference } from './agent-reference.js';
import type { SystemCalls } from './system-calls.js';
import type { ThreadHost } from './thread-host.js';
import { measuredLoad } from './thread-load.js';
import { passivateIdle, watchAgents } from './thread-relief.js';
import type { ThreadService } from './thread-services.js';

/** A thread that does not answer by then is not waited for: it is blocked. */
const ANSWER_TIMEOUT_MS = 1000;
const PASSIVATION_TIMEOUT_MS = 30_000;
/** How long a busy agent is waited for: it will be there in the next round too. */
const MIGRATION_TIMEOUT_MS = 1000;
/** Of one thread, the heaviest: candidates for a move. */
const AGENTS_MAX = 64;
/** After a failure of the loop itself: however short the period is, it does not fail so often that it is a failure of the thread. */
const FAILURE_PAUSE_MS = 2000;

/** One thing that a round of balancing did, or why it did nothing. */
export type BalancingOutcome =
  | { readonly type: 'watch' | 'unwatch' | 'nothing'; readonly thread: number; readonly reason: string }
  | {
      readonly type: 'migrate';
      readonly from: number;
      readonly to: number;
      readonly reason: string;
      readonly moved: readonly AgentRef[];
      /** Those that stay where they are, each with the error that `migrate` rejects with. */
      readonly failures: readonly { readonly agent: AgentRef; readonly error: unknown }[];
    }
  /** `error`: the thread did not say how many have left. */
  | {
      readonly type: 'passivate';
      readonly thread: number;
      readonly reason: string;
      readonly countMax: number;
      readonly passivated: number;
      readonly error?: unknown;
    };

/** What a round of balancing saw and did: the value of the event `balanced`. */
export interface BalancingRound {
  /** Counts from 1. */
  readonly round: number;
  readonly threads: readonly ThreadMeasures[];
  readonly residentBytes: number;
  readonly memoryBytesMax: number;
  /** What was decided, why, and what came of it. */
  readonly actions: readonly BalancingOutcome[];
}

interface MeasuredAgent extends AgentShare {
  readonly agent: AgentReference;
}

export class Balancing implements ThreadService {
  readonly name = 'balancing';
  readonly periodMs: number;
  readonly #host: ThreadHost;
  readonly #memory: ProcessMemory;
  readonly #options: BalancingLimits;
  readonly #balanced: (round: BalancingRound) => void;
  #history: BalancingHistory = NO_HISTORY;
  #notBeforeMs = 0;
  #isClosed = false;

  constructor(host: ThreadHost, memory: ProcessMemory, options: ResolvedBalancing, balanced: (round: BalancingRound) => void) {
    this.#host = host;
    this.#memory = memory;
    // Nothing can leave memory where nothing is stored.
    this.#options = {
      ...options,
      passivate: options.passivate && host.durable !== undefined,
      memoryBytesMax: options.memoryBytesMax ?? memory.availableBytes(),
    };
    this.#balanced = balanced;
    this.periodMs = options.periodMs;
  }

  /** The nexus stops: no round begins any more. */
  close(): void {
    this.#isClosed = true;
  }

  async tick(): Promise<void> {
    const nowMs = this.#host.clock.nowMs();
    if (this.#isClosed || nowMs < this.#notBeforeMs) return;
    try {
      await this.#round(nowMs);
    } catch (error) {
      this.#notBeforeMs = nowMs + FAILURE_PAUSE_MS;
      // What is known of the rounds so far may be what it failed at.
      this.#history = { ...NO_HISTORY, round: this.#history.round + 1 };
      throw error;
    }
  }

  stop(): void {
    for (const [thread, { isWatched }] of this.#history.threads) if (isWatched) void this.#watch(thread, false);
  }

  async #round(nowMs: number): Promise<void> {
    const threads = this.#measures();
    const residentBytes = this.#memory.residentBytes();
    const agents = await this.#watchedAgents();
    const { history, actions } = balance<MeasuredAgent>(this.#history, { nowMs, residentBytes, threads, agents }, this.#options);
    this.#history = history;
    const outcomes = this.#isClosed ? [] : await Promise.all(actions.map((action) => this.#act(action)));
    this.#history = learn(this.#history, {
      refused: outcomes.flatMap((outcome) => (outcome.type === 'migrate' ? outcome.failures.map(({ agent }) => shareOf(agent)) : [])),
      nothingIdle: outcomes.flatMap((outcome) => (outcome.type === 'passivate' && outcome.passivated === 0 ? [outcome.thread] : [])),
    });
    this.#balanced({ round: history.round, threads, residentBytes, memoryBytesMax: this.#options.memoryBytesMax, actions: outcomes });
  }

  #measures(): ThreadMeasures[] {
    const { shared } = this.#host;
    return Array.from({ length: shared.threadCount }, (_, thread) => {
      const at = threadWord(shared, thread);
      return {
        ...{ measuredAtMs: 0, utilization: 0, lagMs: 0, collecting: 0, heapUsedBytes: 0, heapLimitBytes: 0 },
        ...measuredLoad(shared, thread),
        thread,
        isReady: Atomics.load(shared.words, at + L.THREAD_WORD_STATE) === L.THREAD_STATE_READY,
        queueDepth: shared.words[at + L.THREAD_WORD_QUEUE_DEPTH] as number,
        agents: shared.words[at + L.THREAD_WORD_AGENT_COUNT] as number,
      };
    });
  }

  /** A thread that does not answer is left out. */
  async #watchedAgents(): Promise<Map<number, readonly MeasuredAgent[]>> {
    const found = new Map<number, readonly MeasuredAgent[]>();
    const watched = [...this.#history.threads].filter(([, { isWatched }]) => isWatched);
    await Promise.all(
      watched.map(async ([thread]) => {
        const loads = await this.#watch(thread, true);
        if (loads !== undefined) found.set(thread, loads);
      }),
    );
    return found;
  }

  async #watch(thread: number, isOn: boolean): Promise<readonly MeasuredAgent[] | undefined> {
    const call = { isOn, countMax: AGENTS_MAX };
    try {
      const loads = thread === 0 ? watchAgents(this.#host, call) : await this.#request(thread, 'watchAgents', call, ANSWER_TIMEOUT_MS);
      return loads.map(({ agent, share }) => ({ agent, slot: agent.slot, generation: agent.generation, share }));
    } catch {
      return undefined;
    }
  }

  async #act(action: BalancingAction<MeasuredAgent>): Promise<BalancingOutcome> {
    switch (action.type) {
      case 'watch':
      case 'unwatch':
        await this.#watch(action.thread, action.type === 'watch');
        return action;
      case 'nothing':
        return action;
      case 'migrate':
        return this.#migrate(action);
      case 'passivate':
        return this.#passivate(action);
    }
  }

  async #migrate({ from, to, agents, reason }: Extract<BalancingAction<MeasuredAgent>, { type: 'migrate' }>): Promise<BalancingOutcome> {
    const references = agents.map(({ agent }) => agent);
    const results = await this.#host.relocation.relocate(references, to, MIGRATION_TIMEOUT_MS).catch((error: unknown) => references.map(() => error as Error));
    const moved: AgentRef[] = [];
    const failures: { agent: AgentRef; error: unknown }[] = [];
    references.forEach((agent, index) => {
      const error = results[index];
      if (error === undefined) moved.push(agent as unknown as AgentRef);
      else failures.push({ agent: agent as unknown as AgentRef, error });
    });
    this.#host.logger.info({ from, to, moved: moved.length, failed: failures.length, reason }, 'agents were moved off an overloaded thread');
    return { type: 'migrate', from, to, reason, moved, failures };
  }

  async #passivate({ thread, countMax, reason }: Extract<BalancingAction<MeasuredAgent>, { type: 'passivate' }>): Promise<BalancingOutcome> {
    const call = { countMax, idleMs: this.periodMs };
    try {
      const passivated = await (thread === 0 ? passivateIdle(this.#host, call) : this.#request(thread, 'passivateIdle', call, PASSIVATION_TIMEOUT_MS));
      if (passivated > 0) this.#host.logger.info({ thread, passivated, reason }, 'durable agents have left memory, which is short');
      return { type: 'passivate', thread, reason, countMax, passivated };
    } catch (error) {
      return { type: 'passivate', thread, reason, countMax, passivated: 0, error };
    }
  }

  #request<C extends 'watchAgents' | 'passivateIdle'>(
    thread: number,
    call: C,
    input: Parameters<SystemCalls[C]>[0],
    timeoutMs: number,
  ): Promise<Awaited<ReturnType<SystemCalls[C]>>> {
    return this.#host.router.request(thread, call, input, timeoutMs, { kind: 'thread', id: String(thread) }) as Promise<Awaited<ReturnType<SystemCalls[C]>>>;
  }
}

function shareOf(agent: AgentRef): AgentShare {
  const { slot, generation } = agent as unknown as AgentReference;
  return { slot, generation, share: 0 };
}
