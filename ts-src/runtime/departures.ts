/**
 * Agents of this thread that move to another, some at a time. Each is held (it handles nothing, and nothing of it runs), the other thread makes room, and then, in one go
 * that nothing interrupts: all it is made of is put into the ring to the other thread, and the table names that thread. What had been sent here before is sent on as it is
 * read; when every thread has answered a message that was sent to it after the table changed, nothing more can come, because rings keep order, and the other thread is told
 * so. A thread that is lost in between leaves exactly one owner in the table: this thread's successor starts what it still owned, and the other thread keeps the rest.
 */
import { threadWord } from '../../bindings/shared-memory.js';
import * as L from '../../layout/generated/layout.js';
import { NexusError } from '../errors.js';
import { traceValues } from '../model/message-trace.js';
import { type AgentCell, Status } from './agent-cell.js';
import type { AgentReference } from './agent-reference.js';
import { type MovingHost, type Place, STILL_LEAVING } from './arrivals.js';
import { threadLost } from './failures.js';
import type { ActionEntry } from './kind.js';
import { type MessageSender, senderOf, traceOf } from './mailbox.js';
import { addressOf, type MovingPart, pack, type ReplyAddress } from './moving-agent.js';
import { NodeDepartures } from './remote/node-departures.js';
import type { RemoteReply } from './remote-reply.js';
import type { ThreadHost } from './thread-host.js';

/** Agents that are held at a time: so many wait for the round trips together, and so long is the thread busy with nothing else. */
const BATCH_AGENTS = 8;
/** Of the round trip to a thread: it ends with the thread, if not before. */
const MARKER_TIMEOUT_MS = 86_400_000;
const ACTIVATION_TIMEOUT_MS = 86_400_000;

/** How the attempt to move an agent ended. */
export type MoveOutcome =
  | { readonly type: 'moved' }
  /** Not on this thread: it has moved, or moves already. Or an earlier move of it goes on. Worth another look. */
  | { readonly type: 'elsewhere' }
  | { readonly type: 'ended' }
  /** It goes on where it is. */
  | { readonly type: 'refused'; readonly message: string }
  /** The target was lost after it had become the owner: its successor starts the agent again. */
  | { readonly type: 'targetLost' };

interface Move {
  readonly cell: AgentCell;
  readonly to: number;
  readonly timeoutMs: number;
  readonly deadlineMs: number;
  cancelDeadline: (() => void) | undefined;
  isSettled: boolean;
  readonly settle: (outcome: MoveOutcome) => void;
  /** The life in which the other thread was told what it has to announce; -1 if there is nothing. */
  life: number;
}

export class Departures {
  departed = 0;
  /** Of those that leave for other nodes. */
  readonly toNodes: NodeDepartures;
  readonly #host: MovingHost;
  readonly #parts: readonly MovingPart[];
  /** Asked for, not held yet. */
  #waiting: Move[] = [];
  #taken = 0;
  /** Held, or about to be: nothing of them runs any more. */
  #held: Move[] = [];
  /** Those whose move has not come to an end. */
  readonly #moving = new Set<AgentCell>();
  /** Those that have left, while messages that were sent to them here may still come, by slot. */
  readonly #followed = new Map<number, { readonly generation: number; readonly to: number; readonly incarnation: number }>();
  /** Moved to a thread in the very moment of its loss. */
  #strays: { readonly to: number; readonly places: readonly Place[] }[] = [];
  #runs = false;

  /** Incarnation of this thread. */
  readonly #own: number;

  constructor(host: ThreadHost, parts: readonly MovingPart[], incarnation: number) {
    this.#host = host;
    this.toNodes = new NodeDepartures(host);
    this.#own = incarnation;
    this.#parts = parts;
  }

  /** Moves that have not come to an end. */
  get size(): number {
    return this.#moving.size;
  }

  isMoving(cell: AgentCell): boolean {
    return this.#moving.has(cell);
  }

