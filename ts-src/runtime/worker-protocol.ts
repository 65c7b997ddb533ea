/** What the calling thread and a worker say to each other before the rings are up. */
import type { EngineKind } from '../ports/engine.js';
import type { SharedWebAssemblyMemory } from '../../bindings/web-assembly-memory.js';
import type { ResolvedTracing } from '../model/tracing-options.js';
import type { Refusal } from '../model/topology.js';
import type { StorageAttachment } from '../ports/storage.js';
import type { KindOutline } from './kind.js';

export interface WorkerBoot {
  readonly memory: SharedWebAssemblyMemory;
  readonly thread: number;
  /** 0 for the first worker of this index, then one more for each successor. */
  readonly incarnation: number;
  readonly modules: readonly string[];
  readonly kinds: readonly KindOutline[];
  readonly engine: { readonly force: EngineKind | undefined; readonly require: EngineKind | undefined };
  readonly spinMicroseconds: number;
  readonly askTimeoutMs: number;
  readonly messageBytesMax: number;
  readonly seed: number;
  /** With which this thread opens the storage. */
  readonly storage: StorageAttachment | undefined;
  /** How often this thread measures its load; undefined: never. */
  readonly measurePeriodMs: number | undefined;
  /** How often this thread shows that its event loop turns; undefined: nobody looks. */
  readonly beatPeriodMs: number | undefined;
  /** The nexus is a node of a cluster: there are agents on other nodes. */
  readonly isNode: boolean;
  /** Name of the node of a cluster that this is a thread of; undefined while that is not known: then it is told later. */
  readonly node: string | undefined;
  /** Undefined in a nexus that does not trace. */
  readonly tracing: ResolvedTracing | undefined;
  /** Processor this worker is tied to. */
  readonly cpu: number | undefined;
  /** Agents that have subscriptions and move just now: slots and generations in turn (`moving-subscribers.ts`). */
  readonly movingAgents: readonly number[];
  /** How long the start of one agent is waited for when agents come back. */
  readonly startTimeoutMs: number;
}

/** Marks messages of the runtime: agents may use the port of their worker too. */
export const NEWS_MARK = 'nexus-agents';

export type WorkerNews =
  /** The modules are there; what its predecessor left is started now. */
  | { readonly type: 'imported' }
  /** It serves. Async starts of agents that come back may still run. */
  | { readonly type: 'ready'; readonly pinRefusal: Refusal | undefined }
  /** After `ready`, of a successor. */
  | { readonly type: 'restored'; readonly restored: number; readonly failed: number }
  | {
      readonly type: 'failed';
      readonly code: string | undefined;
      readonly message: string;
      readonly stack: string | undefined;
      readonly data: Record<string, unknown> | undefined;
    };
