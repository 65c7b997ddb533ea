/**
 * A worker that outlives others: told that a thread has stopped in the middle of a call, it does everything another thread may do, then becomes its successor, and says
 * what is wrong. It runs in a thread of its own, so that a call that never returns is a missed deadline, not a test that hangs.
 * workerData: dist. Messages: { scenario, memory, survivor, successor (engines), isCopied, isContended }. Answers: { wrong, isPresent }.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { KIND, OTHER, RIVAL, SURVIVOR, VICTIM, scenarios } from './table-scenarios.mjs';

const load = (file) => import(new URL(file, workerData.dist).href);
const { attachSharedMemory } = await load('bindings/shared-memory.js');
const { halfSipHash } = await load('bindings/portable/half-sip-hash.js');
const { PortableRoutingTable } = await load('bindings/portable/routing-table.js');
const { WasmRoutingTable } = await load('bindings/wasm/wasm-routing-table.js');
const { loadWasmModule } = await load('bindings/wasm/wasm-module.js');
const { NativeRoutingTable } = await load('bindings/native-engine.js');
const { loadNativeAddon } = await load('bindings/native-addon.js');
const L = await load('layout/generated/layout.js');
const all = scenarios({ halfSipHash, L });

function open(engine, shared, thread) {
  if (engine === 'portable') return new PortableRoutingTable(shared, thread);
  if (engine === 'wasm') return new WasmRoutingTable(loadWasmModule().module, shared, thread);
  return new NativeRoutingTable(loadNativeAddon().addon, shared, thread);
}

parentPort.on('message', (request) => {
  const shared = attachSharedMemory(request.isCopied ? copyOf(request.memory) : request.memory);
  parentPort.postMessage(examine(shared, request));
});

function copyOf(memory) {
  const pages = memory.buffer.byteLength / 65536;
  const copy = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
  new Uint8Array(copy.buffer).set(new Uint8Array(memory.buffer));
  return copy;
}

function examine(shared, { scenario: name, survivor, successor, isContended }) {
  const { key, payload, always, isKept } = all[name];
  const wrong = [];
  const check = (holds, text) => {
    if (!holds) wrong.push(text);
  };
  const generations = generationsOf(shared);
  const table = open(survivor, shared, SURVIVOR);
  const mine = [];
  const take = (owner, name, expected) => {
    const slot = owner.insert(name, KIND, undefined, 0);
    check(expected(slot), `insert of '${name}' gave ${slot}`);
    if (slot > 0) mine.push({ slot, generation: owner.generationOf(slot) });
    return slot;
  };
  /** Whether the successor has taken the name anew, without a payload. */
  let isAgain = false;
  const isWhole = (by, when) => {
    const slot = by.find(key);
    if (slot === 0) return 0;
    const generation = by.foundGeneration;
    check(by.keyOf(slot, generation) === key, `${when}: found under another name`);
    if (by.threadOf(slot, generation) === VICTIM && !isAgain) {
      check(by.kindOf(slot, generation) === KIND, `${when}: another kind`);
      const copy = by.payloadOf(slot, generation);
      check(payload === undefined ? copy === undefined : copy !== undefined && Buffer.compare(copy, payload) === 0, `${when}: another payload`);
    }
    return slot;
  };
  const allThere = (by, when) => {
    for (const name of always) check(by.find(name) !== 0, `${when}: '${name}' is not found`);
  };

  // What any other thread may do meanwhile.
  const isPresent = isWhole(table, 'right after') !== 0;
  if (isKept) check(isPresent, 'a name that nobody removed is gone');
  allThere(table, 'right after');
  for (let number = 0; number < 40; number++) take(table, `survivor/${number}`, (slot) => slot > 0);
  if (isContended) {
    const slot = take(table, key, (slot) => slot > 0 || slot === -1);
    check(slot === -1 || !isPresent, 'a live name was inserted again');
    check(isWhole(table, 'wanted by another') !== 0, 'neither there nor free');
  }
  check(named(table, key) <= 1, 'live twice');
  check(table.statistics().live === [...table.entries()].length, 'statistics and entries differ');
  checkOverflow(shared, check);
  for (const { slot, generation } of mine.splice(0, 20)) check(table.remove(slot, generation), 'could not remove its own');

  // The successor, and that of the thread that died before.
  const next = open(successor, shared, VICTIM);
  const inherited = next.inherit();
  check(next.inherit().length === inherited.length, 'inherit twice differs');
  const names = inherited.map(({ slot, generation }) => next.keyOf(slot, generation));
  check(new Set(names).size === names.length, 'inherited twice');
  for (const name of names) check(name === key || always.includes(name), `inherited '${name}'`);
  for (const name of always.filter((each) => each.startsWith('victim/'))) check(names.includes(name), `'${name}' is not inherited`);
  allThere(next, 'after inherit');
  const rival = new PortableRoutingTable(shared, RIVAL);
  const ofRival = rival.inherit();
  check(named(next, key) <= 1, 'live twice after inherit');
  const slot = isWhole(next, 'after inherit');
  if (isPresent) check(slot !== 0, 'was there, and is gone after inherit');
  if (slot === 0) isAgain = take(next, key, (again) => again > 0) > 0;
  check(isWhole(table, 'in the end') !== 0, 'the name cannot be taken');
  checkOverflow(shared, check);

  // All goes, and every record is free again.
  for (const owner of [table, next, rival])
    for (const { slot, generation } of [...mine, ...inherited, ...ofRival]) if (owner.threadOf(slot, generation) >= 0) owner.remove(slot, generation);
  const kept = always.filter((name) => !name.startsWith('victim/')).length;
  const { live, staleEntries } = next.statistics();
  check(live === kept && staleEntries === 0, `${live} live for ${kept}, ${staleEntries} stale`);
  for (const owner of [next, rival]) checkNoneLost(shared, owner, owner === next ? VICTIM : RIVAL, check);
  const later = generationsOf(shared);
  check(
    later.every((generation, record) => generation >= generations[record]),
    'a generation went back',
  );
  check([...table.entries()].every(({ thread }) => thread === OTHER) || wrong.length > 0, 'something is left');
  return { wrong: wrong.slice(0, 10), isPresent };
}

