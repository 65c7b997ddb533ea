/**
 * What a thread knows of other nodes for the ties of its agents: what this node is called, which nodes are gone for good, and calls about ties, which are made again until they are answered or the other node is gone. So the
 * end of an agent becomes known to those tied to it whatever is lost on the way, and at the latest when its node is removed. The calling thread tells all threads of the nodes (`cluster/entries/node-losses.ts`).
 *
 * Not here: what a tie is (`watches.ts`, `agent-links.ts`, `lineage.ts`), and how a call gets to the other node.
 */
import { NexusError } from '../../errors.js';
import type { Logger } from '../../model/agent-context.js';
import { type NodeIdentity, nodeKey, sameNode } from '../../model/node-identity.js';
import type { Clock } from '../../ports/clock.js';
import type { AgentReference } from '../agent-reference.js';
import type { ReplicatedEntries } from '../replicated-entries.js';
import type { ThreadHost } from '../thread-host.js';
import type { SystemCallName, SystemCalls } from '../system-calls.js';
import type { NamedAgent } from './agent-keys.js';
import type { RemoteAgents } from './remote-agents.js';

const CALL_TIMEOUT_MS = 5000;
/** Between a call that came to nothing and the next: at first, and at most. */
const AGAIN_MS = 50;
const AGAIN_MS_MAX = 2000;
/** What may be different a moment later. */
const PASSING: ReadonlySet<unknown> = new Set([
  ...['NEXUS_ASK_TIMEOUT', 'NEXUS_OUTCOME_UNKNOWN', 'NEXUS_NODE_UNREACHABLE', 'NEXUS_BACKPRESSURE', 'NEXUS_REGISTRY_TIMEOUT'],
  'NEXUS_THREAD_LOST',
]);
const NOT_THERE: ReadonlySet<unknown> = new Set(['NEXUS_AGENT_NOT_FOUND', 'NEXUS_AGENT_STOPPED']);

const GONE = 'gone ';

/** What the calling thread tells all threads of nodes: the key and the value of an entry. `shaken`: it has lost a thread, for the `count`th time. */
export type NodeNews =
  | { readonly type: 'self'; readonly node: NodeIdentity }
  /** Of those that are no members, whoever has no greater incarnation is gone, and comes back with a greater one alone. So nothing has to be remembered of any that ever were. */
  | { readonly type: 'view'; readonly members: readonly NodeIdentity[]; readonly incarnationFloor: number }
  /** Said of each at the moment. */
  | { readonly type: 'gone'; readonly node: NodeIdentity }
  | { readonly type: 'shaken'; readonly node: NodeIdentity; readonly count: number };

export function newsKeyOf(news: NodeNews): string {
  if (news.type === 'gone') return `${GONE}${news.node.name}`;
  return news.type === 'shaken' ? `shaken ${nodeKey(news.node)}` : news.type;
}

/** What became of a call. `home`: the agent is of this node by now. */
export type TieAnswer<T> =
  | { readonly type: 'answer'; readonly value: T }
  | { readonly type: 'notThere' }
  | { readonly type: 'nodeLost'; readonly node: NodeIdentity }
  | { readonly type: 'home' }
  | { readonly type: 'over' };

export interface NodeTiesNeeds {
  readonly thread: number;
  readonly entries: ReplicatedEntries;
  readonly clock: Clock;
  readonly logger: Logger;
  remote(): RemoteAgents | undefined;
  isClosed(): boolean;
}

export class NodeTies {
  readonly #needs: NodeTiesNeeds;
  /** By name, the latest incarnation: of as many as are remembered (`cluster/entries/node-losses.ts`). Whether one is gone does not rest on it, but who was told so does. */
  readonly #gone = new Map<string, number>();
  #members: ReadonlySet<string> = new Set();
  #incarnationFloor = -1;
  readonly #listeners: ((node: NodeIdentity, isGone: boolean) => void)[] = [];
  #self: NodeIdentity | undefined;
  /** Calls that are not answered yet. */
  underway = 0;

