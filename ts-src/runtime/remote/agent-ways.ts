/**
 * Which way a worker sends to agents that come to this node from another one, or leave it for one. To an agent of another node it goes by the calling thread, to one of this node straight to the agent's thread, and what
 * goes the one way must not overtake what went the other. So a way changes in one step for all references to an agent: what is sent meanwhile is kept here, in order, until what went the old way has come.
 *
 * An agent that has come, or was started here again because its node was lost, is marked (`record-word.ts`): what is sent to it goes by the calling thread whatever reference is used, until that says that nothing of other nodes is on its way any more. The calling thread
 * itself needs none of this: its routes (`cluster/agents/routing.ts`) keep its order. For `WorkerRemoteAgents`.
 */
import { NexusError, quoted } from '../../errors.js';
import type { TellOutcome } from '../../model/agent-ref.js';
import type { NodeIdentity } from '../../model/node-identity.js';
import type { AgentReference } from '../agent-reference.js';
import type { ReplyPort } from '../pending-asks.js';
import { isComing, isMarkedAway } from '../record-word.js';
import type { ThreadHost } from '../thread-host.js';
import { lifeOf } from './agent-life.js';
import { MovedAway } from './moved-away.js';
import type { AgentAddress } from './node-departures.js';

/** Agents of this node that references of other nodes are known to mean. The oldest give way: a reference that is older than so many goes by the calling thread again, whatever others do. */
const HOME_MAX = 262_144;
/** Messages of this thread that are kept while ways change; more are refused. */
const KEPT_MAX = 65_536;
/** An answer of the calling thread comes, or the process ends. */
const ANSWER_TIMEOUT_MS = 86_400_000;
const CALLING_THREAD = { kind: 'thread', id: '0' };

/** An agent of this node as other nodes name it, and as this one does. */
export interface HomeAgent extends AgentAddress {
  readonly kind: number;
  readonly id: string;
  readonly life: number;
}

/** The way to one agent is about to be another. */
interface Change {
  /** Sends what was kept, in order. */
  readonly kept: (() => void)[];
  /** Changes, of which the last one says which way it is. */
  pending: number;
  over: Promise<void>;
}

export class AgentWays {
  readonly #host: ThreadHost;
  readonly #movedAway = new MovedAway();
  /** Agents that came from other nodes, and are sent to straight: by what other nodes name them by. */
  readonly #home = new Map<string, HomeAgent>();
  /** The same, and those that are about to be, by their address. */
  readonly #names = new Map<number, string>();
  readonly #changes = new Map<string, Change>();
  #keptCount = 0;

  constructor(host: ThreadHost) {
    this.#host = host;
  }

  /** Nothing has come here, and no way changes. */
  get isEmpty(): boolean {
    return this.#home.size === 0 && this.#changes.size === 0;
  }

