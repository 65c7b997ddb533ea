/**
 * Agents of this thread that leave for another node: each is held between two messages, packed, and kept so until it is known whether the other node has it. Then what waits for it is sent on, in order, and whoever
 * still addresses it here is led there. A durable agent is stored first, and its state stays out of what is packed. Not here: who decides that it moves, and which node may run it (`cluster/moves/`).
 */
import { NexusError } from '../../errors.js';
import type { StopReason, Terminated } from '../../model/agent-definition.js';
import type { NodeIdentity } from '../../model/node-identity.js';
import type { RemoteAgent } from '../../model/remote-agent.js';
import { type AgentCell, type AgentExtra, extraOf, Status, type TieEnd } from '../agent-cell.js';
import type { AgentReference } from '../agent-reference.js';
import { TIMER_MESSAGE } from '../dispatcher.js';
import { agentNotFound } from '../failures.js';
import type { ActionEntry, Kind } from '../kind.js';
import { isSupervised } from '../lifecycle.js';
import { type MessageSender, senderOf } from '../mailbox.js';
import { actionOf } from '../moving-agent.js';
import { isPaused, isToEnd } from '../pausing.js';
import type { ReplyPort } from '../pending-asks.js';
import { markAway, markEnding } from '../record-word.js';
import type { ThreadHost } from '../thread-host.js';
import { sendableReason } from '../remote-reply.js';
import { type AgentBaggage, packed } from './agent-baggage.js';
import type { NamedAgent } from './agent-keys.js';
import { lifeOf } from './agent-life.js';
import type { RemoteAgents } from './remote-agents.js';

/** Agents that have left and that messages, or word of those they were tied to, may still come for by the address they had; beyond it the oldest addresses are nobody's. */
export const LEFT_MAX = 65_536;
/** Of the records of the table, at most one in so many is such an address. */
const LEFT_SHARE = 8;
const AGAIN_MS = 1;
const STORE_AGAIN_MS = 50;
const STOP_MS_MAX = 86_400_000;
const STOP_AGAIN_MS_MAX = 30_000;
type Ties = Pick<AgentBaggage, 'watchers' | 'watching' | 'links'>;

const NO_TIES: Ties = { watchers: [], watching: [], links: [] };

export type NodeDeparture =
  | { readonly type: 'packed'; readonly baggage: AgentBaggage }
  | { readonly type: 'refused'; readonly reason: string }
  /** It is not on this thread: on another one, or nowhere. */
  | { readonly type: 'elsewhere' };

export interface AgentAddress {
  readonly slot: number;
  readonly generation: number;
}

/** That another node has it now. */
export interface AgentDeparture extends AgentAddress {
  readonly node: NodeIdentity;
  readonly life: number;
  readonly tied: TiedNames;
}

/** What it watched and was linked to when it was packed, in that order, as the other node knows them. */
export interface TiedNames {
  readonly watching: readonly NamedAgent[];
  readonly links: readonly NamedAgent[];
}

/** One that was tied to others when it left: word of their end may come behind it, from threads that do not know yet. */
interface LeftTies {
  readonly reference: AgentReference;
  readonly packed: Ties;
  readonly names: TiedNames;
}

interface Left {
  readonly slot: number;
  readonly generation: number;
  /** To where it is. */
  readonly reference: AgentReference;
}

export class NodeDepartures {
  readonly #host: ThreadHost;
  /** Held, and not known yet to have left. */
  readonly #leaving = new WeakSet<AgentCell>();
  /** Who was tied to it when it was packed. */
  readonly #packed = new WeakMap<AgentCell, Ties>();
  /** Those that were about to leave when the thread before this one was lost: they start again if they stay. */
  readonly #inherited = new Set<AgentCell>();
  /** By the address they had. */
  readonly #left = new Map<number, Left>();
  readonly #leftTies = new Map<number, LeftTies>();

  constructor(host: ThreadHost) {
    this.#host = host;
  }

