/** A worker thread of a nexus: attaches to the shared memory, imports the modules, takes over from a predecessor if there was one, and serves. */
import { parentPort, workerData } from 'node:worker_threads';
import { chooseEngine } from '../../bindings/choose-engine.js';
import { pinCallingThread } from '../../bindings/host-topology-placement.js';
import { attachSharedMemory } from '../../bindings/shared-memory.js';
import { openTelemetry } from '../adapters/open-telemetry.js';
import { NodeLoadMeter } from '../adapters/node-load-meter.js';
import { systemClock } from '../adapters/system-clock.js';
import { NexusError, type ErrorCode } from '../errors.js';
import type { AnyAgent } from '../model/agent-definition.js';
import { fingerprint, type Shape } from '../model/shape.js';
import type { Refusal } from '../model/topology.js';
import type { OpenAttachment, StorageAttachment, ThreadStorage } from '../ports/storage.js';
import { importDefinitions } from './agent-modules.js';
import { eventLoopTurns } from './event-loop-turns.js';
import { type ActionOutline, type KindOutline, outlineOf } from './kind.js';
import type { Restored } from './recovery.js';
import { openWorkerThread } from './worker-thread.js';
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
  // Keeps the thread alive while it waits for messages in the rings.
  parentPort?.on('message', () => undefined);
  const { restoring } = openWorkerThread(boot, {
    shared,
    engine,
    kinds,
    clock: systemClock,
    turns: eventLoopTurns,
    storage,
    meter: new NodeLoadMeter(),
    // After the modules, which may set up the SDK.
    tracingApi: boot.tracing === undefined ? undefined : await openTelemetry(),
    opening: () => tell({ type: 'imported' }),
    // It comes back with its agents.
    fail(error) {
      throw error;
    },
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
      `kind '${outline.kind}' ${difference} on thread ${boot.thread}: its module must define the same on every thread, whatever isMainThread, the time or the environment say`,
      { data: { kind: outline.kind, thread: boot.thread } },
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

function tell(news: WorkerNews): void {
  parentPort?.postMessage({ mark: NEWS_MARK, news });
}
