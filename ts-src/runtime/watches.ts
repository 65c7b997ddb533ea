/**
 * Who is told when an agent ends, across threads and nodes. The watcher's thread keeps what each of its agents watches; the watched agent's thread keeps whom to tell.
 * When a thread is lost, the watchers' side sends its watches again to the successor, which answers `notFound` for agents that did not come back. So it does when a node has lost a thread; when a node is gone,
 * its agents have ended, but for those that have moved from it before.
 */
import type { StopReason, Terminated } from '../model/agent-definition.js';
import { type NodeIdentity, sameNode } from '../model/node-identity.js';
import type { Clock } from '../ports/clock.js';
import { type AgentCell, extraOf, onArrival, Status } from './agent-cell.js';
import type { AgentReference } from './agent-reference.js';
import { isKept, WORD_MS_MAX } from './carried-ties.js';
import { sendableReason } from './remote-reply.js';
import { addAmong, keyAmong, keyOfNamed, type NamedAgent } from './remote/agent-keys.js';
import type { NodeTies } from './remote/node-ties.js';

export interface WatchesNeeds {
  readonly thread: number;
  readonly clock: Clock;
  readonly nodes: NodeTies;
  /** The agent on this thread, if it is here and lives. */
  cellOf(ref: AgentReference): AgentCell | undefined;
  /** Thread of a live agent of this node, -1 if it has ended or is on another one. */
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
  /** Agents of this thread that are watched from other nodes. */
  readonly #watchedFromNodes = new Set<AgentCell>();