  /** Resolves when nothing of the agent runs any more. It stays so until `stay` or `leave`. */
  async depart({ slot, generation, timeoutMs }: AgentAddress & { readonly timeoutMs: number }): Promise<NodeDeparture> {
    // Not in the middle of a handler, which may be its own.
    await undefined;
    const { clock } = this.#host;
    const deadlineMs = clock.nowMs() + timeoutMs;
    const cell = this.#host.cells.get(slot, generation);
    if (cell === undefined || cell.status >= Status.stopping) return { type: 'elsewhere' };
    if (cell.status === Status.arriving || this.#leaving.has(cell) || this.#host.departures.isMoving(cell)) return refused('another move of it is under way');
    const obstacle = obstacleOf(cell);
    if (obstacle !== undefined) return refused(obstacle);
    this.#leaving.add(cell);
    const departure = await this.#depart(cell, deadlineMs).catch((error: unknown) => refused(error instanceof Error ? error.message : String(error)));
    if (departure.type !== 'packed') this.stay({ slot, generation });
    else {
      markAway(this.#host.shared, slot, true);
      this.#host.timers.hold(cell);
    }
    return departure;
  }

  /** It does not leave after all. */
  stay({ slot, generation }: AgentAddress): void {
    const cell = this.#host.cells.get(slot, generation);
    if (cell === undefined) return;
    if (this.#inherited.delete(cell)) {
      markAway(this.#host.shared, slot, false);
      void this.#host.lifecycle.restore(cell);
      return;
    }
    // One of a lost thread, before its turn to be put back has come: then it is put back as any other.
    if (!this.#leaving.delete(cell)) return cell.status === Status.starting ? markAway(this.#host.shared, slot, false) : undefined;
    markAway(this.#host.shared, slot, false);
    this.#host.timers.release(cell);
    this.#host.dispatcher.release(cell);
    this.#learnEnds(cell);
    if (isPaused(cell) && isToEnd(cell)) this.#host.lifecycle.stop(cell, { type: 'stopped' });
  }

  /** Neither started nor given up, until `stay` or `leave`. */
  inherit(cell: AgentCell): void {
    this.#inherited.add(cell);
  }

  /** The other node has it. When this returns, all that waited for it has been sent on. */
  leave({ slot, generation, node, life, tied }: AgentDeparture): void {
    const host = this.#host;
    const cell = host.cells.get(slot, generation);
    if (cell === undefined) return;
    this.#leaving.delete(cell);
    this.#inherited.delete(cell);
    const reference = host.reference(slot, generation, cell.kind.index, host.nameOf(slot, generation));
    reference.becomeRemote((host.remote as RemoteAgents).remoteOf(reference.id, node, life), reference.id);
    const waiting = messagesOf(cell);
    // It has asked for it itself, or somebody else has: a stop waits for its groups to be left. When the node stops all agents of it are waited for, and those that have left are none of them.
    const isEnding = isToEnd(cell) || (!host.isStopping && (cell.extra?.onStopped?.length ?? 0) > 0);
    host.timers.cancelAll(cell);
    // Ties are made again where it is; with `moved` it is taken for one that has ended.
    cell.status = Status.moved;
    // Those it is tied to go on knowing it: it makes its watches and links again where it is, and to take them back here could come behind that.
    host.watches.left(cell);
    host.supervision.links.left(cell);
    host.supervision.ofNodes.left(cell);
    host.signals.forget(cell);
    host.groups.leaveAll(cell);
    const { extra } = cell;
    extra?.abort?.abort(
      new NexusError('NEXUS_AGENT_STOPPED', `the ${cell.kind.name} agent has moved to node ${node.name}: the handler ends here`, {
        data: { kind: cell.kind.name, node: node.name },
      }),
    );
    if (extra?.reference !== undefined) extra.reference.becomeRemote(reference.remote as RemoteAgent, reference.id);
    host.cells.delete(cell);
    cell.state = reference;
    host.dispatcher.takeAway(cell);
    cell.extra = undefined;
    // Its id is free here from now on, but messages of other threads find its address until nobody can send to that any more.
    if (!cell.kind.isDurable) {
      markEnding(host.shared, slot, true);
      this.#remember({ slot, generation, reference });
    } else {
      // Recognised as those of agents that have left memory are: it may be brought back here at any time.
      host.engine.table.remove(slot, generation);
      // To be forgotten is what it is asked for where it is.
      if (extra?.durable !== undefined) extra.durable.isForgotten = false;
      host.durable?.left(cell, reference.id, extra?.durable);
    }
    for (const [action, input, reply, from] of waiting) {
      // That it was handled would not be stored there: it is tried again by whoever delivers it.
      if (isReminder(cell.kind, action)) reply?.fail(agentNotFound(cell.kind.name, reference.id, action.name));
      else this.#send(reference, action.index, input, reply, from);
    }
    this.#tieAgain(cell, extra, reference, tied);
    for (const callback of extra?.onArrival ?? []) callback();
    const ended = (): void => {
      for (const callback of extra?.onStopped ?? []) callback();
    };
    if (isEnding) void this.#endThere(reference, ended);
    else ended();
  }

  /** A message to the address that an agent had here, or the word that it shall end. False if it was not one that has left. */
  forward(slot: number, generation: number, action: number, input: unknown, reply: ReplyPort | undefined, from: MessageSender): boolean {
    const left = this.#left.size === 0 ? undefined : this.#left.get(lifeOf(slot, generation));
    if (left === undefined) return false;
    this.#send(left.reference, action, input, reply, from);
    return true;
  }

  /** Word that has come here for an agent that has left: what it is tied to has ended. False if it was tied to no such agent, or has not left. */
  passEnd(tie: TieEnd['tie'], target: AgentReference, ended: AgentReference, reason: StopReason): boolean {
    const left = this.#leftTies.size === 0 ? undefined : this.#leftTies.get(lifeOf(target.slot, target.generation));
    return left !== undefined && this.#tellEnd(left, { tie, other: ended, reason });
  }

  /** Its id is needed on this node: the record is given back. False if it is not that of an agent that has left. */
  forget({ slot, generation }: AgentAddress): boolean {
    const left = this.#left.get(lifeOf(slot, generation));
    if (left === undefined) return false;
    this.#host.engine.table.remove(slot, generation);
    return true;
  }

  async #depart(cell: AgentCell, deadlineMs: number): Promise<NodeDeparture> {
    const { dispatcher, clock } = this.#host;
    const leftMs = (): number => Math.max(1, deadlineMs - clock.nowMs());
    for (;;) {
      // Children that are being spawned belong to its present place.
      while ((cell.extra?.spawning?.size ?? 0) > 0 && clock.nowMs() < deadlineMs) await Promise.all(cell.extra?.spawning?.keys() ?? []);
      let isHeld = false;
      let tell: (() => void) | undefined;
      dispatcher.hold(cell, () => {
        isHeld = true;
        tell?.();
      });
      // Most have nothing to do, and are held at once.
      if (!isHeld) {
        await new Promise<void>((resolve) => {
          const cancel = clock.after(leftMs(), resolve);
          tell = () => {
            cancel();
            resolve();
          };
        });
      }
      if (cell.status >= Status.stopping) return { type: 'elsewhere' };
      if (!isHeld || cell.status !== Status.held || clock.nowMs() >= deadlineMs) return refused('a handler, hook or spawn of it still ran');
      const obstacle = obstacleOf(cell);
      if (obstacle !== undefined) return refused(obstacle);
      if (!hasNews(cell)) break;
      // Messages of the runtime are handled here.
      dispatcher.release(cell);
      await new Promise<void>((resolve) => clock.after(AGAIN_MS, resolve));
    }
    // How what it is tied to ends from now on is for there, or for here if it stays.
    extraOf(cell).endsWhilePacked = [];
    return cell.kind.isDurable ? this.#saved(cell, deadlineMs) : this.#pack(cell);
  }

  /** It stays, and learns now what it was not told while it was packed. */
  #learnEnds(cell: AgentCell): void {
    const { watches, supervision } = this.#host;
    const ends = cell.extra?.endsWhilePacked ?? [];
    if (cell.extra !== undefined) cell.extra.endsWhilePacked = undefined;
    for (const { tie, other, reason } of ends) {
      if (tie === 'watch') watches.terminated(cell, { ref: other, id: other.id, reason });
      else supervision.links.linkedEnded(this.#host.referenceOf(cell), other, other.id, reason);
    }
  }

  #pack(cell: AgentCell): NodeDeparture {
    const baggage = packed(this.#host, cell);
    const { watchers, watching, links } = baggage;
    if (watchers.length + watching.length + links.length > 0) this.#packed.set(cell, { watchers: [...watchers], watching, links });
    else this.#packed.delete(cell);
    return { type: 'packed', baggage };
  }

  /** What others have tied to it since it was packed is tied to where it is, and what they have untied is untied there. How what it was tied to has ended since is told there. */
  #tieAgain(cell: AgentCell, extra: AgentExtra | undefined, reference: AgentReference, names: TiedNames): void {
    const { watches, nodeTies } = this.#host;
    const { watchers, watching, links } = this.#packed.get(cell) ?? NO_TIES;
    const isTied = watchers.length + watching.length + links.length > 0 || extra?.watchers !== undefined || extra?.linked !== undefined;
    if (!isTied && (extra?.endsWhilePacked?.length ?? 0) === 0) return;
    const now = extra?.watchers ?? [];
    for (const watcher of now) if (!watchers.some((each) => each.equals(watcher))) void watches.watchElsewhere(reference, watcher);
    for (const other of watchers)
      if (!now.some((each) => each.equals(other))) void nodeTies.ask(reference, 'untieFromNode', { tie: 'watch', target: reference, other });
    const linked = [...(extra?.linked?.values() ?? [])];
    const ends = extra?.endsWhilePacked ?? [];
    for (const other of linked) {
      if (!links.some((each) => each.equals(other)))
        void this.#linkThere(reference, other, ends.find((end) => end.tie === 'link' && end.other === other)?.reason);
    }
    for (const other of links) if (!linked.some((each) => each.equals(other))) void this.#unlinkThere(reference, other);
    const left: LeftTies = { reference, packed: { watchers, watching, links }, names };
    for (const end of ends) this.#tellEnd(left, end);
    if (watching.length + links.length > 0) this.#rememberTies(lifeOf(cell.slot, cell.generation), left);
  }

  /** Its end was asked for here since it was packed: it ends where it is, behind what has waited for it. Whoever waits for that has a limit of its own. */
  async #endThere(reference: AgentReference, ended: () => void): Promise<void> {
    const { type } = await this.#host.nodeTies.ask(reference, 'stopAgent', { slot: 0, generation: 0 }, STOP_MS_MAX);
    // It has come back, or is started again elsewhere.
    if (type === 'home' || type === 'nodeLost') await reference.stop({ timeoutMs: STOP_AGAIN_MS_MAX }).catch(() => undefined);
    ended();
  }

  /** To where the agent is by now. False if it was not tied to that when it was packed. */
  #tellEnd({ reference, packed: { watching, links }, names }: LeftTies, { tie, other, reason }: TieEnd): boolean {
    const [among, named] = tie === 'watch' ? [watching, names.watching] : [links, names.links];
    const ended = named[among.findIndex((each) => each.equals(other))];
    if (ended === undefined) return false;
    void this.#host.nodeTies.ask(reference, 'endedOnNode', { tie, target: reference, ended, reason: sendableReason(reason) });
    return true;
  }

  /** @param ended how the other one has ended since */
  async #linkThere(reference: AgentReference, other: AgentReference, ended: StopReason | undefined): Promise<void> {
    const { supervision, nodeTies } = this.#host;
    await supervision.links.linkElsewhere(reference, other);
    if (ended === undefined) return;
    await nodeTies.ask(reference, 'linkedEnded', { target: reference, ended: other, id: other.id, reason: sendableReason(ended) });
  }

