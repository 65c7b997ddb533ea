/** What threads of a node do for each other about agents of other nodes: the calling thread sends for workers what it alone can, and gives them what comes. */
import { traceOfValues } from '../../model/message-trace.js';
import type { AgentReference } from '../agent-reference.js';
import { nexusStopped } from '../failures.js';
import { senderWith } from '../mailbox.js';
import type { ReplyPort } from '../pending-asks.js';
import type { PassedMessage, SystemCalls } from '../system-calls.js';
import type { ThreadHost } from '../thread-host.js';
import { markComing } from '../record-word.js';
import { locateHere } from './locate-here.js';
import type { AgentAddress } from './node-departures.js';
import { ReplyPromise } from './reply-promise.js';
import { WorkerRemoteAgents } from './worker-remote-agents.js';

export type RemoteSystemCalls = Pick<
  SystemCalls,
  | 'tellManyRemote'
  | 'locate'
  | 'locateHere'
  | 'tellRemote'
  | 'askRemote'
  | 'sendRemote'
  | 'callRemote'
  | 'requestRemote'
  | 'agentMovedAway'
  | 'agentsCameHome'
  | 'wayFlushed'
  | 'agentsAreHome'
  | 'arrived'
  | 'arrivedAsk'
>;

export function remoteCalls(host: ThreadHost): RemoteSystemCalls {
  const send = (target: AgentReference, { action, input, sender, trace, isSentOn }: PassedMessage, reply: ReplyPort | undefined): void => {
    // It may have come here while the message was on its way to this thread.
    const entry = target.kindEntry.action(action);
    const from = senderWith(sender, traceOfValues(trace));
    if (host.remote !== undefined && (host.remote.leads(target) || host.remote.goesRound(target))) {
      const outcome = host.remote.send(target, entry, input, reply, from, isSentOn);
      // The worker was told that it goes: it is a dead letter like one that found its mailbox full.
      if (outcome === 'full' && reply === undefined) host.deadLetters.record('ringFull', target.kind, () => target.knownId, action);
    } else host.router.deliveries.deliver(target, entry, input, reply, from);
  };
  return {
    tellRemote: (call) => send(call.target, call, undefined),
    askRemote(call) {
      const reply = new ReplyPromise(call.deadlineMs, call.sender, traceOfValues(call.trace));
      send(call.target, call, reply);
      return reply.promise;
    },
    tellManyRemote({ targets, action, input, sender, trace }) {
      const outcomes = host.remote?.tellMany(targets, action, input, senderWith(sender, traceOfValues(trace))) ?? [];
      for (const [place, outcome] of outcomes.entries())
        if (outcome === 'full') host.deadLetters.record('ringFull', targets[place]?.kind, () => targets[place]?.knownId, action);
    },
    async locate({ ids, timeoutMs }) {
      return (await host.remote?.locate(ids, timeoutMs)) ?? [];
    },
    locateHere: ({ ids }) => locateHere(host, ids).map((here, place) => here ?? host.placing?.coming(ids[place] as string)),
    sendRemote({ id, action, input, sender, trace }) {
      const outcome = host.remote?.sendTo(id, action, input, senderWith(sender, traceOfValues(trace)));
      if (outcome === 'full') host.deadLetters.record('ringFull', undefined, () => id, action);
    },
    callRemote: ({ node, agent, name, input }) => host.remote?.call(node, agent, name, input as never),
    async requestRemote({ node, agent, name, input, timeoutMs }) {
      if (host.remote === undefined) throw nexusStopped();
      return host.remote.request(node, agent, name, input as never, timeoutMs);
    },
    agentMovedAway(call) {
      if (host.remote instanceof WorkerRemoteAgents) host.remote.ways.movedAway(call);
    },
    async agentsCameHome({ agents }) {
      if (host.remote instanceof WorkerRemoteAgents) await host.remote.ways.cameHome(agents);
    },
    async wayFlushed({ threads, leaving }) {
      if (leaving !== undefined) await host.remote?.hasLeft(leaving.id, leaving.life);
      await Promise.all(threads.filter((thread) => thread !== host.thread && host.links.canReach(thread)).map((thread) => host.router.roundTrip(thread)));
    },
    agentsAreHome({ agents }) {
      let elsewhere: Map<number, AgentAddress[]> | undefined;
      for (const agent of agents) {
        const to = host.cells.get(agent.slot, agent.generation) === undefined ? host.departures.threadOf(agent) : host.thread;
        if (to === host.thread) markComing(host.shared, agent.slot, false);
        else if (to >= 0) {
          elsewhere ??= new Map();
          elsewhere.set(to, [...(elsewhere.get(to) ?? []), agent]);
        }
      }
      for (const [thread, those] of elsewhere ?? []) host.router.call(thread, 'agentsAreHome', { agents: those });
    },
    arrived({ agent, action, input, sender, trace }) {
      host.router.deliveries.deliver(agent, agent.kindEntry.action(action), input, undefined, senderWith(sender, traceOfValues(trace)));
    },
    arrivedAsk({ agent, action, input, sender, trace, deadlineMs }) {
      const reply = new ReplyPromise(deadlineMs, sender, traceOfValues(trace));
      host.router.deliveries.deliver(agent, agent.kindEntry.action(action), input, reply, reply);
      return reply.promise;
    },
  };
}
