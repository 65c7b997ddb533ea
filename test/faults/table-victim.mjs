/**
 * A worker that runs one call of a routing table and stops at a step of it, to be killed there. workerData: dist (URL of the build, with a slash at its end), memory,
 * engine ('portable' or 'wasm'), steppedModule (bytes of a WebAssembly table that calls `step`), scenario, stopAt (0: only measures).
 */
import { parentPort, workerData } from 'node:worker_threads';
import { faultPoint, onStep, stepped } from './stepped-memory.mjs';
import { scenarios, VICTIM } from './table-scenarios.mjs';

const { dist, memory, engine, steppedModule, scenario: name, stopAt } = workerData;
const load = (file) => import(new URL(file, dist).href);
const { attachSharedMemory } = await load('bindings/shared-memory.js');
const { halfSipHash } = await load('bindings/portable/half-sip-hash.js');
const { PortableRoutingTable } = await load('bindings/portable/routing-table.js');
const { WasmRoutingTable } = await load('bindings/wasm/wasm-routing-table.js');
const L = await load('layout/generated/layout.js');

const shared = attachSharedMemory(memory);
let step = () => undefined;
onStep(() => step());
const compiled = engine === 'wasm' ? new WebAssembly.Module(steppedModule) : undefined;
const instantiate = ({ memory }) => new WebAssembly.Instance(compiled, { env: { memory, step: () => step() } }).exports;
const openVictim = () => (engine === 'wasm' ? new WasmRoutingTable(instantiate, shared, VICTIM) : new PortableRoutingTable(stepped(shared), VICTIM));

const scenario = scenarios({ halfSipHash, L })[name];
const victim = openVictim();
const prepared = scenario.prepare({ open: (thread) => new PortableRoutingTable(shared, thread), victim, shared });
const dying = scenario.isSuccessor ? openVictim() : victim;
const point = faultPoint(shared, stopAt, (message) => parentPort.postMessage(message), isHidden);
step = point.reached;
const result = scenario.run(dying, prepared);
step = () => undefined;
point.finish(result);

/** Scratch, what the WebAssembly allocator knows, and bytes of records, which nobody believes before their STATE says that they are there. */
function isHidden(word) {
  const at = word * 4;
  if (at < shared.recordsOffset) return at >= shared.scratchOffset && at < shared.groupsOffset;
  return ![L.RECORD_WORD_STATE, L.RECORD_WORD_EXTENSION, L.RECORD_WORD_ENTRY].includes(((at - shared.recordsOffset) / 4) % (L.RECORD_BYTES / 4));
}
