/**
 * Runs the handlers of one thread. Agents with messages stand in a run queue; a drain takes them in turn, a bounded number of messages each, one at a
 * time per agent. Drains run in a microtask after the first send, and yield to the event loop when their budget is used up, so that timers and
 * sockets are served however busy the agents are.
 *
 * Not here: what a failed handler leads to, starting and stopping (`lifecycle.ts`), and other threads.
 */
import type { TellOutcome } from '../model/agent-ref.js';
import { errorForCaller, Refusal } from '../model/prepared-action.js';
import { Sampling } from '../model/sampling.js';
import type { Turns } from '../ports/turns.js';
import { type AgentCell, Status, extraOf } from './agent-cell.js';
import type { AgentLoads } from './agent-loads.js';
import type { DispatcherNeeds } from './dispatcher-needs.js';
import type { FlightRecorder } from './flight-recorder.js';
import { agentMailboxFull, agentNotFound, lookable } from './failures.js';
import type { ActionEntry } from './kind.js';
import type { Mailbox, MessageSender } from './mailbox.js';
import { MailboxPool } from './mailbox-pool.js';
import { inNeutralContext } from './neutral-context.js';
import type { MessageObserver } from './message-observer.js';
import type { ReplyPort } from './pending-asks.js';
import { RunQueue } from './run-queue.js';
import type { DeadLetterReason } from './dead-letters.js';

/** Time between two visits of the event loop. How many messages, the turns say. */
const BUDGET_MS = 5;
/** Messages of one agent before the next one has its turn. */
const TURN_MESSAGES = 256;
/** One of so many turns with messages is timed. */
const TURNS_PERIOD = 127;

const { then } = Promise.prototype;

/** No life of any agent. */
const LIFE_OVER = -1;

/** In the place of the reply of a message that a timer sent: it belongs to the life that started the timer. */
export const TIMER_MESSAGE: ReplyPort = { deadlineMs: 0, sender: undefined, trace: undefined, reply: () => undefined, fail: () => undefined };

export class Dispatcher {
  handled = 0;
  failures = 0;
  /** Messages that wait, of all agents. */
  depth = 0;
  /** Async handlers that run. */
  running = 0;
  /** While somebody wants to know which agents take the time of this thread. */
  loads: AgentLoads | undefined;
  #observer: MessageObserver | undefined;
  readonly #flight: FlightRecorder | undefined;
  /** Of the messages that are handled now, one after the other: one event of the flight record. */
  #runAction: ActionEntry | undefined;
  readonly #needs: DispatcherNeeds;
  readonly #runUntilMs: Float64Array;
  readonly #turns: Turns;
  readonly #pool = new MailboxPool();
  readonly #queue = new RunQueue();
  #scheduled = false;
  #draining = false;
  #remaining: number;
  /** Messages between two looks at the clock, over as many drains as they take: one where handlers are slow, at most `TURN_MESSAGES`. */
  #pace = 1;
  #untilLook = 1;
  /** What the messages since the last visit of the event loop took, as far as the clock was looked at. */
  #spentMs = 0;
  readonly #sampling = new Sampling(TURNS_PERIOD);
  readonly #drain = (): void => this.drain();
  readonly #drainSoon = (): void => {
    try {
      inNeutralContext(this.#drain);
    } catch (error) {
      // Of the runtime itself: an uncaught exception, not a rejected promise.
      queueMicrotask(() => {
        throw error;
      });
    }
  };
  readonly #drainLater = (): void => {
    this.#refill();
    inNeutralContext(this.#drain);
  };

  constructor(needs: DispatcherNeeds, turns: Turns) {
    this.#needs = needs;
    this.#runUntilMs = needs.runUntilMs;
    this.#flight = needs.flight;
    this.#turns = turns;
    this.#remaining = turns.messagesMax();
  }

  get isIdle(): boolean {
    return this.depth === 0 && this.running === 0;
  }

  /** Handlers run now; the end of the drain follows. */
  get isDraining(): boolean {
    return this.#draining;
  }