  constructor(needs: WatchesNeeds) {
    this.#needs = needs;
    needs.nodes.onLoss((node, isGone) => this.#nodeLost(node, isGone));
  }

  watch(cell: AgentCell, target: AgentReference): void {
    const extra = extraOf(cell);
    extra.watching ??= new Map();
    if (keyAmong(extra.watching, target, this.#needs.nodes) !== undefined) return;
    addAmong(extra.watching, target);
    this.#watchers.add(cell);
    this.#request(cell, target);
  }

  /**
   * A watch that an agent had when it left another node, or the thread of this one to which it came from there. That the other agent is not there does not tell how it has ended: it has told where the watcher was, and that
   * comes on behind it. Only what nobody has told of after a while is not found.
   */
  carry(cell: AgentCell, target: AgentReference): void {
    const extra = extraOf(cell);
    extra.watching ??= new Map();
    const key = keyAmong(extra.watching, target, this.#needs.nodes);
    if (key === undefined) addAmong(extra.watching, target);
    const watched = key === undefined ? target : (extra.watching.get(key) as AgentReference);
    this.#watchers.add(cell);
    if (extra.carriedWatches === undefined) {
      extra.carriedWatches = new Map();
      this.#needs.clock.after(WORD_MS_MAX, () => this.#judge(cell), false);
    }
    extra.carriedWatches.set(watched, false);
    this.#request(cell, watched);
  }

  /** What an agent carries as yet that moves to another thread. */
  carriedBy({ extra }: AgentCell): readonly AgentReference[] | undefined {
    const carried = extra?.carriedWatches;
    return carried && [...carried.keys()].filter((target) => keyAmong(extra?.watching, target, this.#needs.nodes) !== undefined);
  }

  unwatch(cell: AgentCell, target: AgentReference): void {
    if (!this.#forget(cell, target)) return;
    const watcher = this.#needs.referenceOf(cell);
    const local = this.#needs.cellOf(target);
    if (local !== undefined) return this.removeWatcher(local, watcher);
    const thread = this.#needs.threadOf(target);
    if (thread >= 0 && thread !== this.#needs.thread) this.#needs.sendUnwatch(thread, target, watcher);
    else if (this.#needs.nodes.leads(target)) void this.#needs.nodes.ask(target, 'untieFromNode', { tie: 'watch', target, other: watcher });
  }

  /** The watcher has moved to another thread, with what it watches. */
  left(cell: AgentCell): void {
    this.#watchers.delete(cell);
    this.#watchedFromNodes.delete(cell);
  }

  /** A watcher has come from another thread, with what it watches. */
  arrived(cell: AgentCell): void {
    if ((cell.extra?.watching?.size ?? 0) > 0) this.#watchers.add(cell);
    if (cell.extra?.watchers?.some(({ remote }) => remote !== undefined) === true) this.#watchedFromNodes.add(cell);
  }

  /** The watcher's life ends: all its watches with it. */
  forget(cell: AgentCell): void {
    const watching = cell.extra?.watching;
    if (watching === undefined) return;
    for (const target of [...watching.values()]) this.unwatch(cell, target);
  }

  /** An agent of this thread gets a watcher. @param life of the agent, where another node has said it */
  addWatcher(cell: AgentCell, watcher: AgentReference, life?: number): void {
    const extra = extraOf(cell);
    extra.watchers ??= [];
    if (life !== undefined) extra.nodeName ??= this.#needs.nodes.nameWith(this.#needs.referenceOf(cell), life);
    if (watcher.remote !== undefined) this.#watchedFromNodes.add(cell);
    if (!extra.watchers.some((known) => known.equals(watcher))) extra.watchers.push(watcher);
  }

  hasWatcher(cell: AgentCell, watcher: AgentReference): boolean {
    return cell.extra?.watchers?.some((known) => known.equals(watcher)) === true;
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
    this.#watchedFromNodes.delete(cell);
    const ref = this.#needs.referenceOf(cell);
    // Asked for now: it has a name only as long as it is in the table.
    const { nodes } = this.#needs;
    const name = nodes.isNode ? (cell.extra?.nodeName ?? nodes.nameOf(ref)) : undefined;
    for (const watcher of watchers) this.#tell(watcher, { ref, id: ref.id, reason }, name);
  }

  /** News about a watched agent arrived for a watcher of this thread. */
  terminated(watcher: AgentCell, ended: Terminated): void {
    if (watcher.status === Status.arriving) return onArrival(watcher, () => this.terminated(watcher, ended));
    const { watching } = extraOf(watcher);
    const key = keyAmong(watching, ended.ref as AgentReference, this.#needs.nodes);
    const other = key === undefined ? undefined : watching?.get(key);
    // Not watched any more: unwatched meanwhile, or the watch of an earlier life.
    if (other === undefined || isKept(extraOf(watcher), { tie: 'watch', other, reason: ended.reason })) return;
    this.#forget(watcher, other);
    this.#needs.deliver(watcher, ended);
  }

  /** As `terminated`, of an agent of another node. */
  terminatedOnNode(watcher: AgentCell, ended: NamedAgent, reason: StopReason): void {
    if (watcher.status === Status.arriving) return onArrival(watcher, () => this.terminatedOnNode(watcher, ended, reason));
    const { watching } = extraOf(watcher);
    const key = keyOfNamed(watching, ended);
    const ref = key === undefined ? undefined : watching?.get(key);
    if (ref !== undefined) this.terminated(watcher, { ref, id: ref.id, reason });
  }

  /** A thread was lost. Its successor knows of no watchers; or there will be none. */
  threadLost(thread: number, replaced: boolean, ownerOf: (ref: AgentReference) => number): void {
    for (const cell of [...this.#watchers]) {
      for (const target of [...(cell.extra?.watching?.values() ?? [])]) {
        const owner = ownerOf(target);
        if (owner === thread && replaced) this.#needs.sendWatch(thread, target, this.#needs.referenceOf(cell));
        else if (owner === thread || (owner < 0 && !this.#needs.nodes.leads(target)))
          this.terminated(cell, { ref: target, id: target.id, reason: { type: 'threadFailed' } });
      }
    }
  }

  #nodeLost(node: NodeIdentity, isGone: boolean): void {
    for (const cell of [...this.#watchers]) {
      for (const target of [...(cell.extra?.watching?.values() ?? [])]) {
        if (!this.#needs.nodes.mayBeOn(target, node, isGone)) continue;
        if (!isGone) void this.#watchOnNode(cell, target, true);
        else if ((target.remote?.life ?? 0) < 0) this.terminated(cell, { ref: target, id: target.id, reason: { type: 'nodeLost', node: node.name } });
        else void this.#watchOnNode(cell, target, false, node);
      }
    }
    if (isGone) for (const cell of [...this.#watchedFromNodes]) this.#dropWatchersOf(cell, node);
  }

  /** Those that never move. Others may have moved before their node has gone, and are told where they are. */
  #dropWatchersOf(cell: AgentCell, node: NodeIdentity): void {
    const { extra } = cell;
    if (extra?.watchers === undefined) return;
    extra.watchers = extra.watchers.filter(({ remote }) => remote === undefined || remote.life >= 0 || !sameNode(remote.node, node));
    if (!extra.watchers.some(({ remote }) => remote !== undefined)) this.#watchedFromNodes.delete(cell);
  }

  /** A watch that has come to where the agent was before it left this node: made where it is, for a watcher of whatever thread. */
  async watchElsewhere(target: AgentReference, watcher: AgentReference): Promise<void> {
    const answer = await this.#needs.nodes.ask(target, 'tieFromNode', { tie: 'watch', target, life: target.remote?.life ?? 0, other: watcher, isNew: true });
    const ended = (reason: StopReason): void => this.#tell(watcher, { ref: target, id: target.id, reason }, undefined);
    switch (answer.type) {
      case 'home': {
        const local = this.#needs.cellOf(target);
        if (local !== undefined && local.status < Status.stopped) return this.addWatcher(local, watcher);
        const thread = this.#needs.threadOf(target);
        return thread >= 0 && thread !== this.#needs.thread ? this.#needs.sendWatch(thread, target, watcher) : ended({ type: 'notFound' });
      }
      case 'answer':
        return answer.value !== undefined ? undefined : ended({ type: 'notFound' });
      case 'notThere':
        return ended({ type: 'notFound' });
      case 'nodeLost':
        return ended({ type: 'nodeLost', node: answer.node.name });
      case 'over':
    }
  }

  #request(cell: AgentCell, target: AgentReference): void {
    const watcher = this.#needs.referenceOf(cell);
    const local = this.#needs.cellOf(target);
    if (local !== undefined && local.status < Status.stopped) return this.addWatcher(local, watcher);
    const thread = this.#needs.threadOf(target);
    if (thread >= 0 && thread !== this.#needs.thread) return this.#needs.sendWatch(thread, target, watcher);
    if (this.#needs.nodes.leads(target)) return void this.#watchOnNode(cell, target, true);
    this.terminated(cell, { ref: target, id: target.id, reason: { type: 'notFound' } });
  }

  /** @param isNew false: it has moved from the lost node if it knows its watcher; another one of its kind that was started since does not */
  async #watchOnNode(cell: AgentCell, target: AgentReference, isNew: boolean, lost?: NodeIdentity): Promise<void> {
    const { nodes, referenceOf } = this.#needs;
    const answer = await nodes.ask(target, 'tieFromNode', { tie: 'watch', target, life: target.remote?.life ?? 0, other: referenceOf(cell), isNew });
    // Unwatched, or ended.
    if (keyAmong(cell.extra?.watching, target, nodes) === undefined || cell.status >= Status.stopped) return;
    const ended = (reason: StopReason): void => this.terminated(cell, { ref: target, id: target.id, reason });
    switch (answer.type) {
      case 'home':
        return this.#request(cell, target);
      case 'answer':
        return answer.value !== undefined ? undefined : ended(lost === undefined ? { type: 'notFound' } : { type: 'nodeLost', node: lost.name });
      case 'notThere':
        return ended(lost === undefined ? { type: 'notFound' } : { type: 'nodeLost', node: lost.name });
      case 'nodeLost':
        return ended({ type: 'nodeLost', node: (lost ?? answer.node).name });
      case 'over':
    }
  }

  /** Of what has come with it, that is not there, nobody has told. */
  #judge(cell: AgentCell): void {
    const carried = cell.extra?.carriedWatches;
    if (cell.extra === undefined || carried === undefined) return;
    cell.extra.carriedWatches = undefined;
    for (const [ref, isMissing] of carried) if (isMissing) this.terminated(cell, { ref, id: ref.id, reason: { type: 'notFound' } });
  }

  #tell(watcher: AgentReference, ended: Terminated, name: NamedAgent | undefined): void {
    const local = this.#needs.cellOf(watcher);
    if (local !== undefined) return this.terminated(local, ended);
    const thread = this.#needs.threadOf(watcher);
    if (thread >= 0 && thread !== this.#needs.thread) return this.#needs.sendTerminated(thread, watcher, ended);
    if (name === undefined || !this.#needs.nodes.leads(watcher)) return;
    void this.#needs.nodes.ask(watcher, 'endedOnNode', { tie: 'watch', target: watcher, ended: name, reason: sendableReason(ended.reason) });
  }

  #forget(cell: AgentCell, target: AgentReference): boolean {
    const { watching, carriedWatches } = extraOf(cell);
    const key = keyAmong(watching, target, this.#needs.nodes);
    if (watching === undefined || key === undefined) return false;
    // Whoever watches it again does so anew.
    carriedWatches?.delete(watching.get(key) as AgentReference);
    watching.delete(key);
    if (watching.size === 0) this.#watchers.delete(cell);
    return true;
  }
}
