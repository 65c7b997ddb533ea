/**
 * Reads the bytes of a flight record. It believes nothing: bytes that are no record, of a newer version, cut off or damaged are errors that say so, and what it keeps in memory
 * is bounded by the size of the file. Events are made one at a time, as they are asked for. Used by `nexus flight`.
 */
import * as L from '../../layout/generated/layout.js';
import { NexusError } from '../errors.js';
import {
  FLIGHT_DEAD_LETTER_REASONS,
  FLIGHT_STANDINGS,
  FLIGHT_STOP_REASONS,
  FLIGHT_TYPES,
  flightKindOf,
  type FlightType,
  flightTypeOf,
} from '../model/flight-event.js';
import {
  FLIGHT_END,
  FLIGHT_FILE_BYTES_MAX,
  FLIGHT_HEAD_BYTES_MAX,
  FLIGHT_HEADER,
  FLIGHT_HEADER_BYTES,
  FLIGHT_MAGIC,
  FLIGHT_NAME,
  FLIGHT_NAME_BYTES,
  FLIGHT_NAME_ENDED,
  FLIGHT_NOTE_BYTES_MAX,
  FLIGHT_REASONS,
  FLIGHT_THREAD,
  FLIGHT_THREAD_BYTES,
  FLIGHT_VERSION,
  type FlightHead,
  type FlightReason,
  padded,
} from './flight-format.js';

export interface FlightAgent {
  readonly slot: number;
  readonly generation: number;
  /** Undefined where the record does not know it. */
  readonly kind: string | undefined;
  /** Undefined if the agent had ended and its place was used again. */
  readonly id: string | undefined;
}

/** One event. What is not said of its type is undefined. */
export interface FlightEvent {
  /** Of the clock of the process; `FlightRecord.clockMs` is the moment of the dump. */
  readonly timeMs: number;
  readonly thread: number;
  /** Its number among the events of its thread, from 0 for the first that is left. */
  readonly number: number;
  readonly type: FlightType;
  readonly agent: FlightAgent | undefined;
  readonly action: string | undefined;
  /** Messages, dead letters, agents; of `messages` undefined while they are handled. */
  readonly count: number | undefined;
  /** Slot of the agent that sent the first message, and its id where only one agent of that slot is known. */
  readonly sender: { readonly slot: number; readonly id: string | undefined } | undefined;
  /** Of an end or a dead letter; of `clusterStanding` the standing. */
  readonly reason: string | undefined;
  /** Of `settled`: it rejected. Of `threadRestored`: agents that did not start. */
  readonly failed: number | undefined;
  /** The other thread. */
  readonly other: number | undefined;
  /** Of `long`. */
  readonly durationMs: number | undefined;
  /** Of `threadStarted`. */
  readonly incarnation: number | undefined;
  /** Of `threadLost`. */
  readonly replaced: boolean | undefined;
  /** Number of the view, of `clusterView`. */
  readonly view: number | undefined;
}

export interface FlightThread {
  readonly thread: number;
  readonly incarnation: number;
  readonly state: string;
  /** Events that are left of those it has written. */
  readonly length: number;
  /** Oldest first. */
  events(): IterableIterator<FlightEvent>;
}

export interface FlightRecord {
  readonly head: FlightHead;
  readonly reason: FlightReason;
  /** Name, of the signal that it was written for. */
  readonly signal: string | undefined;
  /** The thread that it is about. */
  readonly thread: number | undefined;
  readonly note: string | undefined;
  /** The moment of the dump, by the clock of the events and in milliseconds since 1970. */
  readonly clockMs: number;
  readonly epochMs: number;
  readonly eventsPerThread: number;
  readonly threads: readonly FlightThread[];
}

const THREAD_STATES: Readonly<Record<number, string>> = {
  [L.THREAD_STATE_EMPTY]: 'empty',
  [L.THREAD_STATE_STARTING]: 'starting',
  [L.THREAD_STATE_READY]: 'ready',
  [L.THREAD_STATE_LOST]: 'lost',
  [L.THREAD_STATE_FAILED]: 'failed',
  [L.THREAD_STATE_STOPPED]: 'stopped',
};
/** Of Linux, where the handler that writes them is. */
const SIGNALS: Readonly<Record<number, string>> = {
  ...{ 1: 'SIGHUP', 2: 'SIGINT', 3: 'SIGQUIT', 4: 'SIGILL', 5: 'SIGTRAP', 6: 'SIGABRT', 7: 'SIGBUS', 8: 'SIGFPE', 10: 'SIGUSR1', 11: 'SIGSEGV', 12: 'SIGUSR2' },
  ...{ 15: 'SIGTERM' },
};

