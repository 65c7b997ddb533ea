/**
 * Agents of other nodes as a worker has them: it passes everything on to the calling thread, which alone talks to other nodes. Over the ring between them, so that what a worker sends keeps its order; refused where that ring
 * is full.
 */
import { NexusError, quoted } from '../../errors.js';
import type { TellOutcome } from '../../model/agent-ref.js';
import { traceValues } from '../../model/message-trace.js';
import type { NodeIdentity } from '../../model/node-identity.js';
import type { AgentLocation } from '../../model/agent-location.js';
import type { RemoteAgent } from '../../model/remote-agent.js';
import type { AgentReference } from '../agent-reference.js';
import type { ActionEntry } from '../kind.js';
import { type MessageSender, senderOf, traceOf } from '../mailbox.js';
import { Admission } from '../outbound-link.js';
import { PendingAsk, type ReplyPort } from '../pending-asks.js';
import { stopTimeout } from '../stopping.js';
import type { SystemCallName, SystemCalls } from '../system-calls.js';
import type { ThreadHost } from '../thread-host.js';
import { AgentWays } from './agent-ways.js';
import type { RemoteAgents } from './remote-agents.js';

const CALLING_THREAD = { kind: 'thread', id: '0' };
/** Of a call that has a deadline on the other node: what it takes to the calling thread and back. */
const PASSED_ON_MS = 1000;
const TIMEOUT_MS_MAX = 86_400_000;

export class WorkerRemoteAgents implements RemoteAgents {
  readonly ways: AgentWays;
  readonly #host: ThreadHost;

  constructor(host: ThreadHost) {
    this.#host = host;
    this.ways = new AgentWays(host);
  }

  leads(target: AgentReference): boolean {
    return this.ways.leads(target);
  }

  goesRound(target: AgentReference): boolean {
    return this.ways.goesRound(target);
  }

  /** Only the calling thread knows. */
  async hasLeft(): Promise<void> {}

  remoteOf(_id: string, node: NodeIdentity, life: number): RemoteAgent {
    return { node, life };
  }

  homeOf(target: AgentReference): AgentReference | undefined {
    return this.ways.homeOf(target);
  }

  /** Only the calling thread knows which agents are registered. */
  lifeOf(): undefined {
    return undefined;
  }

  send(target: AgentReference, action: ActionEntry, input: unknown, reply: ReplyPort | undefined, from: MessageSender, isSentOn?: boolean): TellOutcome {
    if (action.input !== undefined) action.input.check(input);
    // It was accepted where it was: it is not refused now.
    if (isSentOn === true) return this.#pass(target, action, input, reply, from, Admission.always, true);
    if (this.ways.leads(target) && this.ways.isEmpty) return this.#pass(target, action, input, reply, from, Admission.ifRingHasRoom);
    const kept = this.ways.keep(target, action.name, reply, () => {
      // The message is the sender's again when the call returns.
      const copy = input === undefined ? undefined : this.#host.standaloneCopy(input);
      return () => this.#sendKept(target, action, copy, reply, from);
    });
    if (kept !== undefined) return kept;
    const isHome = target.remote === undefined && !this.ways.goesRound(target);
    return isHome ? this.#host.router.again(target, action, input, reply, from) : this.#pass(target, action, input, reply, from, Admission.ifRingHasRoom);
  }

