/**
 * The engine of a simulated thread: the portable table and the real rings, in the shared memory of the nexus, and a waiter that only notes who has mail. When the thread
 * has ended, whatever of it still runs (a handler that awaited something outside) finds a table in which it owns nothing.
 */
import { PortableRoutingTable } from '../../bindings/portable/routing-table.js';
import type { SharedMemory } from '../../bindings/shared-memory.js';
import { type EngineThread, INSERT_FULL, type RoutingTable, type TableEntry, type TableStatistics, type Waiter } from '../ports/engine.js';
import type { ThreadLife } from './schedule.js';

export function openSimulatedThread(shared: SharedMemory, life: ThreadLife): EngineThread {
  return { kind: 'portable', table: new MortalTable(new PortableRoutingTable(shared, life.index), life), waiter: new NotingWaiter(life) };
}

class NotingWaiter implements Waiter {
  readonly #life: ThreadLife;

  constructor(life: ThreadLife) {
    this.#life = life;
  }

  start(drain: () => boolean): void {
    this.#life.drain = drain;
    // What a predecessor left in the rings.
    this.#life.group.mailFor(this.#life.index);
  }

  wake(thread: number): void {
    if (this.#life.isAlive) this.#life.group.mailFor(thread);
  }

  rouse(thread: number): void {
    this.wake(thread);
  }

  stop(): void {
    this.#life.drain = undefined;
  }
}

class MortalTable implements RoutingTable {
  readonly #table: RoutingTable;
  readonly #life: ThreadLife;

  constructor(table: RoutingTable, life: ThreadLife) {
    this.#table = table;
    this.#life = life;
  }

  insert(key: string, kind: number, payload: Uint8Array | undefined, parent: number): number {
    return this.#life.isAlive ? this.#table.insert(key, kind, payload, parent) : INSERT_FULL;
  }

  insertMany(keys: readonly string[], kind: number, payloads: readonly (Uint8Array | undefined)[] | undefined, parent: number): Int32Array {
    return this.#life.isAlive ? this.#table.insertMany(keys, kind, payloads, parent) : Int32Array.from(keys.flatMap(() => [INSERT_FULL, 0]));
  }

  remove(slot: number, generation: number): boolean {
    return this.#life.isAlive && this.#table.remove(slot, generation);
  }

  removeMany(addresses: Int32Array): number {
    return this.#life.isAlive ? this.#table.removeMany(addresses) : 0;
  }

  rehome(slot: number, generation: number, thread: number): boolean {
    return this.#life.isAlive && this.#table.rehome(slot, generation, thread);
  }

  inherit(): TableEntry[] {
    return this.#table.inherit();
  }

  find(key: string): number {
    return this.#table.find(key);
  }

  get foundGeneration(): number {
    return this.#table.foundGeneration;
  }

  get foundKind(): number {
    return this.#table.foundKind;
  }

  findMany(keys: readonly string[]): Int32Array {
    return this.#table.findMany(keys);
  }

  generationOf(slot: number): number {
    return this.#table.generationOf(slot);
  }

  threadOf(slot: number, generation: number): number {
    return this.#table.threadOf(slot, generation);
  }

  kindOf(slot: number, generation: number): number {
    return this.#table.kindOf(slot, generation);
  }

  parentOf(slot: number, generation: number): number {
    return this.#table.parentOf(slot, generation);
  }

  keyOf(slot: number, generation: number): string | undefined {
    return this.#table.keyOf(slot, generation);
  }

  payloadOf(slot: number, generation: number): Uint8Array | undefined {
    return this.#table.payloadOf(slot, generation);
  }

  entries(thread?: number): IterableIterator<TableEntry> {
    return this.#table.entries(thread);
  }

  statistics(): TableStatistics {
    return this.#table.statistics();
  }
}
