/**
 * Ids of the whole cluster, as a thread of a node asks for them: before an agent with such an id starts, its node takes the id in the registry, and gives it back when the agent has ended. Absent (`host.placing` is
 * undefined) in a nexus that is no node of a cluster. On the calling thread it is `cluster/moves/placing.ts`, on a worker it passes everything on to the calling thread. Not here: messages (`remote-agents.ts`).
 */
import { NexusError, optionError, quoted, valueText } from '../../errors.js';
import type { NodeIdentity } from '../../model/node-identity.js';
import type { Placement } from '../../model/registration.js';
import type { NodeChoice } from '../../model/spawn-options.js';
import type { AgentReference } from '../agent-reference.js';
import type { Kind } from '../kind.js';
import type { LocatedHere } from './locate-here.js';

/** What an id is taken for. */
export interface IdClaim {
  readonly id: string;
  /** Name of its kind. */
  readonly kind: string;
  readonly placement: Placement;
  /** Encoded by `encodeInit`, of an agent that is started again when its node is lost. */
  readonly init: Uint8Array | undefined;
  readonly timeoutMs: number;
}

/** An agent that is to start on some node. */
export interface NodeSpawn {
  readonly kind: string;
  readonly id: string;
  readonly init: unknown;
  /** A number is that thread of whichever node. */
  readonly thread: 'auto' | number;
  readonly node: NodeChoice;
  readonly placement: Placement;
  readonly parent: AgentReference | undefined;
  readonly timeoutMs: number;
}

export interface NodePlacing {
  /** Name of this node. */
  readonly node: string;
  /**
   * Resolves when agents of this id may start on this node and nowhere else: to whether the next one has the life of one that other nodes had, so that it is to be marked as coming from there (`record-word.ts`). `settled` must follow, whatever became of it. Waits for the node to be a member. Rejects with NEXUS_ID_DUPLICATE (`data.node` says where the
   * id is, if not on this node), NEXUS_REGISTRY_TIMEOUT, NEXUS_JOIN_TIMEOUT, NEXUS_NODE_FENCED, NEXUS_STOPPED.
   */
  claim(claim: IdClaim, thread?: number): Promise<boolean>;
  /** What was claimed for has started, or has not: without an agent the id is given back. */
  settled(id: string, thread?: number): void;
  /** On the calling thread: a worker settles nothing any more that it has claimed. */
  threadLost(thread: number): void;
  /** An agent of this thread has ended, or was removed from the table. It may still be in it until the end of the turn. */
  ended(id: string): void;
  /** On the calling thread: an agent of this id that is in no table yet, but about to be in that of this node. Other nodes may have heard already that it is here. */
  coming(id: string): LocatedHere | undefined;
  /** On the node that `node` says. Rejects as `spawn`, and with NEXUS_NODE_UNREACHABLE, NEXUS_OUTCOME_UNKNOWN, NEXUS_OPTION_INVALID (no such member). */
  spawn(spawn: NodeSpawn): Promise<AgentReference>;
  /** The agent of this id on whichever node, or a new one on the node that `node` says. */
  getOrSpawn(spawn: NodeSpawn): Promise<AgentReference>;
  /** On the calling thread: moves an agent of this node to another one. */
  moveToNode(call: { readonly id: string; readonly node: NodeIdentity; readonly timeoutMs: number }): Promise<void>;
}

/** Ids that the runtime makes up are of their node, and have its name in front. */
export function generatedId(node: string | undefined, kind: string, number: string): string {
  return `${node === undefined ? '' : `${node}/`}${kind}#${number}`;
}

/** Thread, incarnation, number: an id that somebody has given may look like the rest. */
const GENERATED = /^([^/]+)\/(.+)#\d+\.\d+\.[0-9a-z]+$/s;

/** The name of the node whose runtime has made up an id; undefined for one that somebody has given. */
export function generatedBy(id: string): string | undefined {
  return GENERATED.exec(id)?.[1];
}

/** Whether an id was made up by the runtime of some node. */
export function isGeneratedId(kind: string, id: string): boolean {
  return id.indexOf(`/${kind}#`) > 0 && GENERATED.exec(id)?.[2] === kind;
}

/** Whether an id of this kind is one of the cluster. */
export function isOfCluster(placing: NodePlacing, kind: Kind, id: string): boolean {
  return !kind.isOfNode && !(id.startsWith(`${placing.node}/${kind.name}#`) && isGeneratedId(kind.name, id));
}

/** @throws NexusTypeError NEXUS_OPTION_INVALID */
export function checkNodeChoice(node: unknown, isNode: boolean): void {
  if (node === undefined || node === null) return;
  if (typeof node !== 'string' || node === '') throw optionError('node', `is ${valueText(node)}; it must be 'here', 'ring', 'auto' or the name of a member`);
  if (!isNode && node !== 'here' && node !== 'ring' && node !== 'auto')
    throw optionError('node', `is ${quoted(node)}, and this nexus is no node of a cluster: leave it out, or give createNexus the option cluster`);
}

/** Of an id that another node has. */
export function idElsewhere(kind: string, id: string, node: string): NexusError {
  return new NexusError('NEXUS_ID_DUPLICATE', `an agent with id ${quoted(id)} exists already, on node ${node}; use getOrSpawn to get it, or another id`, {
    data: { id, kind, node },
  });
}
