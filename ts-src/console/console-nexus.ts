/** What the console uses of a nexus. */
import type { AgentRef } from '../model/agent-ref.js';
import type { AgentInspection, FollowedMessage, SystemSnapshot } from '../model/observation.js';
import type { Nexus } from '../nexus.js';

export type ConsoleNexus = Pick<Nexus, 'agents' | 'agentTree' | 'find' | 'isStopping' | 'kinds' | 'summary' | 'supervisionTree'> & {
  snapshot(): Promise<SystemSnapshot>;
  inspect(id: string): Promise<AgentInspection | undefined>;
  pause(agent: AgentRef): Promise<void>;
  resume(agent: AgentRef): Promise<void>;
  follow(id: string, listener: (message: FollowedMessage) => void): Promise<() => void>;
  /** The flight record as bytes, where this nexus writes one. */
  flightRecord?(): Uint8Array;
};
