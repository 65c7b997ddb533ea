/** The public entry of `nexus-agents`. */
export type { CopiesSnapshot } from './model/copies-snapshot.js';
export type { ActionWrites, DurableOptions, DurableWrites } from './model/durable-options.js';
export type { StorageSource } from './ports/storage.js';
export { createNexus } from './create-nexus.js';
export { defineAgent } from './define-agent.js';
export { ERROR_CODES, type ErrorCode, NexusError, NexusTypeError } from './errors.js';
export type { AgentClock, AgentContext, AgentTimer, Logger, Slices } from './model/agent-context.js';
export type { Actions, ActionWithOptions, Decided, Decision, Handler, InputDeclaration, InputOf, ReplyOf } from './model/action.js';
export type {
  AgentDefinition,
  AgentSpecification,
  AnyAgent,
  Backoff,
  Directive,
  MailboxOptions,
  Overflow,
  StopReason,
  Supervision,
  Terminated,
} from './model/agent-definition.js';
export type { NodeIdentity } from './model/node-identity.js';
export type { AgentLocation } from './model/agent-location.js';
export type { LocateOptions } from './runtime/remote/locate-agents.js';
export type { ActionName, ActionsOf, AgentRef, AskArguments, AskOptions, OfferArguments, OfferOptions, TellArguments, TellOutcome } from './model/agent-ref.js';
export { type Effect, effect, type Reply } from './model/effect.js';
export { type Facts, facts } from './model/facts.js';
export { type CloudEvent, type CloudEventOptions, fromCloudEvent, type PublishedEvent, toCloudEvent } from './model/cloud-event.js';
export { defineSensor, type Sensed, type SensedSignal, type SensorDefinition, type SensorSource, type SensorSpecification } from './model/define-sensor.js';
export {
  type ChildSpecification,
  type ChildSummary,
  type SupervisorActions,
  type SupervisorSpecification,
  type SupervisorState,
  defineSupervisor,
} from './model/supervisor-definition.js';
export type { ChildStatus, RestartType, Strategy, SupervisorPolicy } from './model/supervisor.js';
export type { AgentNode, NodePolicy, ProcessNode, ServiceNode, SupervisionTreeOptions, ThreadNode, ThreadTree } from './model/supervision-tree.js';
export type { BroadcastReport, GatherOptions, GatherReport, Group, GroupAskOptions, GroupOptions, GroupRouting, GroupTellOptions } from './model/group.js';
export type { HistogramName, HistogramSnapshot } from './model/histogram.js';
export {
  type ActionSnapshot,
  type AgentInspection,
  DISTRIBUTION_BOUNDS_MS,
  type DurationSummary,
  type FlowSnapshot,
  type FollowedMessage,
  type FollowEvent,
  type KindSnapshot,
  type MailboxSnapshot,
  type SystemSnapshot,
  type TextPreview,
  type ThreadSnapshot,
  type WaitingMessage,
} from './model/observation.js';
export type { InspectOptions } from './runtime/agent-control.js';
export type { FollowOptions } from './runtime/followers.js';
export type { SnapshotsOptions } from './runtime/system-observer.js';
export type { MeterableBreaker } from './model/breaker-meter.js';
export type { ObservedOperation, ObserveOptions } from './model/observe-options.js';
export {
  OPERATION_BOUNDS_NS,
  type BreakerOutcome,
  type BreakerStateName,
  type BreakerStatistics,
  type OperationStatistics,
} from './model/operation-statistics.js';
export type { ReadonlyDeep } from './model/readonly-deep.js';
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
export { type AnySkill, defineSkill, type Skill, type SkillSensor, type SkillSpecification } from './model/skill.js';
export type { Issue } from './model/standard-schema.js';
export type { PublishOptions, Signal, SignalAttributes, SignalOf } from './model/signal.js';
export { type DataOf, defineTopic, type Subscriptions, type Topic } from './model/topic.js';
export type { PlacementPlan, PlacementPolicy } from './model/thread-placement.js';
export type { Refusal } from './model/topology.js';
export type { InitOf, NodeChoice, Routing, SendOptions, SpawnArguments, SpawnOptions, ThreadChoice } from './model/spawn-options.js';
export type { NexusTopology } from '../bindings/placement.js';
export type { DrainOptions, DrainReport } from './cluster/moves/drain.js';
export type { MigrationFailure, MigrationOptions, MigrationReport, MigrationTarget } from './runtime/migration-options.js';
export type { NexusEvents } from './runtime/nexus-events.js';
export type { StopReport } from './runtime/nexus-shutdown.js';
export type { AgentSummary, Nexus, ThreadState, ThreadStatistics } from './nexus.js';
export type { EngineOptions, MemoryOptions, MessageOptions, NexusOptions, StorageOptions, WorkerOptions, WorkerRestartOptions } from './options.js';
export type { BalancingOptions } from './model/balancing-options.js';
export type { FlightRecorderOptions, FlightSignal } from './model/flight-options.js';
export type { FlightRecorderReport } from './runtime/flight-dumps.js';
export type { BalancingOutcome, BalancingRound } from './runtime/balancing.js';
export type { MeasuredLoad } from './runtime/thread-load.js';
export type { ThreadMeasures } from './model/balancing.js';
export type { EngineKind, EngineReport, TableStatistics } from './ports/engine.js';
export type { DeadLetter, DeadLetterReason } from './runtime/dead-letters.js';
export type { AgentFailure } from './runtime/system-calls.js';
export type { ThreadLoss } from './runtime/worker-pool.js';
