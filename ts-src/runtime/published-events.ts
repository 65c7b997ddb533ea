/**
 * What one thread publishes on the channels of `node:diagnostics_channel` about its agents and their messages. Each method looks whether somebody listens before it makes
 * anything. Messages come from the observation of the thread, which asks once a drain; everything else is rare.
 */
import { channels } from '../adapters/diagnostics.js';
import type { StopReason } from '../model/agent-definition.js';
import type { Signal } from '../model/signal.js';
import type { AgentCell } from './agent-cell.js';
import type { HandledListener, HandledMessage } from './message-observer.js';
import type { AgentFailure } from './system-calls.js';

const started = channels['nexus:agent:started'];
const restarted = channels['nexus:agent:restarted'];
const stopped = channels['nexus:agent:stopped'];
const failed = channels['nexus:agent:failed'];
const migrated = channels['nexus:agent:migrated'];
const processed = channels['nexus:message:processed'];
const updated = channels['nexus:state:updated'];
const stored = channels['nexus:state:stored'];
const published = channels['nexus:signal:published'];

export interface PublishedEventsNeeds {
  readonly thread: number;
  idOf(cell: AgentCell): string;
}

export class PublishedEvents implements HandledListener {
  readonly #needs: PublishedEventsNeeds;

  constructor(needs: PublishedEventsNeeds) {
    this.#needs = needs;
  }

  wants(): boolean {
    return processed.hasSubscribers || updated.hasSubscribers;
  }

  handled({ cell, action, durationMs, outcome, error }: HandledMessage): void {
    const { thread, idOf } = this.#needs;
    const kind = cell.kind.name;
    if (updated.hasSubscribers && action.isDecision && outcome === 'handled') updated.publish({ id: idOf(cell), kind, thread, action: action.name });
    // Written out: to spread one object into another takes longer than all the rest.
    if (processed.hasSubscribers) processed.publish({ id: idOf(cell), kind, thread, action: action.name, durationMs, outcome, error });
  }

  started(cell: AgentCell): void {
    const restarts = cell.extra?.life ?? 0;
    if (restarts === 0) {
      if (started.hasSubscribers) started.publish(this.#agent(cell));
    } else if (restarted.hasSubscribers) restarted.publish({ ...this.#agent(cell), restarts });
  }

  /** While its name is still in the table. */
  stopped(cell: AgentCell, reason: StopReason): void {
    if (stopped.hasSubscribers) stopped.publish({ ...this.#agent(cell), reason });
  }

  failed({ id, kind, action, thread, error }: AgentFailure): void {
    if (failed.hasSubscribers) failed.publish({ id, kind, action, thread, error });
  }

  migrated(cell: AgentCell, to: number): void {
    if (migrated.hasSubscribers) migrated.publish({ ...this.#agent(cell), from: this.#needs.thread, to });
  }

  stored(kind: string, id: string): void {
    if (stored.hasSubscribers) stored.publish({ id, kind, thread: this.#needs.thread });
  }

  published({ id, topic, source }: Signal): void {
    if (published.hasSubscribers) published.publish({ id, topic, source: source?.id, thread: this.#needs.thread });
  }

  #agent(cell: AgentCell): { readonly id: string; readonly kind: string; readonly thread: number } {
    return { id: this.#needs.idOf(cell), kind: cell.kind.name, thread: this.#needs.thread };
  }
}