/** @throws NexusError NEXUS_FLIGHT_FOREIGN, NEXUS_FLIGHT_VERSION, NEXUS_FLIGHT_CORRUPT */
export function readFlightRecord(given: Uint8Array): FlightRecord {
  const bytes = Buffer.from(given.buffer, given.byteOffset, given.byteLength);
  if (bytes.length < FLIGHT_MAGIC.length || bytes.toString('latin1', 0, FLIGHT_MAGIC.length) !== FLIGHT_MAGIC)
    throw new NexusError('NEXUS_FLIGHT_FOREIGN', 'these bytes are no flight record of Nexus: they do not begin with NXFLIGHT');
  if (bytes.length > FLIGHT_FILE_BYTES_MAX) throw corrupt(`it has ${bytes.length} bytes; the most is ${FLIGHT_FILE_BYTES_MAX}`);
  if (bytes.length < FLIGHT_HEADER_BYTES) throw cutOff('its header');
  const version = bytes.readUInt32LE(FLIGHT_HEADER.version);
  if (version > FLIGHT_VERSION)
    throw new NexusError(
      'NEXUS_FLIGHT_VERSION',
      `this flight record has version ${version}; this build of nexus-agents reads up to ${FLIGHT_VERSION}. Read it with the version that wrote it`,
      { data: { version } },
    );
  const word = (at: number): number => bytes.readUInt32LE(at);
  const threadCount = word(FLIGHT_HEADER.threadCount);
  const eventsPerThread = word(FLIGHT_HEADER.eventsPerThread);
  const headBytes = word(FLIGHT_HEADER.headBytes);
  const noteBytes = word(FLIGHT_HEADER.noteBytes);
  const reason = FLIGHT_REASONS[word(FLIGHT_HEADER.reason)];
  const clockMs = bytes.readDoubleLE(FLIGHT_HEADER.clockMs);
  const epochMs = bytes.readDoubleLE(FLIGHT_HEADER.epochMs);
  if (version === 0 || reason === undefined || word(FLIGHT_HEADER.eventBytes) !== L.FLIGHT_EVENT_BYTES) throw corrupt('its header holds what none has');
  if (threadCount < 1 || threadCount > L.THREADS_MAX) throw corrupt(`it claims ${threadCount} threads; there are 1 to ${L.THREADS_MAX}`);
  if (eventsPerThread < 1 || eventsPerThread > 2 ** 20 || (eventsPerThread & (eventsPerThread - 1)) !== 0)
    throw corrupt(`it claims ${eventsPerThread} events a thread; that is a power of two up to 1,048,576`);
  if (!Number.isFinite(clockMs) || !Number.isFinite(epochMs) || Math.abs(epochMs) > 8.64e15) throw corrupt('its time is none');
  if (headBytes > FLIGHT_HEAD_BYTES_MAX || noteBytes > FLIGHT_NOTE_BYTES_MAX) throw corrupt('its header claims more than there can be');
  const noteAt = FLIGHT_HEADER_BYTES + padded(headBytes);
  const threadsAt = noteAt + padded(noteBytes);
  const ringBytes = eventsPerThread * L.FLIGHT_EVENT_BYTES;
  const namesAt = threadsAt + threadCount * (FLIGHT_THREAD_BYTES + ringBytes);
  if (bytes.length < namesAt) throw cutOff(bytes.length < threadsAt ? 'its head' : 'the events');
  const head = readHead(bytes.toString('utf8', FLIGHT_HEADER_BYTES, FLIGHT_HEADER_BYTES + headBytes));
  const names = readNames(bytes, namesAt);
  const thread = bytes.readInt32LE(FLIGHT_HEADER.thread);
  const signal = word(FLIGHT_HEADER.signal);
  return {
    head,
    reason,
    signal: signal === 0 ? undefined : (SIGNALS[signal] ?? `signal ${signal}`),
    thread: thread >= 0 && thread < threadCount ? thread : undefined,
    note: noteBytes === 0 ? undefined : bytes.toString('utf8', noteAt, noteAt + noteBytes),
    clockMs,
    epochMs,
    eventsPerThread,
    threads: Array.from({ length: threadCount }, (_, index) => {
      const at = threadsAt + index * (FLIGHT_THREAD_BYTES + ringBytes);
      return new ThreadEvents(bytes, at, eventsPerThread, head, names).thread;
    }),
  };
}