  constructor(needs: NodeTiesNeeds) {
    this.#needs = needs;
    needs.entries.listen('nodes', ({ key, value }) => {
      if (value === undefined) return void (key.startsWith(GONE) && this.#gone.delete(key.slice(GONE.length)));
      const news = value as NodeNews;
      if (news.type === 'self') this.#self = news.node;
      else if (news.type === 'shaken') this.#tell(news.node, false);
      else if (news.type === 'view') {
        this.#members = new Set(news.members.map(nodeKey));
        this.#incarnationFloor = news.incarnationFloor;
      } else if (news.node.incarnation > (this.#gone.get(news.node.name) ?? -1)) {
        this.#gone.set(news.node.name, news.node.incarnation);
        this.#tell(news.node, true);
      }
    });
  }

  /** Told when a node has left or was removed, and runs nothing any more (`isGone`), or has lost a thread: what is tied to its agents may have to be tied anew, or has ended. */
  onLoss(listener: (node: NodeIdentity, isGone: boolean) => void): void {
    this.#listeners.push(listener);
  }

  /** Whether this is a node of a cluster. */
  get isNode(): boolean {
    return this.#needs.remote() !== undefined;
  }

  isGone(node: NodeIdentity): boolean {
    const { name, incarnation } = node;
    if (incarnation <= (this.#gone.get(name) ?? -1)) return true;
    return incarnation <= this.#incarnationFloor && !this.#members.has(nodeKey(node));
  }

  /** Whether some start of this node is gone, and it was not so long ago that nobody remembers. */
  isGoneName(name: unknown): boolean {
    return typeof name === 'string' && this.#gone.has(name);
  }

  /**
   * Whether an agent of another node may be on that one, or have been when that was lost (`isGone`): it may have moved there, which only those are told that have sent it something since. Of what happens on a node that is
   * there the calling thread, which keeps track of those that move, need not be told.
   */
  mayBeOn(agent: AgentReference, node: NodeIdentity, isGone: boolean): boolean {
    // It may be to one that was here and has moved.
    if (!this.leads(agent) || agent.remote === undefined) return false;
    const { remote } = agent;
    return sameNode(remote.node, node) || (remote.life >= 0 && (isGone || this.#needs.thread !== 0));
  }

  /** Whether an agent is to be looked for on another node. */
  leads(agent: AgentReference): boolean {
    return this.#needs.remote()?.leads(agent) === true;
  }

  /** What all nodes call an agent of this one, of which another node has said which one of its id it is. */
  nameWith({ kind, id }: AgentReference, life: number): NamedAgent | undefined {
    return this.#self === undefined ? undefined : { kind, id, life, node: this.#self };
  }

  /** What all nodes call a live agent of this one. Only the calling thread knows. */
  nameOf(agent: AgentReference): NamedAgent | undefined {
    const life = this.#needs.remote()?.lifeOf(agent);
    return life === undefined ? undefined : this.nameWith(agent, life);
  }

  #tell(node: NodeIdentity, isGone: boolean): void {
    for (const listener of this.#listeners) listener(node, isGone);
  }

  /**
   * Never rejects.
   * @param timeoutMs of each attempt
   * @param deadlineMs when it comes to nothing, as if the node was gone. Default: as long as the node is there
   */
  async ask<N extends SystemCallName>(
    agent: AgentReference,
    name: N,
    input: Parameters<SystemCalls[N]>[0],
    timeoutMs = CALL_TIMEOUT_MS,
    deadlineMs = Number.POSITIVE_INFINITY,
  ): Promise<TieAnswer<Awaited<ReturnType<SystemCalls[N]>>>> {
    this.underway++;
    try {
      for (let waitMs = AGAIN_MS; ; waitMs = Math.min(AGAIN_MS_MAX, waitMs * 2)) {
        const remote = this.#needs.remote();
        if (remote === undefined || this.#needs.isClosed()) return { type: 'over' };
        if (!remote.leads(agent) || agent.remote === undefined) return { type: 'home' };
        const { node } = agent.remote;
        try {
          return { type: 'answer', value: await remote.request(node, agent, name, input, timeoutMs) };
        } catch (error) {
          const code = error instanceof NexusError ? error.code : undefined;
          if (NOT_THERE.has(code)) return { type: 'notThere' };
          if (code === 'NEXUS_STOPPED') return { type: 'over' };
          if (this.isGone(node) || this.#needs.clock.nowMs() >= deadlineMs) return { type: 'nodeLost', node };
          if (!PASSING.has(code)) {
            this.#needs.logger.warn({ error, node: node.name, agent: agent.id, call: name }, 'a call about the tie of two agents failed');
            return { type: 'notThere' };
          }
        }
        await new Promise<void>((resolve) => this.#needs.clock.after(waitMs, resolve, false));
      }
    } finally {
      this.underway--;
    }
  }
}

export function nodeTiesOf(host: ThreadHost): NodeTies {
  const { thread, entries, clock, logger } = host;
  return new NodeTies({ thread, entries, clock, logger, remote: () => host.remote, isClosed: () => host.links.isClosed });
}
