/** What listeners of a nexus are told, on the calling thread. */
import { NexusTypeError, optionError, valueText } from '../errors.js';
import { didYouMean, misspelt } from '../model/nearest-name.js';
import type { Signal } from '../model/signal.js';
import type { BalancingRound } from './balancing.js';
import type { DeadLetter } from './dead-letters.js';
import type { AgentFailure } from './system-calls.js';
import type { ThreadLoss } from './worker-pool.js';

/** The events of `nexus.on` by name, with what their listeners get. */
export interface NexusEvents {
  /** A message that could not be delivered. */
  deadLetter: [DeadLetter];
  /** Every signal, of whatever topic, from any thread. `subscribe` is for those of some topics. */
  signal: [Signal];
  /** A handler, hook or start failed on any thread; supervision deals with it. */
  agentFailed: [AgentFailure];
  /** An agent of the calling thread escalated and has no parent. Without a listener it is thrown, as an uncaught exception. */
  escalated: [AgentFailure];
  threadLost: [ThreadLoss];
  /** A successor serves, and its agents have started, or were waited for as long as `workers.startTimeoutMs`: those that still start are not counted. */
  threadRestored: [{ readonly thread: number; readonly restored: number; readonly failed: number }];
  /** A thread was lost too often and is given up. */
  threadFailed: [ThreadLoss];
  /** A round of the loop that relieves threads: what it saw, did and achieved. Every `balancing.periodMs`. */
  balanced: [BalancingRound];
  /** This node of a cluster is no member any more, and stops its agents: the nexus stops. */
  fenced: [{ readonly because: string }];
  /** `drain` was called: agents leave for other nodes, then the nexus stops. */
  draining: [];
}

const EVENTS: readonly (keyof NexusEvents)[] = [
  'deadLetter',
  'signal',
  'agentFailed',
  'escalated',
  'threadLost',
  'threadRestored',
  'threadFailed',
  'balanced',
  'fenced',
  'draining',
];

/** @throws NexusTypeError NEXUS_OPTION_INVALID, NEXUS_OPTION_UNKNOWN */
export function checkEvent(event: string, listener: unknown): void {
  if ((EVENTS as readonly string[]).includes(event)) {
    if (typeof listener === 'function') return;
    throw optionError('listener', `of '${event}' must be a function, not ${typeof listener}`);
  }
  throw new NexusTypeError(
    'NEXUS_OPTION_UNKNOWN',
    `there is no event ${valueText(event)}${didYouMean(event, EVENTS)} Events are ${EVENTS.join(', ')}`,
    misspelt(event, EVENTS),
  );
}