  /** Moves agents of this thread. Resolves with how each ended; never rejects. */
  async move(agents: readonly AgentReference[], to: number, timeoutMs: number): Promise<MoveOutcome[]> {
    // Not in the middle of a handler, which may be one of theirs.
    await undefined;
    const { cells, clock } = this.#host;
    const deadlineMs = clock.nowMs() + timeoutMs;
    const outcomes = agents.map((agent) => {
      const cell = cells.get(agent.slot, agent.generation);
      if (cell === undefined || cell.status === Status.arriving || this.#moving.has(cell)) return { type: 'elsewhere' } as const;
      return new Promise<MoveOutcome>((resolve) => {
        this.#moving.add(cell);
        const move: Move = {
          cell,
          to,
          timeoutMs,
          deadlineMs,
          cancelDeadline: undefined,
          isSettled: false,
          life: -1,
          settle: (outcome) => {
            if (move.isSettled) return;
            move.isSettled = true;
            move.cancelDeadline?.();
            this.#moving.delete(cell);
            resolve(outcome);
          },
        };
        this.#waiting.push(move);
      });
    });
    void this.#run();
    return Promise.all(outcomes);
  }

  /** A message from another thread to an agent that is not here any more: goes on to where it is. False if it is nowhere. */
  forward(slot: number, generation: number, action: number, input: unknown, from: MessageSender, reply: RemoteReply | undefined): boolean {
    const { engine, links, router } = this.#host;
    if (this.toNodes.forward(slot, generation, action, input, reply, reply ?? from)) return true;
    const to = engine.table.threadOf(slot, generation);
    if (to < 0 || to === this.#host.thread || !links.canReach(to)) return false;
    const followed = this.#followed.get(slot);
    if (followed?.generation === generation && this.#incarnationOf(followed.to) !== followed.incarnation) {
      // The agent started again on a thread that already takes what was sent to it later: this was lost with the thread.
      this.#host.deadLetters.add('threadLost', 1);
      reply?.fail(threadLost(followed.to, 'the message'));
      return true;
    }
    const address: ReplyAddress | undefined = reply && {
      thread: reply.thread,
      slot: reply.slot,
      sequence: reply.sequence,
      deadlineMs: reply.deadlineMs,
    };
    router.call(to, 'forwarded', { slot, generation, action, input, reply: address, sender: senderOf(from), trace: traceValues(traceOf(from)) });
    if (address !== undefined && address.thread !== to)
      router.call(address.thread, 'asksMoved', { to, incarnation: links.sentTo(to), asks: [address.slot, address.sequence] });
    return true;
  }

  /** What is sent from now on is for its successor, which may have read the table before the last agents that moved there were in it. */
  threadLost(thread: number): void {
    for (const { to, places } of this.#strays) if (to === thread) this.#host.router.call(to, 'adoptStrays', { places });
    this.#strays = this.#strays.filter(({ to }) => to !== thread);
  }

  /**
   * It has left, and what was sent to it here before may still come. It can be on its way back by then only if the thread that it had moved to was lost: what still comes
   * is lost with that.
   */
  isLeaving(slot: number, generation: number): boolean {
    return this.#followed.get(slot)?.generation === generation;
  }

  /** Where a call of the runtime about an agent that is not here is to be made; -1: nowhere. */
  threadOf(agent: { readonly slot: number; readonly generation: number }): number {
    const to = this.#host.engine.table.threadOf(agent.slot, agent.generation);
    return to >= 0 && to !== this.#host.thread && this.#host.links.canReach(to) ? to : -1;
  }

  async #run(): Promise<void> {
    if (this.#runs) return;
    this.#runs = true;
    try {
      for (;;) {
        this.#holdSome();
        const batch = this.#nextBatch();
        if (batch.length === 0) return;
        await this.#moveBatch(batch).catch((error: unknown) => {
          this.#host.logger.error({ error }, 'agents could not be moved');
          for (const move of batch) if (!move.isSettled) this.#giveUp(move, error instanceof Error ? error.message : String(error));
        });
      }
    } finally {
      this.#runs = false;
    }
  }

  #holdSome(): void {
    while (this.#held.length < BATCH_AGENTS && this.#taken < this.#waiting.length) this.#hold(this.#waiting[this.#taken++] as Move);
    if (this.#taken < this.#waiting.length) return;
    this.#waiting = [];
    this.#taken = 0;
  }

  #nextBatch(): Move[] {
    const to = this.#held[0]?.to;
    const batch = this.#held.filter((move) => move.to === to).slice(0, BATCH_AGENTS);
    const taken = new Set(batch);
    this.#held = this.#held.filter((move) => !taken.has(move));
    return batch;
  }

  #hold(move: Move): void {
    const { dispatcher, clock } = this.#host;
    const { cell } = move;
    const obstacle = this.#obstacleOf(cell);
    if (obstacle !== undefined) return move.settle(obstacle);
    let isNow = true;
    let isQueued = false;
    const onHeld = (): void => {
      if (isQueued) return;
      if (cell.status >= Status.stopping) return move.settle({ type: 'ended' });
      isQueued = true;
      this.#held.push(move);
      if (!isNow) void this.#run();
    };
    // Children that are being spawned belong to the agent's present place: it waits for them.
    const spawning = cell.extra?.spawning;
    if (spawning !== undefined && spawning.size > 0) {
      void Promise.all(spawning.keys()).then(() => {
        if (move.isSettled) return;
        move.cancelDeadline?.();
        this.#waiting.push(move);
        void this.#run();
      });
    } else dispatcher.hold(cell, onHeld);
    isNow = false;
    if (isQueued) return;
    move.cancelDeadline = clock.after(Math.max(1, move.deadlineMs - clock.nowMs()), () => {
      if (isQueued && cell.status === Status.held) return;
      this.#giveUp(move, `it was busy for ${Math.round(move.timeoutMs)} ms: a handler, hook or spawn of it still ran`);
    });
  }

