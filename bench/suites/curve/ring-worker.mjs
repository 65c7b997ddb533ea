/** A worker of `ring.mjs`: does what is ordered and sleeps in between. Ends when it is terminated. */
import { workerData } from 'node:worker_threads';
import { attachSharedMemory } from '../../../dist/bindings/shared-memory.js';
import { bareStream, Control } from './bare-stream.mjs';

const { memory, control, thread, to, from } = workerData;
const stream = bareStream(attachSharedMemory(memory), thread, to, from);

for (let seen = 0; ; seen++) {
  while (Atomics.load(control, Control.generation) === seen) Atomics.wait(control, Control.generation, seen);
  const sum = stream(Atomics.load(control, Control.payloadBytes), Atomics.load(control, Control.count));
  Atomics.add(control, Control.sum, sum);
  Atomics.add(control, Control.done, 1);
  Atomics.notify(control, Control.done);
}