  leads(target: AgentReference): boolean {
    if (target.remote === undefined && !this.#movedAway.follow(target)) return false;
    const home = this.isEmpty ? undefined : this.homeOf(target);
    if (home !== undefined) target.rebind(home);
    return home === undefined;
  }

  goesRound({ slot, generation }: AgentReference): boolean {
    const { shared, engine, thread } = this.#host;
    if (isComing(shared, slot)) {
      const name = this.#names.get(lifeOf(slot, generation));
      return name === undefined || this.#changes.has(name);
    }
    // What waits for it on its own thread is sent on from there, in order.
    return isMarkedAway(shared, slot) && this.#movedAway.has(slot, generation) && engine.table.threadOf(slot, generation) !== thread;
  }

  /** The agent of this node that a reference of another node means, if what is sent to it goes straight. */
  homeOf({ remote, id }: AgentReference): AgentReference | undefined {
    if (remote === undefined) return undefined;
    const name = nameOf(id, remote.life);
    const home = this.#changes.has(name) ? undefined : this.#home.get(name);
    if (home === undefined) return undefined;
    const { slot, generation, kind } = home;
    if (this.#host.engine.table.threadOf(slot, generation) >= 0) return this.#host.reference(slot, generation, kind, id);
    this.#forget(name);
    return undefined;
  }

  /** Keeps a message while the way to its agent changes. Undefined, with nothing done, if it does not. @param prepare returns what sends it when it has; @throws what that throws */
  keep(target: AgentReference, action: string, reply: ReplyPort | undefined, prepare: () => () => void): TellOutcome | undefined {
    if (this.#changes.size === 0) return undefined;
    const { remote, slot, generation } = target;
    const name = remote === undefined ? this.#names.get(lifeOf(slot, generation)) : nameOf(target.id, remote.life);
    const change = name === undefined ? undefined : this.#changes.get(name);
    if (change === undefined) return undefined;
    if (this.#keptCount < KEPT_MAX) {
      change.kept.push(prepare());
      this.#keptCount++;
      return 'accepted';
    }
    const text = `${KEPT_MAX} messages wait for agents that move: ${target.kind} ${quoted(target.id)} is sent messages faster than they go, and '${action}' was not sent; slow down`;
    reply?.fail(new NexusError('NEXUS_BACKPRESSURE', text, { data: { id: target.id, kind: target.kind, action } }));
    return 'full';
  }

  /** An agent of this node, on that thread, is of another node now. */
  movedAway({
    slot,
    generation,
    thread,
    id,
    node,
    life,
  }: AgentAddress & { readonly thread: number; readonly id: string; readonly node: NodeIdentity; readonly life: number }): void {
    this.#movedAway.add(slot, generation, id, { node, life });
    const name = nameOf(id, life);
    // From its own thread all goes one way, before and after.
    if (thread === this.#host.thread) return this.#forget(name);
    const flush = async (): Promise<void> => {
      if (thread > 0 && this.#host.links.canReach(thread)) await this.#host.router.roundTrip(thread);
      await this.#flushed([thread], { id, life });
    };
    void this.#change([name], flush, () => this.#forget(name));
  }

  /** Agents have come to this node, and what comes for them from other nodes has come. Resolves when this thread sends straight to them. */
  cameHome(agents: readonly HomeAgent[]): Promise<void> {
    const { table } = this.#host.engine;
    for (const { slot, generation, id, life } of agents) this.#names.set(lifeOf(slot, generation), nameOf(id, life));
    const threads = [...new Set(agents.map(({ slot, generation }) => table.threadOf(slot, generation)))].filter((thread) => thread >= 0);
    return this.#change(
      agents.map(({ id, life }) => nameOf(id, life)),
      () => this.#flushed(threads, undefined),
      () => {
        for (const agent of agents) this.#remember(agent);
      },
    );
  }

  /** Whatever this thread has sent by the calling thread to agents of these threads has come to them. */
  async #flushed(threads: readonly number[], leaving: { readonly id: string; readonly life: number } | undefined): Promise<void> {
    await this.#host.router.request(0, 'wayFlushed', { threads, leaving }, ANSWER_TIMEOUT_MS, CALLING_THREAD);
  }

  #change(names: readonly string[], flush: () => Promise<void>, settle: () => void): Promise<void> {
    const changes = names.map((name) => {
      const change = this.#changes.get(name) ?? { kept: [], pending: 0, over: Promise.resolve() };
      this.#changes.set(name, change);
      change.pending++;
      return change;
    });
    const over = Promise.all(changes.map((change) => change.over))
      .then(flush)
      // The nexus stops: nothing is sent any more.
      .catch(() => undefined)
      .then(() => {
        settle();
        for (const [index, change] of changes.entries()) {
          change.pending--;
          if (change.pending > 0) continue;
          this.#changes.delete(names[index] as string);
          this.#keptCount -= change.kept.length;
          for (const send of change.kept) send();
        }
      });
    for (const change of changes) change.over = over;
    return over;
  }

  #remember(agent: HomeAgent): void {
    const name = nameOf(agent.id, agent.life);
    this.#forget(name);
    this.#home.set(name, agent);
    this.#names.set(lifeOf(agent.slot, agent.generation), name);
    if (this.#home.size > HOME_MAX) for (const oldest of this.#home.keys()) return this.#forget(oldest);
  }

  #forget(name: string): void {
    const home = this.#home.get(name);
    if (home === undefined) return;
    this.#home.delete(name);
    this.#names.delete(lifeOf(home.slot, home.generation));
  }
}

function nameOf(id: string, life: number): string {
  return `${life} ${id}`;
}
