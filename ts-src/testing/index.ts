/** The entry `nexus-agents/testing`. */
export { memoryStorage, type MemoryStorage, type MemoryStorageFault } from '../adapters/memory-storage.js';
export type { Clock } from '../ports/clock.js';
export type {
  Reminder,
  StateVersion,
  Storage,
  StorageAttachment,
  StorageCounts,
  StorageSource,
  StorageWrite,
  StoredAgent,
  StoredEvent,
  StoredSnapshot,
  StoredVersion,
  ThreadStorage,
  Versioned,
} from '../ports/storage.js';
export { expectNothingLeft, type Leftovers, type WaitingAgent } from './leftovers.js';
export { createManualClock, type ManualClock, type ManualClockOptions, type PendingTimer } from './manual-clock.js';
export { createProbe, type Probe, type ProbeOptions, type Received, type ReceivedOf, type WaitOptions } from './probe.js';
export { createTestNexus, type RunReport, type TestNexus, type TestNexusOptions } from './test-nexus.js';
export { lineOf as transcriptLine, type TranscriptEntry } from './transcript.js';
export { createTestCluster, type TestCluster, type TestClusterOptions, type TestNodes, withCluster } from './test-cluster.js';
export type { TestNode } from './test-node.js';
export type { Distribution } from './simulation/distribution.js';
export type { LinkConditions } from './simulation/link.js';
export type { DiskFaults } from './simulation/simulated-disk.js';
export type { CrashOptions, NodeStatus } from './simulation/simulated-node.js';
export { type TraceEntry, type TraceMark, traceLine } from './simulation/trace.js';
export { nexusFor, stopAfter, type TestContext, withNexus, type WithNexusOptions, withSeeds } from './with-nexus.js';
export { type Answers, type Asked, type Effect, type EffectOf, type Spawned, UNANSWERED } from './effects.js';
export { type SendingOptions, testAgent, type TestAgent, type TestAgentOptions } from './test-agent.js';
export type { RegisterTest, Until } from './conformance/conformance.js';
export { wireConformance, type WireNetwork } from './conformance/wire-conformance.js';
export { storageConformance } from './conformance/storage-conformance.js';
export { transportConformance, type TransportNetwork, type TransportNode } from './conformance/transport-conformance.js';
export type { Fault, FaultKind } from './simulation/fault.js';
export type { Plan } from './simulation/plan.js';
export { defineSimulation, simulate, type SimulateOptions, type SimulateReport, type SimulationDefinition } from './simulation/define-simulation.js';
export type { SimulatedCluster } from './simulation/nexus-simulation.js';
export {
  checkLinearizable,
  type LinearizabilityFailure,
  type LinearizabilityOptions,
  type LinearizabilityResult,
} from './linearizability/check-linearizable.js';
export type { HistoryOperation } from './linearizability/history.js';
export { type HistoryLogOptions, historyText, type LoggedInput, parseHistory } from './linearizability/history-log.js';
export { drawFailure, type HistoryPictureOptions } from './linearizability/history-picture.js';
export type { DeadEnd } from './linearizability/search.js';
export {
  casRegisterModel,
  keyValueModel,
  type MapInput,
  type RegisterInput,
  registerModel,
  type SequentialModel,
} from './linearizability/sequential-model.js';
