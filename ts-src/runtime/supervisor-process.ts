/**
 * One life of a supervisor: performs what its machine (`model/supervisor.ts`) decides on its children, on whichever threads they are, and tells the machine what
 * became of it. Made by `supervisors.ts` when the supervisor starts.
 */
import { type ErrorCode, NexusError } from '../errors.js';
import type { AgentRef } from '../model/agent-ref.js';
import type { StopReason } from '../model/agent-definition.js';
import { CHILDREN_MAX, type ChildSummary, type ResolvedChild, shutdownTimeoutOf, type Supervised } from '../model/supervisor-definition.js';
import {
  type CommandOutcome,
  type SupervisorCommand,
  type SupervisorEffect,
  type SupervisorEvent,
  type SupervisorFailure,
  SupervisorMachine,
  type SupervisorPolicy,
} from '../model/supervisor.js';
import type { AgentReference } from './agent-reference.js';

/** Supervisors above each other. */
export const DEPTH_MAX = 64;

export interface SupervisorProcessNeeds {
  readonly self: AgentReference;
  readonly policy: SupervisorPolicy;
  nowMs(): number;
  random(): number;
  after(delayMs: number, callback: () => void): () => void;
  isSupervisor(kind: string): boolean;
  /** This supervisor and those above it, the nearest first. */
  ancestry(): readonly { readonly id: string; readonly kind: string }[];
  spawn(child: ResolvedChild): Promise<AgentReference>;
  /** Starts an agent in place. */
  startAgain(agent: AgentReference, timeoutMs: number): Promise<void>;
  /** Ends an agent within the time; never rejects. */
  end(agent: AgentReference, keep: boolean, error: unknown, timeoutMs: number): Promise<void>;
  /** The agent that has this id, if it is a child of this supervisor. */
  childNamed(id: string): AgentReference | undefined;
  isLive(agent: AgentReference): boolean;
  /** -1 for one that has ended, -2 for one of another node. */
  threadOf(agent: AgentReference): number;
  /** It fails: its own supervisor decides, or what is above. */
  failed(error: unknown): void;
}

export class SupervisorProcess implements Supervised {
  readonly #needs: SupervisorProcessNeeds;
  #machine: SupervisorMachine;
  readonly #children = new Map<string, ResolvedChild>();
  /** Present agents of the children. None for one that is being spawned. */
  readonly #agents = new Map<string, AgentReference>();
  /** News of agents whose spawn has not come back: of the new one, or of one before it that ends late. */
  #early: { readonly agent: AgentReference; readonly event: SupervisorEvent }[] = [];
  /** The child whose start is under way, and the threads that were lost since it began. */
  #startingId: string | undefined;
  readonly #lostMeanwhile = new Set<number>();
  readonly #waits = new Map<string, () => void>();
  readonly #calls = new Map<number, (outcome: CommandOutcome) => void>();
  #called = 0;
  #isBooted = false;
  #settleBoot: { readonly resolve: () => void; readonly reject: (error: unknown) => void } | undefined;
  #whenStopped: (() => void)[] = [];
  #isStopped = false;

  constructor(needs: SupervisorProcessNeeds) {
    this.#needs = needs;
    this.#machine = new SupervisorMachine(needs.policy, []);
  }

  start(children: readonly ResolvedChild[]): Promise<void> {
    for (const child of children) this.#children.set(child.id, child);
    this.#machine = new SupervisorMachine(this.#needs.policy, children);
    return new Promise((resolve, reject) => {
      this.#settleBoot = { resolve, reject };
      this.#step({ type: 'boot' });
    });
  }

  /** Ends all children, the latest first. Undefined if none is left to end. */
  stop(): Promise<void> | undefined {
    this.#step({ type: 'stop' });
    if (this.#isStopped) return undefined;
    return new Promise((resolve) => {
      this.#whenStopped.push(resolve);
    });
  }

  childFailed(agent: AgentReference, error: unknown, escalates: boolean): void {
    this.#news(agent, { type: 'childFailed', id: agent.id, error, escalates });
  }

  childEnded(agent: AgentReference, reason: StopReason): void {
    const failed = reason.type === 'failed' || reason.type === 'threadFailed' || reason.type === 'nodeLost' || reason.type === 'notFound';
    this.#news(agent, { type: 'childEnded', id: agent.id, failed, error: reason.type === 'failed' ? reason.error : undefined });
  }

  /** @param replaced its agents are there again, and wait to be started */
  threadLost(thread: number, replaced: boolean, error: NexusError): void {
    this.#lostMeanwhile.add(thread);
    const ids = [...this.#agents].flatMap(([id, agent]) => {
      if (id === this.#startingId) return [];
      const owner = this.#needs.threadOf(agent);
      return owner === thread || (owner === -1 && !replaced) ? [id] : [];
    });
    if (ids.length > 0) this.#step({ type: 'childrenLost', ids, gone: !replaced, error });
  }

  list(): ChildSummary[] {
    return this.#machine.report().map((report) => {
      const agent = this.#agents.get(report.id);
      const ref = agent !== undefined && report.status !== 'absent' && this.#needs.isLive(agent) ? agent : undefined;
      return { ...report, kind: this.#children.get(report.id)?.kind ?? '', ref: ref as unknown as AgentRef | undefined };
    });
  }

