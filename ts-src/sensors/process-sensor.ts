/** A sensor for the process it runs in, and for the event loop of its thread: one signal a period with what was used in it. */
import { nodeProcessMetering } from '../adapters/node-sensing.js';
import { defineSensor, type SensorDefinition } from '../model/define-sensor.js';
import { checkNames } from '../model/nearest-name.js';
import type { ProcessMeter, ProcessMetering, ProcessReading } from '../ports/sensing.js';
import { merged, period, type SensorOptions, topicOf } from './sensor-options.js';

/** Options of `processSensor`. */
export interface ProcessSensorOptions extends SensorOptions {
  /** Of its signals, whose data are a `ProcessUsage`. */
  readonly topic: string;
  /** 10 to 86,400,000. Default 5,000. */
  readonly periodMs?: number;
  /** Default: that of Node. */
  readonly metering?: ProcessMetering;
}

/** What a process sensor emits. */
export interface ProcessUsage {
  /** What was measured, in milliseconds. */
  readonly periodMs: number;
  /** Processor time of the whole process as a share of one processor: 2 is two of them. */
  readonly cpu: { readonly user: number; readonly system: number };
  readonly memory: { readonly residentBytes: number; readonly heapUsedBytes: number; readonly heapTotalBytes: number; readonly externalBytes: number };
  /** Of the thread of the sensor. `utilization`: share of the time in which it was not idle, 0 to 1. Delay: how late it came to its timers. */
  readonly eventLoop: { readonly utilization: number; readonly delayMeanMs: number; readonly delayP99Ms: number; readonly delayMaxMs: number };
  /** Garbage collections of the thread of the sensor in the period. */
  readonly garbage: { readonly collections: number; readonly collectionMs: number };
}

type Changeable = Pick<ProcessSensorOptions, 'topic' | 'periodMs'>;

const CHANGEABLE = ['topic', 'periodMs'] as const;

interface ProcessState extends Required<Changeable> {
  meter: ProcessMeter | undefined;
  before: { readonly reading: ProcessReading; readonly atMs: number } | undefined;
}

/** A sensor of the process: emits processor time, memory, event loop and garbage collection of each period. @throws NexusTypeError NEXUS_OPTION_INVALID, NEXUS_OPTION_UNKNOWN, NEXUS_DEFINITION_INVALID */
export function processSensor<const K extends string>(
  options: ProcessSensorOptions & { readonly kind: K },
): SensorDefinition<K, Partial<Changeable> | undefined> {
  checkNames('processSensor', options, ['kind', 'supervision', 'scope', 'metering', ...CHANGEABLE]);
  const { kind, supervision, scope, metering = nodeProcessMetering, ...changeable } = options;
  const resolved = resolve(changeable);
  return defineSensor({
    kind,
    ...(supervision === undefined ? {} : { supervision }),
    ...(scope === undefined ? {} : { scope }),
    state: (init: Partial<Changeable> | undefined): ProcessState => ({
      ...resolve(merged('processSensor', resolved, init, CHANGEABLE)),
      meter: undefined,
      before: undefined,
    }),
    periodMs: (state) => state.periodMs,
    open(state) {
      state.meter = metering.open();
      return () => state.meter?.close();
    },
    sense(state, ctx) {
      const now = { reading: (state.meter as ProcessMeter).read(), atMs: ctx.clock.nowMs() };
      const { before, topic } = state;
      state.before = now;
      // The first look is the beginning of the first period.
      return before === undefined ? undefined : [{ topic, data: usageOf(before.reading, now.reading, now.atMs - before.atMs) }];
    },
  });
}

/** What was used from one reading to the next. */
export function usageOf(before: ProcessReading, now: ProcessReading, periodMs: number): ProcessUsage {
  const share = (used: number, of: number): number => (of > 0 ? used / of : 0);
  const active = now.loopActiveMs - before.loopActiveMs;
  const { residentBytes, heapUsedBytes, heapTotalBytes, externalBytes, loopDelay } = now;
  return {
    periodMs,
    cpu: { user: share(now.cpuUserMs - before.cpuUserMs, periodMs), system: share(now.cpuSystemMs - before.cpuSystemMs, periodMs) },
    memory: { residentBytes, heapUsedBytes, heapTotalBytes, externalBytes },
    eventLoop: {
      utilization: share(active, active + now.loopIdleMs - before.loopIdleMs),
      delayMeanMs: loopDelay.meanMs,
      delayP99Ms: loopDelay.p99Ms,
      delayMaxMs: loopDelay.maxMs,
    },
    garbage: { collections: now.collections - before.collections, collectionMs: now.collectionMs - before.collectionMs },
  };
}

function resolve({ topic, periodMs }: Changeable): Required<Changeable> {
  return { topic: topicOf(topic), periodMs: period(periodMs, 5000, 10) };
}
