/** The tree of supervision as `nexus.supervisionTree()` shows it: plain values, which can be sent and printed. Who fills it is `runtime/describing.ts`. */
import { optionError, valueText } from '../errors.js';
import { checkNames } from './nearest-name.js';
import type { RestartType, Strategy } from './supervisor.js';

/** How much of the tree `nexus.supervisionTree` shows; `omitted` of a node says how many children are left out. */
export interface SupervisionTreeOptions {
  /** Levels of agents below a thread. Default 16, 1 to 256. */
  readonly depthMax?: number;
  /** Agents shown at each place. Supervisors come first. Default 100, 1 to 10,000. */
  readonly agentsMax?: number;
}

/** What a thread says of the agents below it, or below some of them. */
export interface TreeLimits {
  readonly depthMax: number;
  readonly agentsMax: number;
  /** How long other nodes are waited for: they wait half as long for others again. Default 1,500. */
  readonly nodeTimeoutMs?: number;
}

/** How the failures of what is below a node are dealt with. */
export interface NodePolicy {
  readonly strategy: Strategy;
  readonly intensity: number;
  readonly periodMs: number;
}

/** An agent in the supervision tree, with those it supervises or has spawned. */
export interface AgentNode {
  readonly type: 'agent';
  readonly id: string;
  readonly kind: string;
  /** Of its node. Undefined for a child that is not there now. */
  readonly thread: number | undefined;
  /** Name of its node, where that is another one of the cluster. */
  readonly node?: string;
  /** `starting`, `ready`, `busy`, `waiting` (for its restart), `ending`, `absent`; `unknown` if its thread or node did not answer. */
  readonly status: string;
  readonly restarts: number;
  /** Of a child of a supervisor. */
  readonly restart: RestartType | undefined;
  /** Of a supervisor. */
  readonly policy: NodePolicy | undefined;
  readonly children: readonly AgentNode[];
  /** Children that are not shown: there are more than `agentsMax`, or they are deeper than `depthMax`. */
  readonly omitted: number;
}

/** A part of a thread's own. */
export interface ServiceNode {
  readonly type: 'service';
  readonly id: string;
  readonly status: string;
  readonly restarts: number;
}

/** What a thread says of itself. */
export interface ThreadTree {
  readonly policy: NodePolicy;
  readonly services: readonly ServiceNode[];
  /** Those without parents. */
  readonly agents: readonly AgentNode[];
  readonly omitted: number;
}

/** A thread in the supervision tree. */
export interface ThreadNode extends ThreadTree {
  readonly type: 'thread';
  readonly id: string;
  readonly thread: number;
  /** As in `threads()`. One that did not answer has no children here. */
  readonly status: string;
  /** How often it was replaced. */
  readonly restarts: number;
}

/** The whole tree, as a plain value: the process and its threads. */
export interface ProcessNode {
  readonly type: 'process';
  readonly id: string;
  readonly policy: NodePolicy;
  readonly threads: readonly ThreadNode[];
}

/** @throws NexusTypeError NEXUS_OPTION_INVALID, NEXUS_OPTION_UNKNOWN */
export function treeLimits(options: SupervisionTreeOptions): TreeLimits {
  checkNames('supervisionTree', options, ['depthMax', 'agentsMax']);
  const { depthMax = 16, agentsMax = 100 } = options;
  whole('depthMax', depthMax, 256);
  whole('agentsMax', agentsMax, 10_000);
  return { depthMax, agentsMax };
}

function whole(name: string, value: number, max: number): void {
  if (!(Number.isInteger(value) && value >= 1 && value <= max)) throw optionError(name, `is ${valueText(value)}; it must be a whole number from 1 to ${max}`);
}