  /** Puts a message into an agent's mailbox, within its capacity. */
  enqueue(cell: AgentCell, action: ActionEntry, input: unknown, reply: ReplyPort | undefined, sender: MessageSender): TellOutcome {
    let box = cell.mailbox;
    if (box === undefined) {
      if (cell.status >= Status.stopping) return this.#refuse(cell, action, input, reply, sender);
      box = this.#attach(cell);
    } else if (box.size >= cell.kind.highWater) return this.#enqueueHigh(cell, box, action, input, reply, sender);
    box.push(action, input, reply, sender);
    this.depth++;
    return 'accepted';
  }

  /** As `enqueue`, without a limit: for messages of the runtime, whose number is bounded by other means. False if the agent has ended. */
  enqueueSystem(cell: AgentCell, action: ActionEntry, input: unknown, reply: ReplyPort | undefined): boolean {
    if (cell.status >= Status.stopping) return false;
    const box = cell.mailbox ?? this.#attach(cell);
    box.push(action, input, reply, undefined);
    this.depth++;
    return true;
  }

  /** The agent may handle messages (again). */
  resume(cell: AgentCell): void {
    const { extra } = cell;
    if (extra !== undefined && (extra.isPaused || extra.onHeld !== undefined)) {
      cell.status = Status.held;
      if (extra.concurrent === 0) extra.onHeld?.();
      return;
    }
    cell.status = Status.ready;
    if (cell.mailbox !== undefined) this.#stand(cell);
  }

  /** Keeps an agent from handling messages; `onHeld` is called when nothing of it runs any more, again if it restarts meanwhile. Not while one of its handlers is on the stack. */
  hold(cell: AgentCell, onHeld: () => void): void {
    extraOf(cell).onHeld = onHeld;
    if (cell.status === Status.ready || cell.status === Status.held) this.resume(cell);
  }

  /** It does not move after all: it goes on, or is paused as before. */
  release(cell: AgentCell): void {
    if (cell.extra !== undefined) cell.extra.onHeld = undefined;
    if (cell.status === Status.held) this.resume(cell);
  }

  /** Puts messages before those that wait already. They were counted where they were accepted, so no limit holds for them. */
  putFirst(cell: AgentCell, first: Mailbox): void {
    const direct = cell.mailbox;
    this.depth += first.size;
    for (let left = direct?.size ?? 0; direct !== undefined && left > 0; left--) {
      direct.shift();
      first.push(direct.action as ActionEntry, direct.input, direct.reply, direct.sender);
    }
    if (direct !== undefined) {
      direct.release();
      this.#pool.giveBack(direct);
    }
    cell.mailbox = first.size > 0 ? first : undefined;
    // The mark is as the thread that it came from left it.
    this.#congest(cell, first, cell.kind.overflow === 'reject' && first.size >= cell.kind.highWater);
  }

  /** Takes the mailbox away from an agent that has moved: what was in it is on its way. */
  takeAway(cell: AgentCell): void {
    const box = cell.mailbox;
    if (box === undefined) return;
    cell.mailbox = undefined;
    this.depth -= box.size;
    while (box.size > 0) box.shift();
    box.release();
    this.#pool.giveBack(box);
  }

  /** Takes out what timers have sent to an agent whose life is over. The order of the others stays. */
  dropTimerMessages(cell: AgentCell): void {
    const box = cell.mailbox;
    for (let left = box?.size ?? 0; box !== undefined && left > 0; left--) {
      box.shift();
      if (box.reply === TIMER_MESSAGE) this.depth--;
      else box.push(box.action as ActionEntry, box.input, box.reply, box.sender);
    }
  }

  /** Takes the mailbox away from an agent that ends; its messages become dead letters, its asks fail. */
  discard(cell: AgentCell, reason: DeadLetterReason, error: (action: ActionEntry) => Error): void {
    const box = cell.mailbox;
    if (box === undefined) return;
    cell.mailbox = undefined;
    while (box.size > 0) {
      box.shift();
      this.depth--;
      const action = box.action as ActionEntry;
      const reply = box.reply;
      if (action.index >= 0) {
        this.#needs.deadLetter(reason, cell, action);
        reply?.fail(error(action));
      } else this.#needs.system(cell, action, box.input, reply);
    }
    this.#pool.giveBack(box);
  }

