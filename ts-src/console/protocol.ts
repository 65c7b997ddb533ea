/** What goes over the WebSockets and in the answers of the console, as types for both ends: the gateway and the page. Additions are compatible; the rest is not. */
import type { ClusterSnapshot } from '../model/cluster-snapshot.js';
import type { AgentLocation } from '../model/agent-location.js';
import type { IdSnapshot } from '../model/id-snapshot.js';
import type { FollowedMessage, SystemSnapshot } from '../model/observation.js';
import type { AgentNode } from '../model/supervision-tree.js';

export const CONSOLE_ACTIONS = ['pause', 'resume', 'stop'] as const;

/** What the console may do to an agent for who has its token. */
export type ConsoleAction = (typeof CONSOLE_ACTIONS)[number];

/** A snapshot of the nexus, with that of its cluster where it is a node of one. */
export interface ConsoleSnapshot extends SystemSnapshot {
  readonly cluster?: ClusterSnapshot;
}

/** From `/console/live`. The hello comes first. */
export type LiveMessage =
  | {
      readonly type: 'hello';
      readonly version: string;
      readonly pid: number;
      /** What this client has asked for. */
      readonly intervalMs: number;
      /** Those that a token allows; empty where the console is read-only. */
      readonly actions: readonly ConsoleAction[];
      /** Whether `/console/flight` has the flight record. */
      readonly hasFlightRecord: boolean;
      /** Of `ActionSnapshot.distribution`. */
      readonly distributionBoundsMs: readonly number[];
    }
  | {
      readonly type: 'snapshot';
      /** Of this client, from 1: a slow one that was not sent every snapshot finds a gap. */
      readonly sequence: number;
      readonly snapshot: ConsoleSnapshot;
    }
  /** A snapshot could not be taken; the next one is tried at its time. */
  | { readonly type: 'unavailable'; readonly message: string };

/** From `/console/follow`. */
export type FollowMessage =
  | { readonly type: 'following'; readonly id: string }
  | { readonly type: 'message'; readonly message: FollowedMessage }
  /** That many messages were not sent, because they came faster than they may, or than the client took them. */
  | { readonly type: 'dropped'; readonly count: number }
  /** The agent has ended; the socket is closed. */
  | { readonly type: 'ended' };

/** From `/console/tree?root=ID`. */
export interface Subtree {
  readonly root: AgentNode;
}

/** Where an agent is, and who says so. */
export interface WhereAnswer {
  /** Absent if no agent has the id. */
  readonly location?: AgentLocation | undefined;
  /** What the node that was asked knows of the id; absent in a nexus that is no node of a cluster. */
  readonly known?: IdSnapshot | undefined;
}
