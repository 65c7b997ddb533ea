/**
 * Takes the flight record of all threads out of shared memory as it is at this moment, with the names of the agents that appear in it, as the bytes of a dump. No thread is stopped or
 * asked: what a thread overwrites meanwhile is left out by whoever reads the dump. `native/include/nexus/flight_dump.hpp` does the same in a handler of signals.
 */
import { flightOffset, type SharedMemory, threadWord } from '../../bindings/shared-memory.js';
import * as L from '../../layout/generated/layout.js';
import {
  FLIGHT_END,
  FLIGHT_ENDED_NAME_BYTES_MAX,
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
  type FlightReason,
  padded,
} from '../flight/flight-format.js';
import { flightKindOf } from '../model/flight-event.js';
import type { RoutingTable } from '../ports/engine.js';

export interface FlightMoment {
  readonly reason: FlightReason;
  /** Number of the signal, 0 for none. */
  readonly signal: number;
  /** The thread it is about, or -1. */
  readonly thread: number;
  /** What is known beside the events, such as the error: cut off at 8,192 bytes. */
  readonly note: string;
  readonly clockMs: number;
  readonly epochMs: number;
}

/** @param head JSON of a `FlightHead` */
export function captureFlight(shared: SharedMemory, table: Pick<RoutingTable, 'keyOf'>, head: Uint8Array, moment: FlightMoment): Uint8Array {
  const note = Buffer.from(moment.note).subarray(0, FLIGHT_NOTE_BYTES_MAX);
  const { threadCount, flightCapacity } = shared;
  const ringBytes = flightCapacity * L.FLIGHT_EVENT_BYTES;
  const threadsAt = FLIGHT_HEADER_BYTES + padded(head.length) + padded(note.length);
  const fixed = Buffer.alloc(threadsAt + threadCount * (FLIGHT_THREAD_BYTES + ringBytes));
  fixed.write(FLIGHT_MAGIC, FLIGHT_HEADER.magic, 'latin1');
  fixed.writeUInt32LE(FLIGHT_VERSION, FLIGHT_HEADER.version);
  fixed.writeUInt32LE(L.FLIGHT_EVENT_BYTES, FLIGHT_HEADER.eventBytes);
  fixed.writeDoubleLE(moment.clockMs, FLIGHT_HEADER.clockMs);
  fixed.writeDoubleLE(moment.epochMs, FLIGHT_HEADER.epochMs);
  fixed.writeUInt32LE(FLIGHT_REASONS.indexOf(moment.reason), FLIGHT_HEADER.reason);
  fixed.writeUInt32LE(moment.signal, FLIGHT_HEADER.signal);
  fixed.writeInt32LE(moment.thread, FLIGHT_HEADER.thread);
  fixed.writeUInt32LE(threadCount, FLIGHT_HEADER.threadCount);
  fixed.writeUInt32LE(flightCapacity, FLIGHT_HEADER.eventsPerThread);
  fixed.writeUInt32LE(head.length, FLIGHT_HEADER.headBytes);
  fixed.writeUInt32LE(note.length, FLIGHT_HEADER.noteBytes);
  fixed.set(head, FLIGHT_HEADER_BYTES);
  fixed.set(note, FLIGHT_HEADER_BYTES + padded(head.length));
  const names = new NameList(shared, table);
  for (let thread = 0; thread < threadCount; thread++) {
    const at = threadsAt + thread * (FLIGHT_THREAD_BYTES + ringBytes);
    const word = threadWord(shared, thread);
    const offset = flightOffset(shared, thread);
    const writtenAt = (offset >> 2) + L.FLIGHT_WORD_WRITTEN;
    fixed.writeUInt32LE(thread, at + FLIGHT_THREAD.thread);
    fixed.writeInt32LE(Atomics.load(shared.words, word + L.THREAD_WORD_INCARNATION), at + FLIGHT_THREAD.incarnation);
    fixed.writeInt32LE(Atomics.load(shared.words, word + L.THREAD_WORD_STATE), at + FLIGHT_THREAD.state);
    fixed.writeInt32LE(Atomics.load(shared.words, writtenAt), at + FLIGHT_THREAD.writtenBefore);
    fixed.set(shared.bytes.subarray(offset + L.FLIGHT_HEADER_BYTES, offset + L.FLIGHT_HEADER_BYTES + ringBytes), at + FLIGHT_THREAD_BYTES);
    fixed.writeInt32LE(Atomics.load(shared.words, writtenAt), at + FLIGHT_THREAD.writtenAfter);
    names.addFrom(fixed.subarray(at + FLIGHT_THREAD_BYTES, at + FLIGHT_THREAD_BYTES + ringBytes));
  }
  return Buffer.concat([fixed, ...names.parts(fixed.length)]);
}

