/**
 * What other threads do in the middle of a call: between two of its steps, a random one, they run calls of their own, which are interrupted in the same way. A failure
 * prints the seed that repeats it.
 */
import { beforeAll, expect, test } from 'vitest';
import { PortableRoutingTable } from '../../../dist/bindings/portable/routing-table.js';
import type { WasmModule } from '../../../dist/bindings/wasm/wasm-module.js';
import { WasmRoutingTable } from '../../../dist/bindings/wasm/wasm-routing-table.js';
import * as L from '../../../dist/layout/generated/layout.js';
import { INSERT_EXISTS, type RoutingTable } from '../../../dist/ts-src/ports/engine.js';
import { CLEAN, memory, recordWord, sameHash } from './tables.js';
import { compileStepped } from './stepped-module.js';

const THREADS = 4;
const SCHEDULES = 1500;
const DEPTH_MAX = 2;
let onStep: () => void = () => undefined;
let stepped: WasmModule;

beforeAll(async () => {
  stepped = await compileStepped(() => onStep());
});

/** Of one hash, so that a record may be used again for a name that an entry read before still seems to fit; and one more. */
const keys = [...sameHash('short/'), `long/${'x'.repeat(50)}`];

interface Owned {
  readonly slot: number;
  readonly generation: number;
}

/** One schedule: every thread inserts, removes and looks up three names for a while. Returns what went wrong. */
function runSchedule(seed: number): string[] {
  let state = seed | 1;
  const random = (below: number): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
  const shared = memory(THREADS);
  // The last thread is not interrupted: it runs the portable table.
  const tables: RoutingTable[] = Array.from({ length: THREADS }, (_, thread) =>
    thread === THREADS - 1 ? new PortableRoutingTable(shared, thread) : new WasmRoutingTable(stepped, shared, thread),
  );
  const owned = tables.map(() => keys.map((): Owned | undefined => undefined));
  const busy = tables.map(() => false);
  const owners = keys.map(() => 0);
  const wrong: string[] = [];
  /** The name each address ever had, and what was found. */
  const named = new Map<string, string>();
  const finds: { address: string; key: string }[] = [];
  const act = (thread: number): void => {
    const table = tables[thread] as RoutingTable;
    const mine = owned[thread] as (Owned | undefined)[];
    const name = random(keys.length);
    const key = keys[name] as string;
    const entry = mine[name];
    busy[thread] = true;
    if (entry !== undefined) {
      mine[name] = undefined;
      owners[name] = (owners[name] as number) - 1;
      if (!table.remove(entry.slot, entry.generation)) wrong.push('could not remove');
    } else if (random(4) > 0) {
      const slot = table.insert(key, thread, new Uint8Array(60).fill(thread + 1), 0);
      if (slot > 0) {
        const generation = table.generationOf(slot);
        mine[name] = { slot, generation };
        named.set(`${slot}/${generation}`, key);
        owners[name] = (owners[name] as number) + 1;
        if (owners[name] !== 1) wrong.push('live twice');
        if (table.find(key) !== slot) wrong.push('not found by its owner');
      } else if (slot !== INSERT_EXISTS) wrong.push(`insert gave ${slot}`);
    } else {
      const slot = table.find(key);
      const { foundGeneration } = table;
      if (slot !== 0) finds.push({ address: `${slot}/${foundGeneration}`, key });
      const found = slot === 0 ? undefined : table.keyOf(slot, foundGeneration);
      if (found !== undefined && found !== key) wrong.push('found another name');
      const kind = table.kindOf(slot, foundGeneration);
      const payload = table.payloadOf(slot, foundGeneration);
      if (kind >= 0 && payload?.some((byte) => byte !== kind + 1)) wrong.push('a torn payload');
    }
    busy[thread] = false;
  };
  let depth = 0;
  const idleThread = (): number => {
    const idle = [...busy.keys()].filter((thread) => !busy[thread]);
    return idle.length === 0 ? -1 : (idle[random(idle.length)] as number);
  };
  onStep = () => {
    if (depth >= DEPTH_MAX || random(40) !== 0) return;
    depth++;
    for (let calls = 1 + random(4); calls > 0; calls--) {
      const thread = idleThread();
      if (thread >= 0) act(thread);
    }
    depth--;
  };
  for (let calls = 0; calls < 12; calls++) act(random(THREADS));
  onStep = () => undefined;
  for (const [thread, names] of owned.entries())
    for (const entry of names) if (entry !== undefined && !tables[thread]?.remove(entry.slot, entry.generation)) wrong.push('could not remove at the end');
  expect(tables[0]?.statistics(), `seed ${seed}`).toMatchObject(CLEAN);
  for (const { address, key } of finds) if (named.get(address) !== key) wrong.push(`found ${address} for ${key}, which is ${named.get(address)}`);
  return wrong;
}

test('whatever happens between two steps, a name is live once and nothing is torn', () => {
  const first = Date.now() & 0xffffff;
  for (let seed = first; seed < first + SCHEDULES; seed++) expect(runSchedule(seed), `seed ${seed}`).toEqual([]);
});

test('a pending record that is not published yet is not helped: its own second probe is still to come', () => {
  const shared = memory();
  const { words } = shared;
  const a = new PortableRoutingTable(shared, 0);
  const b = new WasmRoutingTable(stepped, shared, 1);
  for (let atStep = 1, done = false; !done; atStep++) {
    const name = `name/${atStep}`;
    const record = a.insert(name, 1, undefined, 0);
    const stateAt = recordWord(shared, record, L.RECORD_WORD_STATE);
    const entryAt = (shared.bucketsOffset >> 2) + (words[recordWord(shared, record, L.RECORD_WORD_ENTRY)] as number);
    // Its owner is removing it: FREE already, the entry still there.
    words[stateAt] = (1 << 2) | L.RECORD_STATE_FREE;
    let steps = 0;
    onStep = () => {
      if (++steps !== atStep) return;
      // The owner uses the record again for the same name, and has not published it.
      words[entryAt] = 0;
      words[stateAt] = (2 << 2) | L.RECORD_STATE_PENDING;
    };
    const slot = b.insert(name, 2, undefined, 0);
    onStep = () => undefined;
    done = steps < atStep;
    expect(slot, `at step ${atStep}`).toBeGreaterThan(0);
    if (!done) expect(words[stateAt], `at step ${atStep}`).toBe((2 << 2) | L.RECORD_STATE_PENDING);
    b.remove(slot, b.generationOf(slot));
  }
});
