/** The entry `nexus-agents/testing`. */
export { memoryStorage, type MemoryStorage, type MemoryStorageFault } from '../adapters/memory-storage.js';
export type { Clock } from '../ports/clock.js';
export { expectNothingLeft, type Leftovers, type WaitingAgent } from './leftovers.js';
export { createManualClock, type ManualClock, type ManualClockOptions, type PendingTimer } from './manual-clock.js';
export { createProbe, type Probe, type ProbeOptions, type Received, type ReceivedOf, type WaitOptions } from './probe.js';
export { createTestNexus, type RunReport, type TestNexus, type TestNexusOptions } from './test-nexus.js';
export { lineOf as transcriptLine, type TranscriptEntry } from './transcript.js';
export { nexusFor, stopAfter, type TestContext, withNexus, type WithNexusOptions, withSeeds } from './with-nexus.js';
export { type Answers, type Asked, type Effect, type EffectOf, type Spawned, UNANSWERED } from './effects.js';
export { type SendingOptions, testAgent, type TestAgent, type TestAgentOptions } from './test-agent.js';
export type { RegisterTest, Until } from './conformance/conformance.js';
export { wireConformance, type WireNetwork } from './conformance/wire-conformance.js';
export { transportConformance, type TransportNetwork, type TransportNode } from './conformance/transport-conformance.js';