  /** It was accepted: what finds no room is a dead letter. */
  #sendKept(target: AgentReference, action: ActionEntry, input: unknown, reply: ReplyPort | undefined, from: MessageSender): void {
    const { router, deadLetters } = this.#host;
    try {
      if (reply !== undefined) reply.sender = senderOf(from);
      if (!this.ways.leads(target)) return router.deliveries.deliver(target, action, input, reply, from);
      const outcome = this.#pass(target, action, input, reply, from, Admission.ifOutboxHasRoom);
      if (outcome === 'full' && reply === undefined) deadLetters.record('ringFull', target.kind, () => target.knownId, action.name, target);
    } catch (error) {
      deadLetters.record('noAgent', target.kind, () => target.knownId, action.name, target);
      reply?.fail(error);
    }
  }

  /** By the calling thread. */
  #pass(
    target: AgentReference,
    action: ActionEntry,
    input: unknown,
    reply: ReplyPort | undefined,
    from: MessageSender,
    admission: Admission,
    isSentOn = false,
  ): TellOutcome {
    const { router, asks } = this.#host;
    const trace = traceValues(reply === undefined ? traceOf(from) : reply.trace);
    const plain = { target, action: action.name, input, sender: senderOf(from), trace };
    const message = isSentOn ? { ...plain, isSentOn } : plain;
    if (reply === undefined) return router.tryCall(0, 'tellRemote', message, admission) ? 'accepted' : 'full';
    const ask = reply instanceof PendingAsk ? reply : asks.passOn(reply, target, action.name);
    const waits = isSentOn ? Admission.always : Admission.ifOutboxHasRoom;
    if (router.tryRequest(0, 'askRemote', { ...message, deadlineMs: ask.deadlineMs }, ask, waits)) return 'accepted';
    ask.fail(
      new NexusError(
        'NEXUS_BACKPRESSURE',
        `the ring to the calling thread, which sends to other nodes, is full: ${target.kind} ${quoted(target.id)} is sent messages faster than they go, and '${action.name}' was not sent; slow down`,
        { data: ask.facts },
      ),
    );
    return 'full';
  }

  tellMany(targets: readonly AgentReference[], action: string, input: unknown, from: MessageSender): readonly TellOutcome[] {
    for (const target of targets) target.kindEntry.action(action).input?.check(input);
    // To each by itself, where any of them may be sent to another way.
    if (!this.ways.isEmpty) return targets.map((target) => this.send(target, target.kindEntry.action(action), input, undefined, from));
    const message = { targets, action, input, sender: senderOf(from), trace: traceValues(traceOf(from)) };
    const outcome = this.#host.router.tryCall(0, 'tellManyRemote', message) ? 'accepted' : 'full';
    return targets.map(() => outcome);
  }

  locate(ids: readonly string[], timeoutMs: number): Promise<readonly (AgentLocation | undefined)[]> {
    return this.#host.router.request(0, 'locate', { ids, timeoutMs }, Math.min(TIMEOUT_MS_MAX, timeoutMs + PASSED_ON_MS), CALLING_THREAD);
  }

  sendTo(id: string, action: string, input: unknown, from: MessageSender): TellOutcome {
    const message = { id, action, input, sender: senderOf(from), trace: traceValues(traceOf(from)) };
    return this.#host.router.tryCall(0, 'sendRemote', message) ? 'accepted' : 'full';
  }

  find(): undefined {
    return undefined;
  }

  async stop(target: AgentReference, timeoutMs: number): Promise<void> {
    try {
      await this.request((target.remote as RemoteAgent).node, target, 'stopAgent', { slot: 0, generation: 0 }, timeoutMs);
    } catch (error) {
      throw error instanceof NexusError && error.code === 'NEXUS_ASK_TIMEOUT' ? stopTimeout(target, timeoutMs) : error;
    }
  }

  call<N extends SystemCallName>(node: NodeIdentity, agent: AgentReference | undefined, name: N, input: Parameters<SystemCalls[N]>[0]): void {
    this.#host.router.call(0, 'callRemote', { node, agent, name, input });
  }

  request<N extends SystemCallName>(
    node: NodeIdentity,
    agent: AgentReference | undefined,
    name: N,
    input: Parameters<SystemCalls[N]>[0],
    timeoutMs: number,
  ): Promise<Awaited<ReturnType<SystemCalls[N]>>> {
    const passedOn = this.#host.router.request(
      0,
      'requestRemote',
      { node, agent, name, input, timeoutMs },
      Math.min(TIMEOUT_MS_MAX, timeoutMs + PASSED_ON_MS),
      agent ?? CALLING_THREAD,
    );
    return passedOn as Promise<Awaited<ReturnType<SystemCalls[N]>>>;
  }
}
