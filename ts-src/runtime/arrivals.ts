/**
 * Agents that come to this thread from others. A place is made first, so that what is sent to the agent as soon as the table names this thread finds it; then the agent
 * itself comes, then messages that had still been on their way to its old thread, then the word that these were all. Until then it handles nothing: what its old thread
 * sends on goes before what came here directly, so that messages of one sender stay in order. Not here: its leaving (`departures.ts`).
 */
import { threadWord } from '../../bindings/shared-memory.js';
import * as L from '../../layout/generated/layout.js';
import { traceOfValues } from '../model/message-trace.js';
import { AgentCell, extraOf, Status } from './agent-cell.js';
import { TIMER_MESSAGE } from './dispatcher.js';
import { unnamedNotFound, threadLost } from './failures.js';
import { isSupervised } from './lifecycle.js';
import { Mailbox, type MessageSender, senderWith } from './mailbox.js';
import { actionOf, type MovingAgent, type MovingMessage, type MovingPart, portOf, unpack } from './moving-agent.js';
import { hasParent, parentSlotOf } from './record-word.js';
import type { ThreadHost } from './thread-host.js';

export type MovingHost = Pick<
  ThreadHost,
  | 'thread'
  | 'shared'
  | 'engine'
  | 'cells'
  | 'kinds'
  | 'dispatcher'
  | 'lifecycle'
  | 'timers'
  | 'watches'
  | 'asks'
  | 'links'
  | 'router'
  | 'clock'
  | 'logger'
  | 'deadLetters'
  | 'isStopping'
  | 'reference'
  | 'nameOf'
  | 'entries'
  | 'lineage'
  | 'observation'
> & { readonly departures: { isLeaving(slot: number, generation: number): boolean } };

/** Slot, generation, index of the kind, and what is to be announced before it comes, by the names of the parts. */
export type Place = readonly [slot: number, generation: number, kind: number, announced: Readonly<Record<string, unknown>> | undefined];

/** Why there is no room for an agent yet: what was sent to it where it was still comes in there, and is not for its present life. */
export const STILL_LEAVING = 'the last of what was sent to it there before has not been read';

export interface ForwardedMessage extends MovingMessage {
  readonly slot: number;
  readonly generation: number;
}

interface Arrival {
  readonly cell: AgentCell;
  readonly from: number;
  /** Of the thread it comes from. */
  readonly incarnation: number;
  /** What goes before everything that was sent here directly. */
  readonly first: Mailbox;
  moving: MovingAgent | undefined;
}

export class Arrivals {
  arrived = 0;
  readonly #host: MovingHost;
  readonly #parts: readonly MovingPart[];
  readonly #arriving = new Map<number, Arrival>();

  constructor(host: MovingHost, parts: readonly MovingPart[]) {
    this.#host = host;
    this.#parts = parts;
  }

  /** Agents that are not yet here as a whole. */
  get size(): number {
    return this.#arriving.size;
  }