class NameList {
  readonly #shared: SharedMemory;
  readonly #table: Pick<RoutingTable, 'keyOf'>;
  readonly #seen = new Set<number>();
  readonly #parts: Buffer[] = [];

  constructor(shared: SharedMemory, table: Pick<RoutingTable, 'keyOf'>) {
    this.#shared = shared;
    this.#table = table;
  }

  /** @param events a copy of a ring */
  addFrom(events: Buffer): void {
    const words = new Int32Array(events.buffer, events.byteOffset, events.length >> 2);
    for (let at = 0; at < words.length; at += L.FLIGHT_EVENT_BYTES / 4) {
      const slot = words[at + L.FLIGHT_EVENT_WORD_SLOT] as number;
      if (slot === 0) continue;
      this.#add(slot, words[at + L.FLIGHT_EVENT_WORD_GENERATION] as number, flightKindOf(words[at + L.FLIGHT_EVENT_WORD_TYPE] as number));
    }
  }

  /** @param length of what is before the names */
  parts(length: number): Buffer[] {
    const last = Buffer.alloc(FLIGHT_NAME_BYTES);
    const bytes = length + this.#parts.reduce((sum, part) => sum + part.length, 0) + last.length;
    return [...this.#parts, last, Buffer.alloc(padded(bytes) - bytes), Buffer.from(FLIGHT_END, 'latin1')];
  }

  #add(slot: number, generation: number, kind: number): void {
    // A slot has at most 23 bits, a generation 29: together an exact number.
    const address = generation * 2 ** 23 + slot;
    if (this.#seen.has(address)) return;
    this.#seen.add(address);
    const live = this.#table.keyOf(slot, generation);
    const name = live === undefined ? this.#nameOfEnded(slot, generation, kind) : Buffer.from(live);
    if (name === undefined) return;
    const part = Buffer.alloc(FLIGHT_NAME_BYTES + ((name.length + 3) & ~3));
    part.writeInt32LE(slot, FLIGHT_NAME.slot);
    part.writeInt32LE(generation, FLIGHT_NAME.generation);
    part.writeUInt32LE(name.length | (live === undefined ? FLIGHT_NAME_ENDED : 0), FLIGHT_NAME.bytes);
    part.set(name, FLIGHT_NAME_BYTES);
    this.#parts.push(part);
  }

  /**
   * A record that was set free keeps its words until it is used again: under the next generation, or as part of another record, which has no use for the kind. So the kind and the
   * padding of the name have to fit too.
   */
  #nameOfEnded(slot: number, generation: number, kind: number): Buffer | undefined {
    const { words, recordsOffset, recordCapacity, threadCount, bytes } = this.#shared;
    if (slot >= recordCapacity) return undefined;
    const at = (recordsOffset + slot * L.RECORD_BYTES) >> 2;
    const free = (generation << 2) | L.RECORD_STATE_FREE;
    if (Atomics.load(words, at + L.RECORD_WORD_STATE) !== free) return undefined;
    const owner = words[at + L.RECORD_WORD_OWNER] as number;
    const keyBytes = words[at + L.RECORD_WORD_KEY_BYTES] as number;
    if ((owner & 0xffff) !== kind || owner >>> 16 >= threadCount || keyBytes <= 0 || keyBytes > FLIGHT_ENDED_NAME_BYTES_MAX) return undefined;
    const from = (at + L.RECORD_WORD_INLINE) * 4;
    // Out of shared memory at once: what is checked must not change.
    const inline = Buffer.from(bytes.slice(from, from + ((keyBytes + 3) & ~3)));
    for (let index = 0; index < inline.length; index++) if ((inline[index] === 0) !== index >= keyBytes) return undefined;
    return Atomics.load(words, at + L.RECORD_WORD_STATE) === free ? inline.subarray(0, keyBytes) : undefined;
  }
}
