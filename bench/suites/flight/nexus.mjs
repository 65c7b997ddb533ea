/** The flight recorder of one thread. */
import { createSharedMemory } from '../../../dist/bindings/shared-memory.js';
import * as L from '../../../dist/layout/generated/layout.js';
import { FlightRecorder } from '../../../dist/ts-src/runtime/flight-recorder.js';
import { eventNs } from './passes.mjs';

export async function run(size, report) {
  const shared = createSharedMemory({ threadCount: 1, recordCapacity: 4096, ringBytes: 16_384 }, [1, 2]);
  const recorder = new FlightRecorder(shared, 0, { nowMs: () => performance.now() });
  const last = () => {
    const written = shared.words[(shared.flightOffset >> 2) + L.FLIGHT_WORD_WRITTEN];
    const at = shared.flightOffset + L.FLIGHT_HEADER_BYTES + ((written - 1) & (shared.flightCapacity - 1)) * L.FLIGHT_EVENT_BYTES;
    return shared.words[(at >> 2) + L.FLIGHT_EVENT_WORD_COUNT];
  };
  recorder.beginDrain(performance.now());
  const events = await eventNs(size, (number) => recorder.published(1, number), last);
  report.value('flight event', 'ns', events);
  const cell = { kind: { index: 0 }, slot: 7, generation: 9 };
  const action = { index: 0 };
  const write = (number) => {
    recorder.beginRun(cell, action, undefined, 0);
    recorder.endRun(number);
  };
  report.value('flight run', 'ns', await eventNs(size, write, last));
}
