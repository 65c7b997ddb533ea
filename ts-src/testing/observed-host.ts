/**
 * A thread whose agents are watched at the edge where they ask something of it. It is a thread like any other, and does what it is asked; what was asked is told to the
 * observer, at the moment it is asked.
 */
import type { AgentTimer, Logger } from '../model/agent-context.js';
import type { AnyAgent } from '../model/agent-definition.js';
import type { AskOptions, TellOutcome } from '../model/agent-ref.js';
import type { SendOptions, SpawnOptions } from '../model/spawn-options.js';
import { nameOfTopic } from '../model/topic.js';
import type { AgentCell } from '../runtime/agent-cell.js';
import type { AgentReference } from '../runtime/agent-reference.js';
import { ThreadHost } from '../runtime/thread-host.js';
import type { LogLine } from '../runtime/system-calls.js';
import type { Effect, Spawned } from './effects.js';

export interface HostObserver {
  /** Whether this is the agent whose doing is of interest. */
  isOf(cell: AgentCell): boolean;
  did(effect: Effect): void;
  asks(target: AgentReference, action: string, input: unknown, timeoutMs: number | undefined): void;
  /** Before a spawn: throws to refuse it. */
  spawns(definition: AnyAgent, spawned: Spawned): void;
  /** Nobody has this id: makes a stub of it, or does not. */
  finds(id: string): void;
}

export class ObservedHost extends ThreadHost {
  readonly #observer: HostObserver;

  constructor(observer: HostObserver, ...parts: ConstructorParameters<typeof ThreadHost>) {
    super(...parts);
    this.#observer = observer;
    this.#observeSignals();
  }

  override tellFrom(sender: AgentReference, target: AgentReference, action: string, input: unknown): TellOutcome {
    const outcome = super.tellFrom(sender, target, action, input);
    if (this.#isOf(sender)) this.#observer.did({ type: 'told', to: target, action, input, outcome });
    return outcome;
  }

  override askFrom(
    sender: AgentReference,
    target: AgentReference,
    action: string,
    input: unknown,
    options: AskOptions | undefined,
    deadlineMs: number,
  ): Promise<unknown> {
    if (this.#isOf(sender)) this.#observer.asks(target, action, input, options?.timeoutMs);
    return super.askFrom(sender, target, action, input, options, deadlineMs);
  }

  override send(id: string, action: string, input: unknown, options: SendOptions | undefined, sender: AgentReference | undefined): TellOutcome {
    const outcome = super.send(id, action, input, options, sender);
    if (sender !== undefined && this.#isOf(sender)) this.#observer.did({ type: 'sent', id, action, input, outcome });
    return outcome;
  }

  override spawn(definition: AnyAgent, options: SpawnOptions | undefined, parent: AgentCell | undefined): Promise<AgentReference> {
    if (parent === undefined || !this.#observer.isOf(parent)) return super.spawn(definition, options, parent);
    return this.#spawn(definition, options?.id, options, 'spawn', (placed) => super.spawn(definition, placed, parent));
  }

  /** Of a test agent only it calls this. */
  override getOrSpawn(definition: AnyAgent, id: string, options: SpawnOptions | undefined): Promise<AgentReference> {
    return this.#spawn(definition, id, options, 'getOrSpawn', (placed) => super.getOrSpawn(definition, id, placed));
  }

  override find(id: string, definition: AnyAgent | undefined): AgentReference | undefined {
    const found = super.find(id, definition);
    if (found !== undefined) return found;
    this.#observer.finds(id);
    return super.find(id, definition);
  }

  override findMany(ids: readonly string[], definition: AnyAgent | undefined): (AgentReference | undefined)[] {
    return super.findMany(ids, definition).map((found, index) => found ?? this.find(ids[index] as string, definition));
  }

  override startTimer(cell: AgentCell, delayMs: number, periodMs: number, action: string, input: unknown): AgentTimer {
    const timer = super.startTimer(cell, delayMs, periodMs, action, input);
    if (!this.#observer.isOf(cell)) return timer;
    this.#observer.did({ type: 'timerStarted', delayMs, periodMs, action, input });
    return {
      cancel: () => {
        this.#observer.did({ type: 'timerCancelled', action, input });
        timer.cancel();
      },
    };
  }

  override watch(cell: AgentCell, target: AgentReference): void {
    if (this.#observer.isOf(cell)) this.#observer.did({ type: 'watched', ref: target });
    super.watch(cell, target);
  }

  override unwatch(cell: AgentCell, target: AgentReference): void {
    if (this.#observer.isOf(cell)) this.#observer.did({ type: 'unwatched', ref: target });
    super.unwatch(cell, target);
  }

  override requestStop(cell: AgentCell): void {
    if (this.#observer.isOf(cell)) this.#observer.did({ type: 'stopRequested' });
    super.requestStop(cell);
  }

  override loggerOf(cell: AgentCell): Logger {
    if (!this.#observer.isOf(cell)) return super.loggerOf(cell);
    const keep = (level: LogLine['level']) => (data: object, message: string) => this.#observer.did({ type: 'logged', level, data, message });
    return { debug: keep('debug'), info: keep('info'), warn: keep('warn'), error: keep('error') };
  }

  #observeSignals(): void {
    const { signals } = this;
    const { emit, subscribe, unsubscribe } = signals;
    const observer = this.#observer;
    signals.emit = (cell, topic, data, options) => {
      if (cell !== undefined && observer.isOf(cell)) observer.did({ type: 'emitted', topic: nameOfTopic(topic), data });
      emit.call(signals, cell, topic, data, options);
    };
    signals.subscribe = (cell, pattern, action) => {
      if (observer.isOf(cell)) observer.did({ type: 'subscribed', pattern: nameOfTopic(pattern), action });
      subscribe.call(signals, cell, pattern, action);
    };
    signals.unsubscribe = (cell, pattern, action) => {
      if (observer.isOf(cell)) observer.did({ type: 'unsubscribed', pattern: nameOfTopic(pattern), action });
      unsubscribe.call(signals, cell, pattern, action);
    };
  }

  #isOf(sender: AgentReference): boolean {
    return sender.cell !== undefined && this.#observer.isOf(sender.cell);
  }

  #spawn(
    definition: AnyAgent,
    id: string | undefined,
    options: SpawnOptions | undefined,
    way: Spawned['way'],
    spawn: (placed: SpawnOptions | undefined) => Promise<AgentReference>,
  ): Promise<AgentReference> {
    try {
      this.#observer.spawns(definition, { type: 'spawned', way, kind: definition?.kind, id, init: options?.init });
    } catch (error) {
      return Promise.reject(error);
    }
    // There is one thread only: a place the agent chose is not refused.
    return spawn(options?.thread === undefined ? options : { ...options, thread: 'local' });
  }
}