interface Names {
  /** By address. */
  readonly agents: ReadonlyMap<string, string>;
  /** By slot, where one name only is known for it. */
  readonly slots: ReadonlyMap<number, string | undefined>;
}

class ThreadEvents {
  readonly thread: FlightThread;
  readonly #bytes: Buffer;
  readonly #eventsAt: number;
  readonly #capacity: number;
  readonly #head: FlightHead;
  readonly #names: Names;
  readonly #thread: number;

  constructor(bytes: Buffer, at: number, capacity: number, head: FlightHead, names: Names) {
    this.#bytes = bytes;
    this.#eventsAt = at + FLIGHT_THREAD_BYTES;
    this.#capacity = capacity;
    this.#head = head;
    this.#names = names;
    const before = bytes.readUInt32LE(at + FLIGHT_THREAD.writtenBefore);
    const after = bytes.readUInt32LE(at + FLIGHT_THREAD.writtenAfter);
    const overwritten = (after - before) >>> 0;
    // What was written while the ring was copied took the place of as many of the oldest events, and one more may have been half written, also by a thread that died or stood still.
    const length = Math.max(0, capacity - overwritten - 1);
    this.#thread = bytes.readUInt32LE(at + FLIGHT_THREAD.thread);
    const state = bytes.readUInt32LE(at + FLIGHT_THREAD.state);
    const events = (): IterableIterator<FlightEvent> => this.#events((before - length) >>> 0, length);
    const first = this.#firstWritten((before - length) >>> 0, length);
    this.thread = {
      thread: this.#thread,
      incarnation: bytes.readUInt32LE(at + FLIGHT_THREAD.incarnation),
      state: THREAD_STATES[state] ?? `state ${state}`,
      length: length - first,
      events,
    };
  }

  /** Places of a ring that has not been filled yet are zero. */
  #firstWritten(from: number, length: number): number {
    let index = 0;
    while (index < length && this.#bytes.readUInt32LE(this.#at(from + index) + L.FLIGHT_EVENT_WORD_TYPE * 4) === 0) index++;
    return index;
  }

  *#events(from: number, length: number): IterableIterator<FlightEvent> {
    let number = 0;
    for (let index = 0; index < length; index++) {
      const event = this.#event(this.#at(from + index), number);
      if (event === undefined) continue;
      number++;
      yield event;
    }
  }

  #at(number: number): number {
    return this.#eventsAt + (number & (this.#capacity - 1)) * L.FLIGHT_EVENT_BYTES;
  }

  /** Undefined for what is none: a place that was never written, or one of a writer that died within it. */
  #event(at: number, number: number): FlightEvent | undefined {
    const bytes = this.#bytes;
    const word = (index: number): number => bytes.readInt32LE(at + index * 4);
    const typeWord = word(L.FLIGHT_EVENT_WORD_TYPE);
    const type = FLIGHT_TYPES[flightTypeOf(typeWord)];
    const timeMs = bytes.readDoubleLE(at);
    if (type === undefined || type === 'none' || !Number.isFinite(timeMs)) return undefined;
    const slot = word(L.FLIGHT_EVENT_WORD_SLOT);
    const generation = word(L.FLIGHT_EVENT_WORD_GENERATION);
    const count = word(L.FLIGHT_EVENT_WORD_COUNT);
    const detail0 = word(L.FLIGHT_EVENT_WORD_DETAIL_0);
    const detail1 = word(L.FLIGHT_EVENT_WORD_DETAIL_1);
    const kind = this.#head.kinds[flightKindOf(typeWord)];
    const isOfAgent = slot !== 0 || kind !== undefined;
    const hasAction = type === 'messages' || type === 'settled' || type === 'failed' || type === 'deadLetter' || type === 'askTimeout';
    return {
      timeMs,
      thread: this.#thread,
      number,
      type,
      agent: isOfAgent ? { slot, generation, kind: kind?.kind, id: this.#names.agents.get(`${slot}.${generation}`) } : undefined,
      action: hasAction && kind !== undefined ? (kind.actions[detail0] ?? (detail0 === kind.actions.length ? 'onTerminated' : undefined)) : undefined,
      count: COUNTED.has(type) && !(type === 'messages' && count === 0) ? count : undefined,
      sender: type === 'messages' && detail1 !== 0 ? { slot: detail1, id: this.#names.slots.get(detail1) } : undefined,
      reason: reasonOf(type, detail0, detail1),
      failed: type === 'settled' || type === 'threadRestored' ? detail1 : undefined,
      other: OF_OTHER.has(type) ? detail0 : undefined,
      durationMs: type === 'long' ? detail0 / 1000 : undefined,
      incarnation: type === 'threadStarted' ? detail0 : undefined,
      replaced: type === 'threadLost' ? detail1 === 1 : undefined,
      view: type === 'clusterView' ? detail0 : undefined,
    };
  }
}

