/**
 * What a thread of a node asks of the other nodes: the part of `ThreadHost` that sends where its own table does not lead. Absent (`host.remote` is undefined) in a nexus that is no node of a cluster.
 * On the calling thread it is `cluster/agents/`, on a worker it passes everything on to the calling thread.
 */
import type { NodeIdentity } from '../../model/node-identity.js';
import type { TellOutcome } from '../../model/agent-ref.js';
import type { AgentLocation } from '../../model/agent-location.js';
import type { RemoteAgent } from '../../model/remote-agent.js';
import type { AgentReference } from '../agent-reference.js';
import type { ActionEntry, Kind } from '../kind.js';
import type { MessageSender } from '../mailbox.js';
import type { ReplyPort } from '../pending-asks.js';
import type { SystemCallName, SystemCalls } from '../system-calls.js';

export interface RemoteAgents {
  /** Whether an agent that the table of this nexus does not have is, or may be, on another node: a reference that says so, or one to an agent that was here and has moved. One that has come home is set to where it is, and false is said of it. */
  leads(target: AgentReference): boolean;
  /** Whether what is sent to this agent, which the table of this nexus has and which is marked, goes by `send` all the same, behind what was sent to it when it was on another node, or is to be. */
  goesRound(target: AgentReference): boolean;
  /** What a reference to this agent holds: one object for all references to it, where that is worth its memory. */
  remoteOf(id: string, node: NodeIdentity, life: number): RemoteAgent;
  /** The agent of this thread's nexus that a reference of another node means by now: it has come here. Undefined where this thread does not know, or where something that was sent to it before may still be on its way. */
  homeOf(target: AgentReference): AgentReference | undefined;
  /** On the calling thread: resolves when an agent that leaves this node has left, or stays, and what waited for it on its thread has been sent on. */
  hasLeft(id: string, life: number): Promise<void>;
  /** Which agent of its id a local reference means, for all nodes; undefined if its agent has ended. */
  lifeOf(local: AgentReference): number | undefined;
  /**
   * To an agent of another node, in the order of the calls: a tell without, an ask with `reply`. The outcome of a tell is what is known when the call returns.
   * @param isSentOn it was sent to where the agent was on this node, before it left: it goes before what is sent since
   */
  send(target: AgentReference, action: ActionEntry, input: unknown, reply: ReplyPort | undefined, sender: MessageSender, isSentOn?: boolean): TellOutcome;
  /** One message to each of them: one frame to each node, for each kind. In their order. */
  tellMany(targets: readonly AgentReference[], action: string, input: unknown, sender: MessageSender): readonly TellOutcome[];
  /** Where agents are, in the order of their ids: one message to each node that has to be asked. Rejects with NEXUS_REGISTRY_TIMEOUT, NEXUS_ASK_TIMEOUT, NEXUS_STOPPED. */
  locate(ids: readonly string[], timeoutMs: number): Promise<readonly (AgentLocation | undefined)[]>;
  /** To whatever agent has this id in the cluster: waits, in order, until it is known where that is. */
  sendTo(id: string, action: string, input: unknown, sender: MessageSender): TellOutcome;
  /** Ends an agent of another node, behind the messages that this thread has sent it. Rejects with NEXUS_STOP_TIMEOUT, NEXUS_OUTCOME_UNKNOWN, NEXUS_NODE_UNREACHABLE. */
  stop(target: AgentReference, timeoutMs: number): Promise<void>;
  /** A call to the runtime of another node, on the thread that has `agent` where one is given; ordered with messages to that agent. Without an answer. */
  call<N extends SystemCallName>(node: NodeIdentity, agent: AgentReference | undefined, name: N, input: Parameters<SystemCalls[N]>[0]): void;
  /** As `call`, with an answer. Rejects with NEXUS_ASK_TIMEOUT, NEXUS_OUTCOME_UNKNOWN, NEXUS_NODE_UNREACHABLE. */
  request<N extends SystemCallName>(
    node: NodeIdentity,
    agent: AgentReference | undefined,
    name: N,
    input: Parameters<SystemCalls[N]>[0],
    timeoutMs: number,
  ): Promise<Awaited<ReturnType<SystemCalls[N]>>>;
  /** A reference to an agent of this id that is known to be on another node, without asking anybody. @throws NexusError NEXUS_KIND_MISMATCH */
  find(id: string, kind: Kind | undefined): AgentReference | undefined;
}
