/**
 * Who is told when an agent ends, across threads. The watcher's thread keeps what each of its agents watches; the watched agent's thread keeps whom to tell.
 * When a thread is lost, the watchers' side sends its watches again to the successor, which answers `notFound` for agents that did not come back.
 */
import type { StopReason, Terminated } from '../model/agent-definition.js';
import { type AgentCell, extraOf, onArrival, Status } from './agent-cell.js';
import type { AgentReference } from './agent-reference.js';

export interface WatchesNeeds {
  readonly thread: number;
  /** The agent on this thread, if it is here and lives. */
  cellOf(ref: AgentReference): AgentCell | undefined;
  /** Thread of a live agent, -1 if it has ended. */
  threadOf(ref: AgentReference): number;
  referenceOf(cell: AgentCell): AgentReference;
  sendWatch(thread: number, target: AgentReference, watcher: AgentReference): void;
  sendUnwatch(thread: number, target: AgentReference, watcher: AgentReference): void;
  sendTerminated(thread: number, watcher: AgentReference, ended: Terminated): void;
  /** Puts the news into the watcher's mailbox. */
  deliver(watcher: AgentCell, ended: Terminated): void;
}

export class Watches {
  readonly #needs: WatchesNeeds;
  /** Agents of this thread that watch something. */
  readonly #watchers = new Set<AgentCell>();

  constructor(needs: WatchesNeeds) {
    this.#needs = needs;
  }

  watch(cell: AgentCell, target: AgentReference): void {
    const extra = extraOf(cell);
    extra.watching ??= new Map();
    const previous = extra.watching.get(target.slot);
    if (previous !== undefined && previous.generation === target.generation) return;
    extra.watching.set(target.slot, target);
    this.#watchers.add(cell);
    this.#request(cell, target);
  }

  unwatch(cell: AgentCell, target: AgentReference): void {
    const { watching } = extraOf(cell);
    if (watching?.get(target.slot)?.generation !== target.generation) return;
    watching.delete(target.slot);
    if (watching.size === 0) this.#watchers.delete(cell);
    const watcher = this.#needs.referenceOf(cell);
    const local = this.#needs.cellOf(target);
    if (local !== undefined) this.removeWatcher(local, watcher);
    else {
      const thread = this.#needs.threadOf(target);
      if (thread >= 0 && thread !== this.#needs.thread) this.#needs.sendUnwatch(thread, target, watcher);
    }
  }

  /** The watcher has moved to another thread, with what it watches. */
  left(cell: AgentCell): void {
    this.#watchers.delete(cell);
  }

  /** A watcher has come from another thread, with what it watches. */
  arrived(cell: AgentCell): void {
    if ((cell.extra?.watching?.size ?? 0) > 0) this.#watchers.add(cell);
  }

  /** The watcher's life ends: all its watches with it. */
  forget(cell: AgentCell): void {
    const watching = cell.extra?.watching;
    if (watching === undefined) return;
    for (const target of [...watching.values()]) this.unwatch(cell, target);
  }

  /** An agent of this thread gets a watcher. */
  addWatcher(cell: AgentCell, watcher: AgentReference): void {
    const extra = extraOf(cell);
    extra.watchers ??= [];
    if (!extra.watchers.some((known) => known.equals(watcher))) extra.watchers.push(watcher);
  }

  removeWatcher(cell: AgentCell, watcher: AgentReference): void {
    if (cell.status === Status.arriving) return onArrival(cell, () => this.removeWatcher(cell, watcher));
    const watchers = cell.extra?.watchers;
    const index = watchers?.findIndex((known) => known.equals(watcher)) ?? -1;
    if (index >= 0) watchers?.splice(index, 1);
  }

  /** An agent of this thread has ended: tells everybody who watched it. */
  ended(cell: AgentCell, reason: StopReason): void {
    const watchers = cell.extra?.watchers;
    if (watchers === undefined) return;
    const ref = this.#needs.referenceOf(cell);
    for (const watcher of watchers) this.#tell(watcher, { ref, id: ref.id, reason });
  }

  /** News about a watched agent arrived for a watcher of this thread. */
  terminated(watcher: AgentCell, ended: Terminated): void {
    if (watcher.status === Status.arriving) return onArrival(watcher, () => this.terminated(watcher, ended));
    const target = ended.ref as AgentReference;
    const { watching } = extraOf(watcher);
    // Not watched any more: unwatched meanwhile, or the watch of an earlier life.
    if (watching?.get(target.slot)?.generation !== target.generation) return;
    watching.delete(target.slot);
    if (watching.size === 0) this.#watchers.delete(watcher);
    this.#needs.deliver(watcher, ended);
  }

  /** A thread was lost. Its successor knows of no watchers; or there will be none. */
  threadLost(thread: number, replaced: boolean, ownerOf: (ref: AgentReference) => number): void {
    for (const cell of [...this.#watchers]) {
      for (const target of [...(cell.extra?.watching?.values() ?? [])]) {
        const owner = ownerOf(target);
        if (owner === thread && replaced) this.#needs.sendWatch(thread, target, this.#needs.referenceOf(cell));
        else if (owner === thread || owner < 0) this.terminated(cell, { ref: target, id: target.id, reason: { type: 'threadFailed' } });
      }
    }
  }

  #request(cell: AgentCell, target: AgentReference): void {
    const watcher = this.#needs.referenceOf(cell);
    const local = this.#needs.cellOf(target);
    if (local !== undefined && local.status < Status.stopped) return this.addWatcher(local, watcher);
    const thread = this.#needs.threadOf(target);
    if (thread >= 0 && thread !== this.#needs.thread) return this.#needs.sendWatch(thread, target, watcher);
    this.terminated(cell, { ref: target, id: target.id, reason: { type: 'notFound' } });
  }

  #tell(watcher: AgentReference, ended: Terminated): void {
    const local = this.#needs.cellOf(watcher);
    if (local !== undefined) return this.terminated(local, ended);
    const thread = this.#needs.threadOf(watcher);
    if (thread >= 0 && thread !== this.#needs.thread) this.#needs.sendTerminated(thread, watcher, ended);
  }
}