  async startChild(child: ResolvedChild): Promise<AgentRef> {
    if (this.#children.size >= CHILDREN_MAX)
      throw new NexusError('NEXUS_START_FAILED', `${this.#name()} has ${CHILDREN_MAX} children, the most there can be: nest supervisors`, {
        data: { supervisor: this.#needs.self.id },
      });
    if (this.#children.has(child.id)) throw this.#failure('NEXUS_ID_DUPLICATE', child.id, 'is a child already; terminate and delete it first');
    this.#children.set(child.id, child);
    await this.#command({ type: 'start', child });
    return this.#agents.get(child.id) as unknown as AgentRef;
  }

  terminateChild(id: string): Promise<void> {
    return this.#command({ type: 'terminate', id });
  }

  async restartChild(id: string): Promise<AgentRef> {
    await this.#command({ type: 'restart', id });
    return this.#agents.get(id) as unknown as AgentRef;
  }

  deleteChild(id: string): Promise<void> {
    return this.#command({ type: 'delete', id });
  }

  async #command(command: SupervisorCommand): Promise<void> {
    const id = command.type === 'start' ? command.child.id : command.id;
    const call = ++this.#called;
    const outcome = await new Promise<CommandOutcome>((resolve) => {
      this.#calls.set(call, resolve);
      this.#step({ type: 'command', call, command });
    });
    switch (outcome.type) {
      case 'done':
        return;
      case 'unknown':
        throw this.#failure('NEXUS_CHILD_UNKNOWN', id, 'is no child of it');
      case 'running':
        throw this.#failure('NEXUS_CHILD_RUNNING', id, 'is running: terminate it first');
      case 'restarting':
        throw this.#failure('NEXUS_CHILD_RUNNING', id, 'is about to be started again: terminate it first');
      case 'duplicate':
        throw this.#failure('NEXUS_ID_DUPLICATE', id, 'is a child already');
      case 'stopping':
        throw this.#failure('NEXUS_AGENT_STOPPED', id, 'was not touched: the supervisor is ending');
      case 'startFailed':
        throw outcome.error;
    }
  }

  #step(event: SupervisorEvent): void {
    for (const effect of this.#machine.step(event, this.#needs.nowMs(), () => this.#needs.random())) this.#perform(effect);
  }

  #perform(effect: SupervisorEffect): void {
    switch (effect.type) {
      case 'start':
        return void this.#start(effect.id, effect.inPlace).then(
          () => this.#step({ type: 'started', step: effect.step }),
          (error: unknown) => {
            const agent = this.#agents.get(effect.id);
            this.#step({ type: 'startFailed', step: effect.step, error, gone: agent === undefined || !this.#needs.isLive(agent) });
          },
        );
      case 'end':
        return void this.#end(effect.id, effect.keep, effect.error).then(() => this.#step({ type: 'ended', step: effect.step }));
      case 'wait':
        this.#waits.get(effect.id)?.();
        this.#waits.set(
          effect.id,
          this.#needs.after(effect.delayMs, () => {
            this.#waits.delete(effect.id);
            this.#step({ type: 'due', id: effect.id, attempt: effect.attempt });
          }),
        );
        return;
      case 'booted':
        this.#isBooted = true;
        return this.#settleBoot?.resolve();
      case 'bootFailed':
        return this.#settleBoot?.reject(effect.error);
      case 'fail':
        return this.#needs.failed(this.#failureOf(effect.failure));
      case 'stopped':
        return this.#stopped();
      case 'answer':
        this.#calls.get(effect.call)?.(effect.outcome);
        this.#calls.delete(effect.call);
        return;
      case 'forget':
        this.#children.delete(effect.id);
        this.#agents.delete(effect.id);
    }
  }

  async #start(id: string, inPlace: boolean): Promise<void> {
    const child = this.#children.get(id) as ResolvedChild;
    if (!inPlace) {
      this.#agents.delete(id);
      this.#early = this.#early.filter((news) => news.agent.id !== id);
      this.#checkAncestry(child);
    }
    this.#startingId = id;
    try {
      const agent = await this.#startOnSomeThread(child, this.#agents.get(id));
      this.#startingId = undefined;
      this.#spawned(id, agent);
    } finally {
      if (this.#startingId === id) this.#startingId = undefined;
    }
  }

  /** Starts a child, again if its thread is lost meanwhile: that is no failure of the child, which was not there yet. */
  async #startOnSomeThread(child: ResolvedChild, before: AgentReference | undefined): Promise<AgentReference> {
    const deadlineMs = this.#needs.nowMs() + child.startTimeoutMs;
    for (let agent = before; ; ) {
      this.#lostMeanwhile.clear();
      try {
        if (agent === undefined) agent = await this.#needs.spawn(child);
        else await this.#needs.startAgain(agent, child.startTimeoutMs);
        // It had started, and was lost before anybody knew: its successor waits to be started.
        if (!this.#lostMeanwhile.has(this.#needs.threadOf(agent))) return agent;
      } catch (error) {
        const code = error instanceof NexusError ? error.code : undefined;
        if (this.#isStopped || this.#needs.nowMs() >= deadlineMs) throw error;
        if (agent !== undefined && code === 'NEXUS_AGENT_STOPPED') {
          // It had come to an end of its own before its life was to end: that is no failure of its start. Another one takes its id.
          await this.#needs.end(agent, false, error, shutdownTimeoutOf(child, this.#needs.isSupervisor(child.kind)));
          agent = undefined;
        } else if (code !== 'NEXUS_THREAD_LOST') throw error;
      }
      if (agent !== undefined && !this.#needs.isLive(agent)) agent = undefined;
    }
  }

  async #end(id: string, keep: boolean, error: unknown): Promise<void> {
    const child = this.#children.get(id);
    // One that is on its way has a name already.
    const agent = this.#agents.get(id) ?? this.#needs.childNamed(id);
    if (agent === undefined || child === undefined) return;
    await this.#needs.end(agent, keep, error, shutdownTimeoutOf(child, this.#needs.isSupervisor(child.kind)));
  }

  /** A child that is above its own supervisor, or far below it, would be started for ever. */
  #checkAncestry(child: ResolvedChild): void {
    if (!this.#needs.isSupervisor(child.kind)) return;
    const ancestry = this.#needs.ancestry();
    const isCycle = ancestry.some(({ id }) => id === child.id);
    if (!isCycle && ancestry.length < DEPTH_MAX) return;
    const chain = [...[...ancestry].reverse(), child].map(({ id, kind }) => `'${id}' (${kind})`);
    const shown = chain.length > 10 ? [...chain.slice(0, 5), '...', ...chain.slice(-5)] : chain;
    throw new NexusError(
      'NEXUS_SUPERVISION_CYCLE',
      isCycle
        ? `a supervisor would be a child of itself: ${shown.join(' → ')}`
        : `supervisors are nested more than ${DEPTH_MAX} deep; do their children lead to the same kind for ever? ${shown.join(' → ')}`,
      { data: { chain: shown } },
    );
  }

  #stopped(): void {
    this.#isStopped = true;
    for (const cancel of this.#waits.values()) cancel();
    this.#waits.clear();
    if (!this.#isBooted)
      this.#settleBoot?.reject(
        new NexusError('NEXUS_AGENT_STOPPED', `${this.#name()} was stopped before its children had started`, { data: { supervisor: this.#needs.self.id } }),
      );
    for (const resolve of this.#whenStopped) resolve();
    this.#whenStopped = [];
  }

  /** Of the agent that the child is now. What concerns one of an earlier start, or of an earlier life of this supervisor, is over. */
  #news(agent: AgentReference, event: SupervisorEvent): void {
    const present = this.#agents.get(agent.id);
    if (present?.equals(agent)) this.#step(event);
    else if (present === undefined && this.#children.has(agent.id)) this.#early.push({ agent, event });
  }

  #spawned(id: string, agent: AgentReference): void {
    this.#agents.set(id, agent);
    const early = this.#early.filter((news) => news.agent.equals(agent));
    this.#early = this.#early.filter((news) => news.agent.id !== id);
    // They wait for the start to be complete.
    for (const { event } of early) this.#step(event);
  }

  #failureOf(failure: SupervisorFailure): unknown {
    if (failure.type === 'escalated') return failure.error;
    const { intensity, periodMs } = this.#needs.policy;
    const data = { supervisor: this.#needs.self.id, child: failure.id, intensity, periodMs };
    return new NexusError(
      'NEXUS_INTENSITY_EXCEEDED',
      `${this.#name()} has restarted its children ${intensity} times within ${periodMs} ms, as often as it may, when '${failure.id}' failed again: ${textOf(failure.error)}`,
      { cause: failure.error, data },
    );
  }

  #failure(code: ErrorCode, id: string, what: string): NexusError {
    return new NexusError(code, `child '${id}' of ${this.#name()} ${what}`, { data: { supervisor: this.#needs.self.id, child: id } });
  }

  #name(): string {
    return `supervisor '${this.#needs.self.id}' (${this.#needs.self.kind})`;
  }
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : error === undefined ? 'it ended' : String(error);
}
