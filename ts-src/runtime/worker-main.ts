/** A worker thread of a nexus: attaches to the shared memory, imports the modules, takes over from a predecessor if there was one, and serves. */
import { parentPort, workerData } from 'node:worker_threads';
import { chooseEngine } from '../../bindings/choose-engine.js';
import { pinCallingThread } from '../../bindings/host-topology-placement.js';
import { attachSharedMemory, threadWord } from '../../bindings/shared-memory.js';
import * as L from '../../layout/generated/layout.js';
import { systemClock } from '../adapters/system-clock.js';
import { NexusError, type ErrorCode } from '../errors.js';
import type { Logger } from '../model/agent-context.js';
import type { AnyAgent } from '../model/agent-definition.js';
import { fingerprint, type Shape } from '../model/shape.js';
import type { Refusal } from '../model/topology.js';
import type { OpenAttachment, StorageAttachment, ThreadStorage } from '../ports/storage.js';
import { importDefinitions } from './agent-modules.js';
import { type ActionOutline, type KindOutline, outlineOf } from './kind.js';
import { type Restored, restoreAgents } from './recovery.js';
import { safeText, sendableError } from './remote-reply.js';
import { runtimeCalls, type OutwardCalls } from './runtime-calls.js';
import type { LogLine } from './system-calls.js';
import { ThreadHost } from './thread-host.js';
import { NEWS_MARK, type WorkerBoot, type WorkerNews } from './worker-protocol.js';

const boot = workerData as WorkerBoot;

try {
  const { restoring, pinRefusal } = await serve();
  tell({ type: 'ready', pinRefusal });
  if (restoring !== undefined) tell({ type: 'restored', ...(await restoring) });
} catch (error) {
  const { code, data } = error as { code?: ErrorCode; data?: Record<string, unknown> };
  tell({
    type: 'failed',
    code,
    message: error instanceof Error ? error.message : String(error),
    stack: error instanceof Error ? error.stack : undefined,
    data,
  });
}

async function serve(): Promise<{ readonly restoring: Promise<Restored> | undefined; readonly pinRefusal: Refusal | undefined }> {
  const shared = attachSharedMemory(boot.memory);
  const definitions = await importDefinitions(boot.modules);
  const kinds = { outlines: boot.kinds, definitions: checked(definitions) };
  const storage = boot.storage === undefined ? undefined : await openAttached(boot.storage);
  // Not before the modules are there: what they start inherits the processor.
  const pinRefusal = boot.cpu === undefined ? undefined : pinCallingThread(boot.thread, boot.cpu);
  const engine = chooseEngine({ forced: boot.engine.force, require: boot.engine.require }).open(shared, boot.thread, {
    spinMicroseconds: boot.spinMicroseconds,
  });
  const log =
    (level: LogLine['level']) =>
    (data: object, message: string): void =>
      host.router.call(0, 'log', { level, data: printable(data), message });
  const logger: Logger = { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') };
  const outward: OutwardCalls = {
    deadLetter: (letter) => host.router.call(0, 'deadLetter', letter),
    signal: (signal) => host.router.call(0, 'signal', signal),
    log: (line) => host.router.call(0, 'log', line),
    agentFailed: (failure) => host.router.call(0, 'agentFailed', { ...failure, error: sendableError(failure.error) }),
  };
  const host: ThreadHost = new ThreadHost(
    boot,
    shared,
    engine,
    kinds,
    systemClock,
    logger,
    {
      ...outward,
      // Nobody above it: the thread fails, and comes back with its agents.
      escalated(failure) {
        setImmediate(() => {
          throw new NexusError(
            'NEXUS_ESCALATED',
            `${failure.kind} '${failure.id}' escalated: ${failure.error instanceof Error ? failure.error.message : String(failure.error)}`,
            { cause: failure.error },
          );
        });
      },
    },
    storage,
  );
  // Keeps the thread alive while it waits for messages in the rings.
  parentPort?.on('message', () => undefined);
  let restoring: Promise<Restored> | undefined;
  tell({ type: 'imported' });
  host.open(runtimeCalls(host, outward), () => {
    if (boot.incarnation > 0) restoring = restoreAgents(host, boot.startTimeoutMs);
    Atomics.store(shared.words, threadWord(shared, boot.thread) + L.THREAD_WORD_STATE, L.THREAD_STATE_READY);
  });
  return { restoring, pinRefusal };
}

/** The module is one of this package, or of whoever made the storage. */
async function openAttached({ module, data }: StorageAttachment): Promise<ThreadStorage> {
  const { openAttachment } = (await import(module)) as { readonly openAttachment: OpenAttachment };
  return openAttachment(data);
}

/** This thread must have the kinds that the calling one has, with the same actions: their numbers are what travels. */
function checked(definitions: readonly AnyAgent[]): ReadonlyMap<string, AnyAgent> {
  const byKind = new Map(definitions.map((definition) => [definition.kind, definition]));
  for (const outline of boot.kinds) {
    if (outline.callingThreadOnly) continue;
    const difference = differenceOf(outline, byKind.get(outline.kind));
    if (difference === undefined) continue;
    throw new NexusError(
      'NEXUS_MODULE_MISMATCH',
      `kind '${outline.kind}' ${difference} on thread ${boot.thread}: its module must define the same on every thread`,
      { data: { kind: outline.kind } },
    );
  }
  return byKind;
}

function differenceOf(outline: KindOutline, definition: AnyAgent | undefined): string | undefined {
  if (definition === undefined) return 'is missing';
  const { actions } = outlineOf(definition, false);
  if (actions.length !== outline.actions.length || actions.some(({ name }, index) => name !== outline.actions[index]?.name)) return 'has other actions';
  for (const [index, here] of actions.entries()) {
    for (const part of ['input', 'reply'] as const) {
      const [own, other] = [here, outline.actions[index] as ActionOutline].map((action) => fingerprintOf(action[part])) as [string, string];
      if (own !== other) return `declares another ${part} of '${here.name}' (fingerprint ${own}, on the calling thread ${other})`;
    }
  }
  return undefined;
}

function fingerprintOf(shape: Shape | undefined): string {
  return shape === undefined ? 'none' : fingerprint(shape).toString(16).padStart(8, '0');
}

/** Data of a log line as they can be sent: what cannot becomes text. */
function printable(data: object): Record<string, unknown> {
  const entries = Object.entries(data).map(([key, value]) => {
    if (value instanceof Error) return [key, sendableError(value)];
    return [key, typeof value === 'object' || typeof value === 'function' || typeof value === 'symbol' ? safeText(value) : value];
  });
  return Object.fromEntries(entries) as Record<string, unknown>;
}

function tell(news: WorkerNews): void {
  parentPort?.postMessage({ mark: NEWS_MARK, news });
}
