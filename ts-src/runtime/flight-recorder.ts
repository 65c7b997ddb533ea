/**
 * The flight record of one thread: its last events, in a ring in shared memory that others read while it is written, and after the thread has died. One writer, plain
 * stores, the WRITTEN word last; what the words mean is in `model/flight-event.ts`. Called by the parts of the thread to which something happens; decides nothing.
 * Not here: reading (`flight-capture.ts`), dumps (`flight-dumps.ts`).
 *
 * It costs a few nanoseconds an event, and a message is not always one: messages of one agent in a row with the same action are one event, written before the
 * first of them is handled and completed after the last. So the last event of a thread that died is the message it died in. The time of an event within a drain
 * is that of the last look at the clock, which the dispatcher takes anyway; only what happens between drains reads the clock itself.
 */
import { flightOffset, type SharedMemory } from '../../bindings/shared-memory.js';
import * as L from '../../layout/generated/layout.js';
import type { StopReason } from '../model/agent-definition.js';
import { Flight, FLIGHT_DEAD_LETTER_REASONS, FLIGHT_STANDINGS, FLIGHT_STOP_REASONS, flightTypeWord } from '../model/flight-event.js';
import type { Clock } from '../ports/clock.js';
import type { AgentCell } from './agent-cell.js';
import type { DeadLetterReason } from './dead-letters.js';
import type { ActionEntry, Kind } from './kind.js';
import { type MessageSender, senderOf } from './mailbox.js';

const EVENT_WORDS = L.FLIGHT_EVENT_BYTES / 4;
const MESSAGES = Flight.messages;
/** Handlers that ran for so long between two looks at the clock are an event of their own. */
const LONG_MS = 5;

/** Undefined where the nexus keeps no flight record. */
export function openFlightRecorder(shared: SharedMemory, thread: number, clock: Clock): FlightRecorder | undefined {
  return shared.flightCapacity === 0 ? undefined : new FlightRecorder(shared, thread, clock);
}

export class FlightRecorder {
  readonly #words: Int32Array;
  readonly #doubles: Float64Array;
  readonly #clock: Clock;
  readonly #writtenAt: number;
  /** Index into `words` of the first event. */
  readonly #eventsAt: number;
  readonly #mask: number;
  /** Events so far, modulo 2^32. */
  #written: number;
  /** Of the last look at the clock. */
  #nowMs = 0;
  #isDraining = false;
  #isVisit = false;
  /** Messages since that look, in this drain. */
  #handled = 0;
  /** Index into `words` of the event of the run that is handled, or -1. */
  #runAt = -1;
  #runWritten = 0;
  /** Messages of the turn before the run. */
  #runFrom = 0;

  constructor(shared: SharedMemory, thread: number, clock: Clock) {
    this.#words = shared.words;
    this.#doubles = shared.doubles;
    this.#clock = clock;
    const offset = flightOffset(shared, thread);
    this.#writtenAt = (offset >> 2) + L.FLIGHT_WORD_WRITTEN;
    this.#eventsAt = (offset + L.FLIGHT_HEADER_BYTES) >> 2;
    this.#mask = shared.flightCapacity - 1;
    // A successor goes on behind its predecessor.
    this.#written = shared.words[this.#writtenAt] as number;
  }

  beginDrain(nowMs: number): void {
    this.#isDraining = true;
    this.#nowMs = nowMs;
    this.#handled = 0;
  }

  /** The dispatcher has looked at the clock. */
  look(nowMs: number): void {
    const tookMs = nowMs - this.#nowMs;
    this.#nowMs = nowMs;
    if (tookMs >= LONG_MS) this.#put(Flight.long, 0, 0, this.#handled, Math.min(0x7fffffff, tookMs * 1000), 0);
    this.#handled = 0;
  }

  /** The next drain handles what has come from other threads: a clock that is read once more costs little beside that. */
  beginVisit(): void {
    this.#isVisit = true;
  }