  /** The other one is told last: where it is now, the agent has made all links again that it had. */
  async #unlinkThere(reference: AgentReference, other: AgentReference): Promise<void> {
    const { supervision, nodeTies } = this.#host;
    await nodeTies.ask(reference, 'untieFromNode', { tie: 'link', target: reference, other });
    supervision.links.sayUnlinked(other, reference);
  }

  /** All that it has done is stored, here and in its copies, before anybody else may go on with it. */
  async #saved(cell: AgentCell, deadlineMs: number): Promise<NodeDeparture> {
    const { durable, clock } = this.#host;
    for (;;) {
      const record = cell.extra?.durable;
      if (record === undefined || cell.status >= Status.stopping) return { type: 'elsewhere' };
      if (record.isFenced || record.isForgotten) return refused('its end has begun');
      const { mustReload } = record;
      // What is in memory is not gone on with anyway: there it begins with what is stored.
      if (mustReload) await durable?.beforeRestart(cell);
      const isStored = mustReload ? !record.isWriting : !record.isUnsaved;
      if (isStored && !record.isCopying) return this.#pack(cell);
      if (clock.nowMs() >= deadlineMs) return refused('what it has done could not be stored in time');
      const pause = (): Promise<void> => new Promise<void>((resolve) => clock.after(STORE_AGAIN_MS, resolve));
      // What the store refuses for now may be stored the next time; whoever has to know is told by the writer.
      await (mustReload ? pause() : durable?.writer.through(cell, record).catch(pause));
    }
  }

  #remember(left: Left): void {
    this.#left.set(lifeOf(left.slot, left.generation), left);
    const { recordCapacity, threadCount } = this.#host.shared;
    if (this.#left.size <= Math.min(LEFT_MAX, recordCapacity / LEFT_SHARE / threadCount)) return;
    for (const [key, oldest] of this.#left) {
      this.#left.delete(key);
      this.#host.engine.table.remove(oldest.slot, oldest.generation);
      return;
    }
  }

  #rememberTies(key: number, left: LeftTies): void {
    this.#leftTies.set(key, left);
    for (const oldest of this.#leftTies.keys()) {
      if (this.#leftTies.size <= LEFT_MAX) return;
      this.#leftTies.delete(oldest);
    }
  }

  #send(target: AgentReference, index: number, input: unknown, reply: ReplyPort | undefined, from: MessageSender): void {
    const remote = this.#host.remote as RemoteAgents;
    const action = actionOf(target.kindEntry, index);
    if (action === undefined) return;
    if (action.index >= 0 && action !== target.kindEntry.onTerminated) {
      // A timer's message is one like any other by now.
      const port = reply === TIMER_MESSAGE ? undefined : reply;
      const outcome = remote.send(target, action, input, port, port === undefined ? senderOf(from) : port, true);
      if (outcome === 'full' && port === undefined) this.#host.deadLetters.record('ringFull', target.kind, () => target.knownId, action.name, target);
      return;
    }
    if (action === target.kindEntry.onTerminated) {
      const { node } = target.remote as RemoteAgent;
      return remote.call(node, target, 'terminated', { ...(input as Terminated), ref: (input as Terminated).ref as AgentReference, watcher: target });
    }
    if (reply === undefined) return;
    const { deadlineMs } = reply;
    const leftMs = deadlineMs === 0 ? this.#host.router.askTimeoutMs : Math.max(1, deadlineMs - this.#host.clock.nowMs());
    remote.stop(target, leftMs).then(
      () => reply.reply(undefined),
      (error: unknown) => reply.fail(error),
    );
  }
}

