/** The public entry of `nexus-agents`. */
export type { ActionWrites, DurableOptions, DurableWrites } from './model/durable-options.js';
export type { StorageSource } from './ports/storage.js';
export { createNexus } from './create-nexus.js';
export { ERROR_CODES, type ErrorCode, NexusError, NexusTypeError } from './errors.js';
export type { AgentClock, AgentContext, AgentTimer, Logger } from './model/agent-context.js';
export type { Actions, ActionWithOptions, Handler, InputOf, ReplyOf } from './model/action.js';
export {
  type AgentDefinition,
  type AgentSpecification,
  type AnyAgent,
  type Backoff,
  type Directive,
  type MailboxOptions,
  type Overflow,
  type StopReason,
  type Supervision,
  type Terminated,
  defineAgent,
} from './model/agent-definition.js';
export type { ActionName, ActionsOf, AgentRef, AskArguments, AskOptions, TellArguments, TellOutcome } from './model/agent-ref.js';
export type { HistogramName, HistogramSnapshot } from './model/histogram.js';
export {
  type ArrayShape,
  describeShape,
  type EnumerationShape,
  fingerprint,
  type Infer,
  type LeafShape,
  type NullableShape,
  type ObjectShape,
  type OptionalShape,
  type Shape,
  shape,
  type TupleShape,
} from './model/shape.js';
export type { PlacementPlan, PlacementPolicy } from './model/thread-placement.js';
export type { Refusal } from './model/topology.js';
export type { InitOf, Routing, SendOptions, SpawnArguments, SpawnOptions, ThreadChoice } from './model/spawn-options.js';
export type { NexusTopology } from '../bindings/placement.js';
export type { AgentSummary, Nexus, NexusEvents, StopReport, ThreadState, ThreadStatistics } from './nexus.js';
export type { EngineOptions, MemoryOptions, MessageOptions, NexusOptions, StorageOptions, WorkerOptions, WorkerRestartOptions } from './options.js';
export type { EngineKind, EngineReport, TableStatistics } from './ports/engine.js';
export type { DeadLetter, DeadLetterReason } from './runtime/dead-letters.js';
export type { AgentFailure, Signal } from './runtime/system-calls.js';
export type { ThreadLoss } from './runtime/worker-pool.js';