  /** Handles messages until none wait or the budget is used up. */
  drain(): void {
    if (this.#draining) return;
    // Replies have arrived and no messages.
    if (this.#queue.size === 0) return this.#endDrain();
    this.#draining = true;
    const needs = this.#needs;
    const startedMs = needs.nowMs();
    // The node is fenced: what waits is not handled any more, whatever else is going on. It has been given the time to stop in order.
    if (startedMs > (this.#runUntilMs[0] as number)) {
      this.#draining = false;
      return needs.afterDrain();
    }
    let lookedMs = startedMs;
    let sinceLook = 0;
    const { loads } = this;
    this.#flight?.beginDrain(startedMs);
    this.#observer = needs.observer();
    try {
      while (this.#queue.size > 0 && this.#remaining > 0) {
        const cell = this.#queue.shift();
        const done = loads === undefined || !loads.take() ? this.#turn(cell, this.#untilLook) : this.#timedTurn(cell, loads);
        this.#remaining -= done;
        this.#untilLook -= done;
        sinceLook += done;
        if (this.#untilLook > 0) continue;
        const nowMs = needs.nowMs();
        this.#look((nowMs - lookedMs) / sinceLook);
        this.#flight?.look(nowMs);
        lookedMs = nowMs;
        sinceLook = 0;
      }
    } finally {
      // Also when the runtime itself fails: what waits is handled by the next drain.
      this.#draining = false;
      if (this.#sampling.take()) needs.turnTook(needs.nowMs() - startedMs);
      this.#endDrain();
    }
  }

  /** Counts what the messages since the last look took: those of earlier drains, which were not timed, are taken to be like those of this one. */
  #look(messageMs: number): void {
    const tookMs = messageMs * this.#pace;
    this.#pace = tookMs > BUDGET_MS / 4 ? Math.max(1, this.#pace >> 2) : Math.min(TURN_MESSAGES, this.#pace * 2);
    this.#untilLook = this.#pace;
    this.#spentMs += tookMs;
    if (this.#spentMs > BUDGET_MS) this.#remaining = 0;
  }

  /** The event loop has had its turn. */
  #refill(): void {
    this.#remaining = this.#turns.messagesMax();
    this.#spentMs = 0;
  }

  #endDrain(): void {
    this.#needs.afterDrain();
    this.#flight?.endDrain();
    if (this.#queue.size > 0) {
      this.#scheduled = true;
      this.#turns.later(this.#drainLater);
    } else this.#scheduled = false;
  }

  /** On a new visit of the event loop: what is enqueued now waits for the `drain` that the caller promises, with a full budget. */
  beginTurn(): void {
    this.#refill();
    this.#scheduled = true;
    this.#flight?.beginVisit();
  }

  #timedTurn(cell: AgentCell, loads: AgentLoads): number {
    const { nowMs } = this.#needs;
    const startedMs = nowMs();
    const done = this.#turn(cell, this.#untilLook);
    loads.took(cell, nowMs() - startedMs);
    return done;
  }

  /** Handles up to `messagesMax` messages of an agent. Returns how many. */
  #turn(cell: AgentCell, messagesMax: number): number {
    const box = cell.mailbox;
    if (box === undefined || cell.status !== Status.ready) return 1;
    let count = 0;
    const limit = Math.min(messagesMax, this.#remaining);
    this.#runAction = undefined;
    while (count < limit && box.size > 0) {
      this.#handle(cell, box, count);
      count++;
      if (cell.status !== Status.ready) break;
    }
    this.#flight?.endRun(count);
    box.release();
    // `discard` may have taken it, and given it to another agent, while the agent ended.
    if (cell.mailbox !== box) return count;
    if (box.isCongested && box.size <= cell.kind.highWater >> 1) this.#congest(cell, box, false);
    if (box.size === 0) {
      cell.mailbox = undefined;
      this.#pool.giveBack(box);
    } else if (cell.status === Status.ready) this.#stand(cell);
    return count;
  }

  #handle(cell: AgentCell, box: Mailbox, handled: number): void {
    box.shift();
    this.depth--;
    const action = box.action as ActionEntry;
    const reply = box.reply;
    if (action.index < 0) return this.#needs.system(cell, action, box.input, reply);
    const sender = box.sender;
    if (action !== this.#runAction) this.#beginRun(cell, action, sender, handled);
    let result: unknown;
    let promise: Promise<unknown> | undefined;
    try {
      const context = this.#needs.contextOf(cell, sender);
      const observer = this.#observer;
      const { handler } = action;
      result =
        observer === undefined || !observer.sees(sender)
          ? handler(cell.state, box.input, context)
          : observer.handle(cell, action, box.input, context, sender, reply);
      // Both read properties of the result, which may be getters that throw. What only looks like a promise becomes one that rejects.
      if (typeof result === 'object' && result !== null && typeof (result as PromiseLike<unknown>).then === 'function') promise = Promise.resolve(result);
    } catch (error) {
      return this.#fail(cell, action, reply, error);
    }
    if (promise !== undefined) return this.#await(cell, action, reply, promise);
    this.handled++;
    if (reply !== undefined) reply.reply(result);
    if (cell.extra?.stopRequested === true) this.#needs.stopRequested(cell);
  }

  #beginRun(cell: AgentCell, action: ActionEntry, sender: MessageSender, handled: number): void {
    if (this.#runAction !== undefined) this.#flight?.endRun(handled);
    this.#runAction = action;
    this.#flight?.beginRun(cell, action, sender, handled);
  }

  #await(cell: AgentCell, action: ActionEntry, reply: ReplyPort | undefined, result: Promise<unknown>): void {
    // Its life may be over before the handler has come to its first `await`: what the handler did may have ended it.
    const isOver = cell.status !== Status.ready;
    const life = isOver ? LIFE_OVER : (cell.extra?.life ?? 0);
    if (!action.concurrent && !isOver) cell.status = Status.busy;
    if (action.concurrent) extraOf(cell).concurrent++;
    this.running++;
    if (cell.extra?.membership !== undefined) this.#needs.loads.runs(cell, result);
    // Not its own `then`, which may be anything.
    then.call(
      result,
      (value) => {
        this.running--;
        this.handled++;
        if (action.concurrent) this.#oneLess(cell);
        this.#flight?.settled(cell, action, false);
        reply?.reply(value);
        this.#finish(cell, action, life);
      },
      (error: unknown) => {
        this.running--;
        if (action.concurrent) this.#oneLess(cell);
        this.#flight?.settled(cell, action, true);
        const current = this.#isCurrent(cell, life);
        if (current && !action.concurrent) this.resume(cell);
        if (current) return this.#fail(cell, action, reply, error);
        this.failures++;
        reply?.fail(errorForCaller(lookable(error)));
      },
    );
  }

  #finish(cell: AgentCell, action: ActionEntry, life: number): void {
    if (!this.#isCurrent(cell, life)) return;
    if (!action.concurrent) this.resume(cell);
    if (cell.extra?.stopRequested === true) this.#needs.stopRequested(cell);
  }

  /** A concurrent handler has ended: perhaps the last one that an agent which is to move waits for. */
  #oneLess({ extra, status }: AgentCell): void {
    if (extra === undefined) return;
    extra.concurrent--;
    if (extra.concurrent === 0 && status === Status.held) extra.onHeld?.();
  }