  /** What keeps an agent from moving that waiting does not change. */
  #obstacleOf(cell: AgentCell): MoveOutcome | undefined {
    const { engine } = this.#host;
    if (cell.status >= Status.stopping) return { type: cell.status === Status.moved ? 'elsewhere' : 'ended' };
    if (cell.kind.isDurable) return refused('a durable agent does not move: it is placed by its id, so that all threads agree where it returns');
    if (cell.kind.isSupervisor) return refused('a supervisor stays on its thread: its children may move');
    if ((cell.extra?.onStopped?.length ?? 0) > 0 && cell.status !== Status.starting) return refused('its end has been asked for');
    if (cell.extra?.init !== undefined && engine.table.payloadOf(cell.slot, cell.generation) === undefined)
      return refused('its init cannot be sent, and so not be kept for a restart on another thread');
    return undefined;
  }

  #giveUp(move: Move, message: string): void {
    this.#release(move.cell);
    if (move.cell.status >= Status.stopping) return move.settle({ type: 'ended' });
    move.settle(message === STILL_LEAVING ? { type: 'elsewhere' } : refused(message));
  }

  #release(cell: AgentCell): void {
    this.#host.dispatcher.release(cell);
  }

  async #moveBatch(batch: readonly Move[]): Promise<void> {
    const { router, links, shared } = this.#host;
    const { to } = batch[0] as Move;
    const incarnation = this.#incarnationOf(to);
    const placeOf = (move: Move): Place => {
      const { cell } = move;
      const announced = this.#announcementsOf(cell);
      move.life = announced === undefined ? -1 : (cell.extra?.life ?? 0);
      return [cell.slot, cell.generation, cell.kind.index, announced];
    };
    const from = this.#host.thread;
    let refusals: readonly (string | undefined)[];
    try {
      const timeoutMs = Math.max(...batch.map((move) => move.timeoutMs));
      refusals = await router.request(to, 'reserveAgents', { from, incarnation: this.#own, places: batch.map(placeOf) }, timeoutMs, threadTarget(to));
    } catch (error) {
      router.call(to, 'unreserveAgents', { from, places: batch.map(placeOf) });
      for (const move of batch) this.#giveUp(move, `thread ${to} did not make room for it: ${error instanceof Error ? error.message : String(error)}`);
      return;
    }
    // From here to the last change of the table nothing else runs on this thread.
    const asks = new Map<number, number[]>();
    const moved: Move[] = [];
    const stayed: Move[] = [];
    batch.forEach((move, index) => {
      const isLost = this.#incarnationOf(to) !== incarnation || !links.canReach(to);
      const reason = refusals[index] ?? (isLost ? `thread ${to} was lost` : this.#send(move, asks));
      if (reason === undefined) {
        this.#leave(move, incarnation);
        moved.push(move);
        return;
      }
      stayed.push(move);
      this.#giveUp(move, reason);
    });
    const isStill = this.#incarnationOf(to) === incarnation;
    if (stayed.length > 0) router.call(to, 'unreserveAgents', { from, places: stayed.map(placeOf) });
    for (const [thread, pairs] of asks) router.call(thread, 'asksMoved', { to, incarnation, asks: pairs });
    if (moved.length === 0) return;
    const places = moved.map(({ cell }): Place => [cell.slot, cell.generation, cell.kind.index, undefined]);
    // Lost between the two looks: its successor may have read the table before these were in it.
    if (!isStill) this.#strays.push({ to, places });
    await this.#everythingRead();
    for (const { cell } of moved) {
      this.#followed.delete(cell.slot);
      for (const part of this.#parts) part.followed?.(cell);
    }
    const isHere = await router.request(to, 'activateAgents', { places }, ACTIVATION_TIMEOUT_MS, threadTarget(to)).catch(() => undefined);
    const isLost =
      this.#incarnationOf(to) !== incarnation || Atomics.load(shared.words, threadWord(shared, to) + L.THREAD_WORD_STATE) === L.THREAD_STATE_FAILED;
    for (const { cell } of moved) for (const part of this.#parts) part.settled?.(cell);
    moved.forEach((move, index) => {
      if (isHere?.[index] === true && !isLost) {
        this.#host.observation.events.migrated(move.cell, to);
        move.settle({ type: 'moved' });
      } else move.settle(isLost ? { type: 'targetLost' } : { type: 'ended' });
    });
  }

  #announcementsOf(cell: AgentCell): Readonly<Record<string, unknown>> | undefined {
    const announced = this.#parts.map((part) => [part.name, part.announce?.(cell)] as const).filter(([, value]) => value !== undefined);
    return announced.length === 0 ? undefined : Object.fromEntries(announced);
  }

  /** Puts the agent into the ring. Why not, or undefined. Nothing has happened if not. */
  #send(move: Move, asksOfOthers: Map<number, number[]>): string | undefined {
    const { asks, router, thread, engine, shared } = this.#host;
    const { cell, to } = move;
    if (engine.table.threadOf(cell.slot, cell.generation) !== thread) return 'the table gives it to another thread';
    if (cell.status !== Status.held || (move.life >= 0 && cell.extra?.life !== move.life)) return 'it restarted or ended while it was to leave';
    const obstacle = this.#obstacleOf(cell);
    if (obstacle !== undefined) return obstacle.type === 'refused' ? obstacle.message : 'it ended while it was to leave';
    const own: ReplyAddress[] = [];
    const others: ReplyAddress[] = [];
    try {
      const moving = pack(
        cell,
        this.#parts,
        (port, action) => {
          const address = addressOf(port, asks, thread, to, (other) => this.#bridge(other, cell, action));
          if (address.thread === thread) own.push(address);
          else if (address.thread !== to) others.push(address);
          return address;
        },
        (parent) => {
          const parentThread = Math.max(0, engine.table.threadOf(parent.slot, parent.generation));
          return { parentThread, parentIncarnation: shared.words[threadWord(shared, parentThread) + L.THREAD_WORD_INCARNATION] as number };
        },
      );
      router.call(to, 'installAgent', moving);
    } catch (error) {
      for (const { slot, sequence } of own) asks.follow(slot, sequence, -1);
      return error instanceof Error ? error.message : String(error);
    }
    for (const address of others) {
      const pairs = asksOfOthers.get(address.thread) ?? [];
      pairs.push(address.slot, address.sequence);
      asksOfOthers.set(address.thread, pairs);
    }
    return undefined;
  }

  /** The one step: before it the agent is this thread's, after it the other's. */
  #leave({ cell, to }: Move, incarnation: number): void {
    const { engine, cells, dispatcher, timers, watches } = this.#host;
    engine.table.rehome(cell.slot, cell.generation, to);
    this.#followed.set(cell.slot, { generation: cell.generation, to, incarnation });
    this.departed++;
    timers.cancelAll(cell);
    watches.left(cell);
    for (const part of this.#parts) part.left(cell);
    const { extra } = cell;
    extra?.abort?.abort(
      new NexusError('NEXUS_AGENT_STOPPED', `the ${cell.kind.name} agent has moved to thread ${to}: the handler ends there`, {
        data: { kind: cell.kind.name, thread: to },
      }),
    );
    if (extra?.reference !== undefined) extra.reference.cell = undefined;
    cells.delete(cell);
    cell.status = Status.moved;
    cell.state = this.#host.reference(cell.slot, cell.generation, cell.kind.index, undefined);
    dispatcher.takeAway(cell);
    cell.extra = undefined;
  }

  /** Resolves when everything that any thread sent here before it could see the change of the table has been read, and so sent on. */
  async #everythingRead(): Promise<void> {
    const { router, links, shared, thread } = this.#host;
    const answers: Promise<unknown>[] = [];
    for (let other = 0; other < shared.threadCount; other++) {
      if (other === thread || !links.canReach(other)) continue;
      // Nobody runs there, and whoever comes next sees the table as it is.
      if (Atomics.load(shared.words, threadWord(shared, other) + L.THREAD_WORD_STATE) === L.THREAD_STATE_LOST) links.readFrom(other);
      else answers.push(router.request(other, 'roundTrip', undefined, MARKER_TIMEOUT_MS, threadTarget(other)).catch(() => undefined));
    }
    await Promise.all(answers);
  }

  /** For a port that is neither an ask of this thread nor one of another: an ask that hands over to it. */
  #bridge(port: Parameters<typeof addressOf>[0], cell: AgentCell, action: ActionEntry): ReturnType<MovingHost['asks']['open']> {
    const target = { kind: cell.kind.name, id: this.#host.nameOf(cell.slot, cell.generation) ?? '' };
    return this.#host.asks.open(
      (value) => port.reply(value),
      (error) => port.fail(error),
      target,
      action.name,
      MARKER_TIMEOUT_MS,
      action.reply,
    );
  }

  #incarnationOf(thread: number): number {
    return this.#host.links.incarnationOf(thread);
  }
}

function refused(message: string): MoveOutcome {
  return { type: 'refused', message };
}

function threadTarget(thread: number): { readonly kind: string; readonly id: string } {
  return { kind: 'thread', id: String(thread) };
}
