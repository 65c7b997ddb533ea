/** A worker that claims a meter and stops at a step of that, to be killed there. workerData: memory, dist, name, stopAt (0: only measures). */
import { parentPort, workerData } from 'node:worker_threads';
import { faultPoint, onStep, stepped } from './stepped-memory.mjs';

const { dist, memory, name, stopAt } = workerData;
const load = (file) => import(new URL(file, dist).href);
const { attachSharedMemory } = await load('bindings/shared-memory.js');
const { claimMeter } = await load('ts-src/runtime/meters/meter-names.js');

const shared = attachSharedMemory(memory);
const point = faultPoint(shared, stopAt, (message) => parentPort.postMessage(message));
onStep(point.reached);
const meter = claimMeter(stepped(shared), 0, name);
onStep(() => undefined);
point.finish(meter);
