/** Flight records made without threads: a recorder over a memory of its own, and a clock that is set by hand. */
import { createSharedMemory, type SharedMemory } from '../../../dist/bindings/shared-memory.js';
import { PortableRoutingTable } from '../../../dist/bindings/portable/routing-table.js';
import { captureFlight, type FlightMoment } from '../../../dist/ts-src/runtime/flight-capture.js';
import { FlightRecorder } from '../../../dist/ts-src/runtime/flight-recorder.js';

export const HEAD = {
  ...{ pid: 42, nexus: '1.2.3', node: 'v20', platform: 'linux x64', engine: 'portable', host: 'here' },
  kinds: [
    { kind: 'order', actions: ['add', 'pay'] },
    { kind: 'stock', actions: ['take'] },
  ],
};

export interface Sample {
  readonly shared: SharedMemory;
  readonly table: PortableRoutingTable;
  readonly recorders: readonly FlightRecorder[];
  readonly clock: { ms: number };
  capture(moment?: Partial<FlightMoment>): Buffer;
}

export function sample(flightEvents = 64): Sample {
  const shared = createSharedMemory({ threadCount: 2, recordCapacity: 4096, ringBytes: 16_384, flightEvents }, [1, 2]);
  const table = new PortableRoutingTable(shared, 0);
  const clock = { ms: 1000 };
  const source = { nowMs: () => clock.ms, epochMs: () => 1.7e12 + clock.ms, after: () => () => undefined };
  const recorders = [0, 1].map((thread) => new FlightRecorder(shared, thread, source));
  const head = Buffer.from(JSON.stringify(HEAD));
  return {
    ...{ shared, table, recorders, clock },
    capture: (moment) =>
      Buffer.from(
        captureFlight(shared, table, head, {
          ...{ reason: 'command' as const, signal: 0, thread: -1, note: '', clockMs: clock.ms, epochMs: 1.7e12 + clock.ms },
          ...moment,
        }),
      ),
  };
}

export function cellOf(slot: number, generation: number, kind = 0): never {
  return { slot, generation, kind: { index: kind, actions: HEAD.kinds[kind]?.actions.map((name) => ({ name })) }, extra: undefined } as never;
}

export function actionOf(index: number): never {
  return { index } as never;
}