/** Messages of the runtime wait for it, or a reminder. */
function hasNews({ mailbox, kind }: AgentCell): boolean {
  let isNews = false;
  mailbox?.forEach((action) => {
    if (action.index < 0 || action === kind.onTerminated || isReminder(kind, action)) isNews = true;
  });
  return isNews;
}

/** An action as a reminder calls it, which is more than the action: `durable-handlers.ts`. */
function isReminder(kind: Kind, action: ActionEntry): boolean {
  return kind.isDurable && action.index >= 0 && action !== kind.onTerminated && action !== kind.actions[action.index];
}

/** What keeps an agent from leaving that waiting does not change. */
function obstacleOf(cell: AgentCell): string | undefined {
  if (cell.kind.isSupervisor) return 'a supervisor stays on its node';
  if (cell.kind.isOfNode) return `agents of kind '${cell.kind.name}' have the scope 'node': they stay on their node`;
  if (isSupervised(cell)) return 'it stays with its supervisor';
  if ((cell.extra?.onStopped?.length ?? 0) > 0 && cell.status !== Status.starting) return 'its end has been asked for';
  if (cell.extra?.stopRequested === true) return 'it has asked for its end';
  return undefined;
}

type WaitingMessage = Parameters<Parameters<NonNullable<AgentCell['mailbox']>['forEach']>[0]>;
const NO_MESSAGES: readonly WaitingMessage[] = [];

function messagesOf({ mailbox }: AgentCell): readonly WaitingMessage[] {
  if (mailbox === undefined) return NO_MESSAGES;
  const messages: WaitingMessage[] = [];
  mailbox.forEach((...message) => void messages.push(message));
  return messages;
}

function refused(reason: string): NodeDeparture {
  return { type: 'refused', reason };
}
