/**
 * What makes a host the host of a worker: what happens on it is told to the calling thread, and what a predecessor left is started again. Used by the entry of a
 * worker thread (`worker-main.ts`) and by the threads of a simulation. Not here: memory, modules, and where the thread runs.
 */
import { type SharedMemory, threadWord } from '../../bindings/shared-memory.js';
import * as L from '../../layout/generated/layout.js';
import { NexusError, quoted } from '../errors.js';
import type { Logger } from '../model/agent-context.js';
import type { Clock } from '../ports/clock.js';
import type { EngineThread } from '../ports/engine.js';
import type { LoadMeter } from '../ports/load-meter.js';
import type { TracingApi } from '../ports/tracing-api.js';
import type { ThreadStorage } from '../ports/storage.js';
import type { Turns } from '../ports/turns.js';
import { EventLoopBeat } from './event-loop-beat.js';
import type { KindSources } from './kind.js';
import { type Restored, restoreAgents } from './recovery.js';
import { WorkerRemoteAgents } from './remote/worker-remote-agents.js';
import { nodeNamed } from './remote/worker-placing.js';
import { safeText, sendableError } from './remote-reply.js';
import { type OutwardCalls, runtimeCalls } from './runtime-calls.js';
import type { LogLine } from './system-calls.js';
import { ThreadHost } from './thread-host.js';
import { LoadMeasuring } from './thread-load.js';
import type { WorkerBoot } from './worker-protocol.js';

export interface WorkerThreadNeeds {
  readonly shared: SharedMemory;
  readonly engine: EngineThread;
  readonly kinds: KindSources;
  readonly clock: Clock;
  readonly turns: Turns;
  /** Undefined in a nexus without storage. */
  readonly storage: ThreadStorage | undefined;
  /** Undefined in a nexus that does not trace. */
  readonly tracingApi: TracingApi | undefined;
  /** Undefined where the load of a thread means nothing. */
  readonly meter: LoadMeter | undefined;
  /** All is there; what a predecessor left is started now, for which there is a time limit of its own. */
  opening(): void;
  /** An agent without a parent escalated: nobody is above it but the thread, which ends with this error. */
  fail(error: NexusError): void;
}

/** @returns the host, and when it is a successor a promise for what became of the agents of its predecessor */
export function openWorkerThread(boot: WorkerBoot, needs: WorkerThreadNeeds): { readonly host: ThreadHost; readonly restoring: Promise<Restored> | undefined } {
  const { shared, engine, kinds, clock, turns, storage, meter } = needs;
  const log =
    (level: LogLine['level']) =>
    (data: object, message: string): void =>
      host.router.call(0, 'log', { level, data: printable(data), message });
  const logger: Logger = { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') };
  const outward: OutwardCalls = {
    deadLetter: (letter) => host.router.call(0, 'deadLetter', letter),
    log: (line) => host.router.call(0, 'log', line),
    agentFailed: (failure) => host.router.call(0, 'agentFailed', { ...failure, error: sendableError(failure.error) }),
  };
  const events = {
    ...outward,
    // Listeners are on the calling thread, which is told of signals as any thread with subscribers is.
    signal: () => undefined,
    escalated({ kind, id, error }: { readonly kind: string; readonly id: string; readonly error: unknown }) {
      const text = error instanceof Error ? error.message : String(error);
      turns.later(() => needs.fail(new NexusError('NEXUS_ESCALATED', `${kind} ${quoted(id)} escalated: ${text}`, { cause: error, data: { id, kind } })));
    },
  };
  const host: ThreadHost = new ThreadHost(boot, shared, engine, kinds, clock, logger, events, turns, storage, needs.tracingApi);
  host.signals.inherit(boot.movingAgents);
  if (boot.isNode) host.remote = new WorkerRemoteAgents(host);
  if (boot.node !== undefined) nodeNamed(host, boot.node);
  let restoring: Promise<Restored> | undefined;
  needs.opening();
  host.open(runtimeCalls(host, outward), () => {
    if (boot.incarnation > 0) {
      restoring = restoreAgents(host, boot.startTimeoutMs);
      host.entries.announce();
    }
    Atomics.store(shared.words, threadWord(shared, boot.thread) + L.THREAD_WORD_STATE, L.THREAD_STATE_READY);
  });
  if (boot.measurePeriodMs !== undefined && meter !== undefined)
    host.supervision.services.add(new LoadMeasuring({ shared, thread: boot.thread, clock, meter }, boot.measurePeriodMs));
  if (boot.beatPeriodMs !== undefined) host.supervision.services.add(new EventLoopBeat(shared, boot.thread, boot.beatPeriodMs));
  return { host, restoring };
}

/** Data of a log line as they can be sent: what cannot becomes text. */
function printable(data: object): Record<string, unknown> {
  const entries = Object.entries(data).map(([key, value]) => {
    if (value instanceof Error) return [key, sendableError(value)];
    return [key, typeof value === 'object' || typeof value === 'function' || typeof value === 'symbol' ? safeText(value) : value];
  });
  return Object.fromEntries(entries) as Record<string, unknown>;
}