function reasonOf(type: FlightType, detail0: number, detail1: number): string | undefined {
  switch (type) {
    case 'stopped':
      return FLIGHT_STOP_REASONS[detail0];
    case 'deadLetter':
      return FLIGHT_DEAD_LETTER_REASONS[detail1];
    case 'clusterStanding':
      return FLIGHT_STANDINGS[detail0];
    default:
      return undefined;
  }
}

const COUNTED: ReadonlySet<FlightType> = new Set(['messages', 'deadLetter', 'askTimeout', 'published', 'read', 'long', 'threadRestored', 'clusterView']);
const OF_OTHER: ReadonlySet<FlightType> = new Set(['published', 'read', 'threadLost', 'threadRestored']);

function readHead(text: string): FlightHead {
  let head: Partial<FlightHead> | null;
  try {
    head = JSON.parse(text) as Partial<FlightHead> | null;
  } catch (cause) {
    throw corrupt('its head is no JSON', cause);
  }
  const isText = (value: unknown): boolean => typeof value === 'string';
  const isWhole =
    typeof head === 'object' &&
    head !== null &&
    Number.isInteger(head.pid) &&
    [head.nexus, head.node, head.platform, head.engine, head.host].every(isText) &&
    Array.isArray(head.kinds) &&
    head.kinds.every((each: Partial<FlightHead['kinds'][number]> | null) => isText(each?.kind) && Array.isArray(each?.actions) && each.actions.every(isText));
  if (!isWhole) throw corrupt('its head does not say what it must');
  return head as FlightHead;
}

function readNames(bytes: Buffer, from: number): Names {
  const agents = new Map<string, string>();
  const slots = new Map<number, string | undefined>();
  let at = from;
  for (;;) {
    if (bytes.length < at + FLIGHT_NAME_BYTES) throw cutOff('the names of agents');
    const slot = bytes.readUInt32LE(at + FLIGHT_NAME.slot);
    const generation = bytes.readUInt32LE(at + FLIGHT_NAME.generation);
    const length = (bytes.readUInt32LE(at + FLIGHT_NAME.bytes) & ~FLIGHT_NAME_ENDED) >>> 0;
    at += FLIGHT_NAME_BYTES;
    if (slot === 0) break;
    if (length > L.KEY_BYTES_MAX) throw corrupt(`a name of ${length} bytes; the most is ${L.KEY_BYTES_MAX}`);
    if (bytes.length < at + length) throw cutOff('the names of agents');
    const name = bytes.toString('utf8', at, at + length);
    agents.set(`${slot}.${generation}`, name);
    slots.set(slot, slots.has(slot) ? undefined : name);
    at += (length + 3) & ~3;
  }
  at = padded(at);
  if (bytes.length < at + FLIGHT_END.length) throw cutOff('its end');
  if (bytes.toString('latin1', at, at + FLIGHT_END.length) !== FLIGHT_END || bytes.length !== at + FLIGHT_END.length)
    throw corrupt('its end is not where it must be');
  return { agents, slots };
}

function corrupt(what: string, cause?: unknown): NexusError {
  return new NexusError('NEXUS_FLIGHT_CORRUPT', `the flight record is damaged: ${what}`, cause === undefined ? {} : { cause });
}

function cutOff(where: string): NexusError {
  return new NexusError('NEXUS_FLIGHT_CORRUPT', `the flight record is cut off in ${where}: the disk was full, or whoever wrote it was killed`);
}