  endDrain(): void {
    if (this.#isVisit && this.#handled > 0) this.look(this.#clock.nowMs());
    this.#handled = 0;
    this.#isVisit = false;
    this.#isDraining = false;
  }

  /**
   * The next messages of the agent are of this action.
   * @param handled messages of this turn before the first of them
   */
  beginRun(cell: AgentCell, action: ActionEntry, sender: MessageSender, handled: number): void {
    this.#runFrom = handled;
    this.#runWritten = this.#written;
    this.#runAt = this.#put(flightTypeWord(MESSAGES, cell.kind.index), cell.slot, cell.generation, 0, action.index, sender === undefined ? 0 : slotOf(sender));
  }

  /** @param handled messages of this turn so far */
  endRun(handled: number): void {
    const at = this.#runAt;
    if (at < 0) return;
    this.#runAt = -1;
    const count = handled - this.#runFrom;
    this.#handled += count;
    // Unless the event has been overwritten by what its messages did.
    if (((this.#written - this.#runWritten) | 0) - 1 <= this.#mask) this.#words[at + L.FLIGHT_EVENT_WORD_COUNT] = count;
  }

  settled(cell: AgentCell, action: ActionEntry, hasFailed: boolean): void {
    this.#put(flightTypeWord(Flight.settled, cell.kind.index), cell.slot, cell.generation, 1, action.index, hasFailed ? 1 : 0);
  }

  starting(cell: AgentCell): void {
    const type = (cell.extra?.life ?? 0) === 0 ? Flight.spawned : Flight.restarted;
    this.#put(flightTypeWord(type, cell.kind.index), cell.slot, cell.generation, 1, 0, 0);
  }

  stopped(cell: AgentCell, reason: StopReason): void {
    const index = (FLIGHT_STOP_REASONS as readonly string[]).indexOf(reason.type);
    this.#put(flightTypeWord(Flight.stopped, cell.kind.index), cell.slot, cell.generation, 1, index < 0 ? FLIGHT_STOP_REASONS.length - 1 : index, 0);
  }

  failed(cell: AgentCell, action: string | undefined): void {
    this.#put(flightTypeWord(Flight.failed, cell.kind.index), cell.slot, cell.generation, 1, actionIndex(cell.kind, action), 0);
  }

  /** @param slot of the agent it was for, 0 where that is not known */
  deadLetter(reason: DeadLetterReason, kind: Kind | undefined, slot: number, generation: number, action: string | undefined): void {
    const index = (FLIGHT_DEAD_LETTER_REASONS as readonly string[]).indexOf(reason);
    this.#putAgain(flightTypeWord(Flight.deadLetter, kind?.index ?? -1), slot, generation, actionIndex(kind, action), index);
  }

  askTimedOut(kind: Kind | undefined, slot: number, generation: number, action: string): void {
    this.#putAgain(flightTypeWord(Flight.askTimeout, kind?.index ?? -1), slot, generation, actionIndex(kind, action), 0);
  }

  published(thread: number, messages: number): void {
    this.#put(Flight.published, 0, 0, messages, thread, 0);
  }

  read(thread: number, messages: number): void {
    this.#put(Flight.read, 0, 0, messages, thread, 0);
  }

  threadStarted(incarnation: number): void {
    this.#put(Flight.threadStarted, 0, 0, 1, incarnation, 0);
  }

  threadLost(thread: number, isReplaced: boolean): void {
    this.#put(Flight.threadLost, 0, 0, 1, thread, isReplaced ? 1 : 0);
  }

  threadRestored(thread: number, restored: number, failed: number): void {
    this.#put(Flight.threadRestored, 0, 0, restored, thread, failed);
  }

  clusterView(number: number, members: number): void {
    this.#put(Flight.clusterView, 0, 0, members, number, 0);
  }

  clusterStanding(standing: (typeof FLIGHT_STANDINGS)[number]): void {
    this.#put(Flight.clusterStanding, 0, 0, 1, FLIGHT_STANDINGS.indexOf(standing), 0);
  }

  nexusStopping(): void {
    this.#put(Flight.nexusStopping, 0, 0, 1, 0, 0);
  }

  /** One more of what was written last, if it is the same; else an event of its own. Floods of it leave room for the rest. */
  #putAgain(type: number, slot: number, generation: number, detail0: number, detail1: number): void {
    const words = this.#words;
    const at = this.#eventsAt + ((this.#written - 1) & this.#mask) * EVENT_WORDS;
    const isSame =
      words[at + L.FLIGHT_EVENT_WORD_TYPE] === type &&
      words[at + L.FLIGHT_EVENT_WORD_SLOT] === slot &&
      words[at + L.FLIGHT_EVENT_WORD_GENERATION] === generation &&
      words[at + L.FLIGHT_EVENT_WORD_DETAIL_0] === detail0 &&
      words[at + L.FLIGHT_EVENT_WORD_DETAIL_1] === detail1;
    const count = words[at + L.FLIGHT_EVENT_WORD_COUNT] as number;
    if (isSame && count < 0x7fffffff) words[at + L.FLIGHT_EVENT_WORD_COUNT] = count + 1;
    else this.#put(type, slot, generation, 1, detail0, detail1);
  }

  /** @returns the index of the event in `words` */
  #put(type: number, slot: number, generation: number, count: number, detail0: number, detail1: number): number {
    if (!this.#isDraining) this.#nowMs = this.#clock.nowMs();
    const words = this.#words;
    const written = this.#written;
    const at = this.#eventsAt + (written & this.#mask) * EVENT_WORDS;
    this.#doubles[at >> 1] = this.#nowMs;
    words[at + L.FLIGHT_EVENT_WORD_TYPE] = type;
    words[at + L.FLIGHT_EVENT_WORD_SLOT] = slot;
    words[at + L.FLIGHT_EVENT_WORD_GENERATION] = generation;
    words[at + L.FLIGHT_EVENT_WORD_COUNT] = count;
    words[at + L.FLIGHT_EVENT_WORD_DETAIL_0] = detail0;
    words[at + L.FLIGHT_EVENT_WORD_DETAIL_1] = detail1;
    this.#written = (written + 1) | 0;
    // Last: whoever sees it sees the event.
    words[this.#writtenAt] = this.#written;
    return at;
  }
}

/** Of the agent that sent a message, 0 for none. */
function slotOf(sender: MessageSender): number {
  return senderOf(sender)?.slot ?? 0;
}

/** -1 where the kind is not known, or has no such action. */
function actionIndex(kind: Kind | undefined, name: string | undefined): number {
  if (kind === undefined || name === undefined) return -1;
  const index = kind.actions.findIndex((action) => action.name === name);
  return index < 0 && kind.onTerminated?.name === name ? kind.onTerminated.index : index;
}