  /** Makes room. For each why not, or undefined; with a promise, once every thread knows what is announced. */
  reserve(from: number, incarnation: number, places: readonly Place[]): (string | undefined)[] | Promise<(string | undefined)[]> {
    const { kinds, thread, cells, entries, departures } = this.#host;
    const refusals = places.map(([slot, generation, kindIndex, announced]) => {
      const kind = kinds.byIndex(kindIndex);
      if (this.#host.isStopping) return 'the nexus stops';
      if (kind.definition === undefined) return `thread ${thread} does not have the code of kind '${kind.name}'`;
      if (departures.isLeaving(slot, generation)) return STILL_LEAVING;
      // What an earlier attempt left, of a thread that was lost meanwhile.
      this.#discard(slot);
      const cell = new AgentCell(kind, slot, generation);
      cell.status = Status.arriving;
      cells.set(cell);
      this.#arriving.set(slot, { cell, from, incarnation, first: new Mailbox(), moving: undefined });
      if (announced !== undefined) for (const part of this.#parts) if (Object.hasOwn(announced, part.name)) part.reserved?.(cell, announced[part.name]);
      return undefined;
    });
    return places.some(([, , , announced]) => announced !== undefined) ? entries.settled().then(() => refusals) : refusals;
  }

  /** They do not come after all. */
  unreserve(from: number, places: readonly Place[]): void {
    for (const [slot, generation] of places) {
      const arrival = this.#arriving.get(slot);
      if (arrival?.from === from && arrival.cell.generation === generation) this.#discard(slot);
    }
  }

  install(moving: MovingAgent): void {
    const arrival = this.#of(moving.slot, moving.generation);
    if (arrival === undefined) return;
    arrival.moving = moving;
    unpack(moving, arrival.cell);
    for (const message of moving.messages) this.#push(arrival, message);
  }

  /** A message that was sent to the agent's old thread. */
  forwarded(message: ForwardedMessage): void {
    const { cells, dispatcher, asks, thread, router, deadLetters } = this.#host;
    const { slot, generation } = message;
    const arrival = this.#of(slot, generation);
    if (arrival !== undefined) return this.#push(arrival, message);
    const cell = cells.get(slot, generation);
    const action = cell === undefined ? undefined : actionOf(cell.kind, message.action);
    if (cell !== undefined && action !== undefined) {
      const reply = typeof message.reply === 'object' ? portOf(message.reply, senderIn(message), asks, thread, router.sendReply, action) : undefined;
      return void dispatcher.enqueue(cell, action, message.input, reply, reply ?? senderIn(message));
    }
    // It has moved on.
    const to = this.#host.engine.table.threadOf(slot, generation);
    if (to >= 0 && to !== thread) return router.call(to, 'forwarded', message);
    deadLetters.record('noAgent', undefined, () => undefined, undefined);
    const { reply } = message;
    if (typeof reply !== 'object') return;
    if (reply.thread === thread) asks.follow(reply.slot, reply.sequence, -1)?.fail(unnamedNotFound());
    else router.sendReply(reply.thread, L.MESSAGE_TYPE_REPLY_ERROR, reply.slot, reply.sequence, unnamedNotFound(), undefined);
  }

  /** Nothing is on its way any more: they handle messages from now on. For each whether it is here; with a promise, once every thread knows what they are in here. */
  activate(places: readonly Place[]): boolean[] | Promise<boolean[]> {
    let isTold = false;
    const isHere = places.map(([slot, generation]) => {
      const arrival = this.#of(slot, generation);
      if (arrival === undefined) return this.#host.cells.get(slot, generation) !== undefined;
      if (this.#activate(arrival)) isTold = true;
      return true;
    });
    return isTold ? this.#host.entries.settled().then(() => isHere) : isHere;
  }

  /** Agents that were on their way from a lost thread are here if the table says so. */
  threadLost(thread: number): void {
    for (const arrival of [...this.#arriving.values()]) {
      // Its successor may be at work already, and what it sent have been read.
      if (arrival.from !== thread || arrival.incarnation === this.#incarnationOf(thread)) continue;
      const { slot, generation } = arrival.cell;
      if (this.#host.engine.table.threadOf(slot, generation) === this.#host.thread) this.#activate(arrival);
      else this.#discard(slot);
    }
  }

  /** Agents that the table gave to this thread in the moment in which its predecessor was lost: they start anew, as those that it inherited. */
  adoptStrays(places: readonly Place[]): void {
    const { cells, engine, thread, lifecycle, kinds } = this.#host;
    for (const [slot, generation, kind] of places) {
      if (cells.get(slot, generation) !== undefined || engine.table.threadOf(slot, generation) !== thread) continue;
      void lifecycle.restore(lifecycle.adopt(kinds.byIndex(kind), slot, generation, undefined));
    }
  }

  /** Whether the other threads are told something that the one it comes from has told them before. */
  #activate(arrival: Arrival): boolean {
    const { dispatcher, timers, watches, lifecycle } = this.#host;
    const { cell, moving, first } = arrival;
    this.#arriving.delete(cell.slot);
    if (cell.status !== Status.arriving) {
      this.#drop(arrival);
      return false;
    }
    this.arrived++;
    dispatcher.putFirst(cell, first);
    const deferred = cell.extra?.onArrival;
    if (cell.extra !== undefined) cell.extra.onArrival = undefined;
    if (moving === undefined) {
      // Its thread was lost after the table had named this one, and before its state came: it starts anew.
      cell.status = Status.starting;
      for (const part of this.#parts) part.arrived(cell, undefined);
      this.#restore(cell);
    } else {
      for (const { action, input, dueMs, periodMs, trace } of moving.timers) {
        const entry = actionOf(cell.kind, action);
        if (entry !== undefined) timers.startAt(cell, dueMs, periodMs, entry, input, traceOfValues(trace));
      }
      watches.arrived(cell);
      for (const part of this.#parts) {
        if (Object.hasOwn(moving.parts, part.name)) part.arrived(cell, moving.parts[part.name]);
      }
      dispatcher.resume(cell);
      if (cell.extra?.stopRequested === true) lifecycle.stop(cell, { type: 'stopped' });
      else if (this.#hasLostParent(moving)) lifecycle.stop(cell, { type: 'parentStopped' });
    }
    for (const act of deferred ?? []) act();
    return cell.extra?.membership !== undefined;
  }

  #restore(cell: AgentCell): void {
    const { engine, lifecycle, lineage, thread } = this.#host;
    const word = engine.table.parentOf(cell.slot, cell.generation);
    const slot = parentSlotOf(word);
    if (slot !== 0) {
      const parent = { slot, generation: engine.table.generationOf(slot) };
      const kind = engine.table.kindOf(slot, parent.generation);
      if (kind < 0 || !hasParent(word, parent)) return lifecycle.stop(cell, { type: 'parentStopped' });
      extraOf(cell).parent = this.#host.reference(slot, parent.generation, kind, undefined);
    }
    if (!isSupervised(cell)) return void lifecycle.restore(cell);
    // Its supervisor counts the agents that the table gave to the lost thread; this one it has to be told.
    cell.status = Status.suspended;
    lineage.reportFailure(cell, threadLost(thread, cell.kind.name), false);
  }

  /** It was given up while it was on its way, and has ended: what came for it is undeliverable. */
  #drop({ cell, first }: Arrival): void {
    while (first.size > 0) {
      first.shift();
      const { action, input, reply, sender } = first;
      if (action !== undefined && action.index >= 0) this.#host.dispatcher.enqueue(cell, action, input, reply, sender);
    }
  }

  #push({ cell, first }: Arrival, message: MovingMessage): void {
    const { action, input, reply } = message;
    const sender = senderIn(message);
    const { asks, thread, router } = this.#host;
    const entry = actionOf(cell.kind, action);
    if (entry === undefined) return;
    const port = reply === undefined ? undefined : reply === 'timer' ? TIMER_MESSAGE : portOf(reply, sender, asks, thread, router.sendReply, entry);
    first.push(entry, input, port, port === undefined || port === TIMER_MESSAGE ? sender : port);
  }

  #of(slot: number, generation: number): Arrival | undefined {
    const arrival = this.#arriving.get(slot);
    return arrival?.cell.generation === generation ? arrival : undefined;
  }

  /** What waits in it, if anything, was sent by somebody who had seen it here: it goes on to where it is. */
  #discard(slot: number): void {
    const arrival = this.#arriving.get(slot);
    if (arrival === undefined) return;
    const { cells, dispatcher } = this.#host;
    const { cell } = arrival;
    this.#arriving.delete(slot);
    cells.delete(cell);
    const box = cell.mailbox;
    cell.status = Status.moved;
    cell.state = this.#host.reference(cell.slot, cell.generation, cell.kind.index, undefined);
    const waiting: Parameters<Parameters<Mailbox['forEach']>[0]>[] = [];
    box?.forEach((...message) => {
      waiting.push(message);
    });
    for (const part of this.#parts) part.discarded?.(cell);
    dispatcher.takeAway(cell);
    for (const [action, input, reply, sender] of waiting) if (action.index >= 0) dispatcher.enqueue(cell, action, input, reply, sender);
    const { onStopped, onArrival } = cell.extra ?? {};
    cell.extra = undefined;
    for (const callback of [...(onArrival ?? []), ...(onStopped ?? [])]) callback();
  }

  /** Its parent ended, or the thread that its parent was on was lost, while it was on its way: nobody could tell it then. */
  #hasLostParent({ extra }: MovingAgent): boolean {
    if (extra?.parent === undefined || extra.parent.remote !== undefined) return false;
    if (this.#host.engine.table.threadOf(extra.parent.slot, extra.parent.generation) < 0) return true;
    return this.#incarnationOf(extra.parentThread) !== extra.parentIncarnation;
  }

  #incarnationOf(thread: number): number {
    const { shared } = this.#host;
    return Atomics.load(shared.words, threadWord(shared, thread) + L.THREAD_WORD_INCARNATION);
  }
}

function senderIn({ sender, trace }: MovingMessage): MessageSender {
  return senderWith(sender, traceOfValues(trace));
}