function named(table, key) {
  return [...table.entries()].filter(({ slot, generation }) => table.keyOf(slot, generation) === key).length;
}

/** The thread can use every record of its groups: so many names go in without another group, and one more does not. */
function checkNoneLost(shared, table, thread, check) {
  const groups = [];
  for (let group = 0; group < shared.recordCapacity / L.GROUP_RECORDS; group++)
    if (Atomics.load(shared.words, (shared.groupsOffset >> 2) + group) === thread + 1) groups.push(group);
  if (groups.length === 0) return;
  // Short names that live on other threads stay where they are.
  const away = [...table.entries()].filter(({ slot }) => groups.includes(Math.floor(slot / L.GROUP_RECORDS))).length;
  const free = groups.length * L.GROUP_RECORDS - (groups.includes(0) ? 1 : 0) - away;
  const { claimed } = table.statistics();
  const filled = [];
  for (let number = 0; number < free + 1; number++) {
    if (number === free) check(table.statistics().claimed === claimed, `a record of thread ${thread} is lost`);
    const slot = table.insert(`fill/${thread}/${number}`, KIND, undefined, 0);
    filled.push({ slot, generation: table.generationOf(slot) });
  }
  check(table.statistics().claimed === claimed + L.GROUP_RECORDS, `thread ${thread} has more records than its groups`);
  check(new Set(filled.map(({ slot }) => slot)).size === filled.length, `a record of thread ${thread} was given out twice`);
  for (const { slot, generation } of filled) check(table.remove(slot, generation), 'could not remove what filled the groups');
}

/** Overflow counters may be too high, never too low. */
function checkOverflow(shared, check) {
  const { words, bucketCount } = shared;
  const needed = new Int32Array(bucketCount);
  const bucketAt = (bucket) => (shared.bucketsOffset + bucket * L.BUCKET_BYTES) >> 2;
  for (let bucket = 0; bucket < bucketCount; bucket++) {
    for (let entry = L.BUCKET_WORD_ENTRIES; entry < L.BUCKET_BYTES / 4; entry++) {
      const record = words[bucketAt(bucket) + entry] & (shared.recordCapacity - 1);
      const at = (shared.recordsOffset + record * L.RECORD_BYTES) >> 2;
      if (record === 0 || (words[at + L.RECORD_WORD_STATE] & 3) !== L.RECORD_STATE_LIVE) continue;
      for (let passed = words[at + L.RECORD_WORD_HASH] & (bucketCount - 1); passed !== bucket; passed = (passed + 1) & (bucketCount - 1)) needed[passed]++;
    }
  }
  for (let bucket = 0; bucket < bucketCount; bucket++) check(words[bucketAt(bucket)] >= needed[bucket], `overflow of bucket ${bucket} is too low`);
}

function generationsOf(shared) {
  return Array.from({ length: shared.recordCapacity }, (_, record) => shared.words[(shared.recordsOffset + record * L.RECORD_BYTES) >> 2] >>> 2);
}