  /** False if the agent was stopped or restarted while the handler ran. */
  #isCurrent(cell: AgentCell, life: number): boolean {
    return (cell.extra?.life ?? 0) === life && (cell.status === Status.busy || cell.status === Status.ready || cell.status === Status.held);
  }

  #fail(cell: AgentCell, action: ActionEntry, reply: ReplyPort | undefined, thrown: unknown): void {
    const error = lookable(thrown);
    if (Refusal.is(error)) return this.#refuseInput(cell, action, reply, error);
    this.failures++;
    reply?.fail(error);
    this.#needs.failed(cell, error, action);
  }

  /** The message does not fit, which is its sender's mistake: the agent has not failed. */
  #refuseInput(cell: AgentCell, action: ActionEntry, reply: ReplyPort | undefined, { error }: Refusal): void {
    this.#needs.deadLetter('refused', cell, action);
    reply?.fail(error);
    if (cell.extra?.stopRequested === true) this.#needs.stopRequested(cell);
  }

  #attach(cell: AgentCell): Mailbox {
    const box = this.#pool.lend();
    cell.mailbox = box;
    if (cell.extra !== undefined) this.#needs.loads.attached(cell);
    if (cell.status === Status.ready) this.#stand(cell);
    return box;
  }

  #enqueueHigh(cell: AgentCell, box: Mailbox, action: ActionEntry, input: unknown, reply: ReplyPort | undefined, sender: MessageSender): TellOutcome {
    if (cell.status >= Status.stopping) return this.#refuse(cell, action, input, reply, sender);
    if (!box.isCongested && cell.kind.overflow === 'reject') this.#congest(cell, box, true);
    if (box.size >= cell.kind.capacity) return this.#overflow(cell, box, action, input, reply, sender);
    box.push(action, input, reply, sender);
    this.depth++;
    return 'accepted';
  }

  #congest(cell: AgentCell, box: Mailbox, isCongested: boolean): void {
    box.isCongested = isCongested;
    this.#needs.congested(cell, isCongested);
  }

  /** Into the run queue. An agent stands there at most once: when it becomes ready, or gets its mailbox while ready. */
  #stand(cell: AgentCell): void {
    this.#queue.push(cell);
    if (!this.#scheduled) {
      this.#scheduled = true;
      if (this.#remaining > 0) this.#turns.soon(this.#drainSoon);
      else this.#turns.later(this.#drainLater);
    }
  }

  /** What listens to dead letters may send to this agent: it runs when the mailbox is as it shall be. */
  #overflow(cell: AgentCell, box: Mailbox, action: ActionEntry, input: unknown, reply: ReplyPort | undefined, sender: MessageSender): TellOutcome {
    if (cell.kind.overflow === 'reject') {
      this.#needs.deadLetter('mailboxFull', cell, action);
      reply?.fail(agentMailboxFull(cell, this.#needs.nameOf(cell), action.name));
      return 'full';
    }
    if (cell.kind.overflow === 'dropNewest') {
      this.#needs.deadLetter('dropped', cell, action);
      reply?.fail(agentMailboxFull(cell, this.#needs.nameOf(cell), action.name));
      return 'dropped';
    }
    // The oldest that is not a message of the runtime: those are never dropped, and stay where they are.
    let dropped = 0;
    while (dropped < box.size && isOfRuntime(box.actionAt(dropped), cell)) dropped++;
    const oldest = dropped < box.size ? box.actionAt(dropped) : undefined;
    if (oldest !== undefined) box.takeOut(dropped);
    const replyOfOldest = oldest === undefined ? undefined : box.reply;
    box.push(action, input, reply, sender);
    if (oldest === undefined) {
      this.depth++;
      return 'accepted';
    }
    this.#needs.deadLetter('dropped', cell, oldest);
    replyOfOldest?.fail(agentMailboxFull(cell, this.#needs.nameOf(cell), oldest.name));
    return 'accepted';
  }

  #refuse(cell: AgentCell, action: ActionEntry, input: unknown, reply: ReplyPort | undefined, sender: MessageSender): TellOutcome {
    if (cell.status === Status.moved) return this.#needs.follow(cell, action, input, reply, sender);
    if (cell.kind.isDurable && reply !== TIMER_MESSAGE) return this.#needs.sendDurable(cell, action, input, reply, sender);
    this.#needs.deadLetter('noAgent', cell, action);
    reply?.fail(agentNotFound(cell.kind.name, this.#needs.nameOf(cell), action.name));
    return 'noAgent';
  }
}

function isOfRuntime(action: ActionEntry, cell: AgentCell): boolean {
  return action.index < 0 || action === cell.kind.onTerminated;
}
