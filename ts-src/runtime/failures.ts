/** Errors that more than one part of the runtime reports, so that they read the same everywhere. */
import { NexusError, quoted } from '../errors.js';
import { didYouMean, nearest } from '../model/nearest-name.js';
import type { RoutingTable } from '../ports/engine.js';
import type { AgentCell } from './agent-cell.js';
import type { Kind } from './kind.js';
import { sendableError } from './remote-reply.js';

export function agentNotFound(kind?: string, id?: string, action?: string): NexusError {
  const what = `the ${kind === undefined ? '' : `${kind} `}agent ${id === undefined ? '' : `${quoted(id)} `}has ended`;
  return new NexusError(
    'NEXUS_AGENT_NOT_FOUND',
    `${what}${action === undefined ? '' : `; ${quoted(action)} was not handled`}; get a new reference with find or getOrSpawn`,
    {
      data: { id, kind, action },
    },
  );
}

/** Of a message to a place where no agent is, or another one: whoever asked knows who was meant, and says so in its place. */
export function unnamedNotFound(): NexusError {
  return new NexusError('NEXUS_AGENT_NOT_FOUND', agentNotFound().message, { data: { isUnnamed: true } });
}

export function isUnnamed(error: unknown): boolean {
  return error instanceof NexusError && error.code === 'NEXUS_AGENT_NOT_FOUND' && error.data?.['isUnnamed'] === true;
}

/** @param action that was not handled */
export function agentMailboxFull(cell: AgentCell, id: string | undefined, action: string): NexusError {
  const { name: kind, capacity, overflow } = cell.kind;
  const holds = `the mailbox of ${kind} ${quoted(id ?? '')} holds ${capacity} messages, its capacity, and its overflow policy is '${overflow}'`;
  const remedy = 'slow down (offer waits for room), or raise mailbox.capacity in the definition';
  return new NexusError('NEXUS_MAILBOX_FULL', `${holds}: ${quoted(action)} was not handled; ${remedy}`, { data: { id, kind, action, capacity, overflow } });
}

export function agentStopped(kind: string, id: string | undefined, action: string): NexusError {
  const name = id === undefined ? `the ${kind} agent` : `${kind} ${quoted(id)}`;
  return new NexusError('NEXUS_AGENT_STOPPED', `${name} ended before it handled ${quoted(action)}; send it to a successor, which getOrSpawn makes`, {
    data: { id, kind, action },
  });
}

/** As `agentStopped`, for each message that waited. */
export function endedBefore(kind: string, id: string | undefined): (action: { readonly name: string }) => NexusError {
  return (action) => agentStopped(kind, id, action.name);
}

export function spawnTimeout(kind: string, id: string, timeoutMs: number): NexusError {
  const late = 'if it starts later it is stopped; look what its start hook waits for, or raise timeoutMs';
  return new NexusError('NEXUS_SPAWN_TIMEOUT', `${kind} ${quoted(id)} had not started within ${timeoutMs} ms; ${late}`, { data: { id, kind, timeoutMs } });
}

/** A handler that still runs after its agent has restarted or ended wants to do something in its name. */
export function lifeIsOver(cell: AgentCell): NexusError {
  const id = cell.extra?.reference?.knownId;
  const kind = cell.kind.name;
  const what = `the ${kind} agent ${id === undefined ? '' : `${quoted(id)} `}has ended or restarted while this handler ran`;
  return new NexusError('NEXUS_AGENT_STOPPED', `${what}: nothing is done in its name any more; end the handler when ctx.signal is aborted`, {
    data: { id, kind },
  });
}

export function threadLost(thread: number, description: string, facts: object = {}): NexusError {
  const what = `thread ${thread} ended while ${description} was waited for; the message may or may not have been handled`;
  return new NexusError('NEXUS_THREAD_LOST', `${what}; the event threadLost says why, and the agent comes back with its id`, { data: { ...facts, thread } });
}

export function threadFailed(thread: number, description: string, facts: object = {}): NexusError {
  const what = `thread ${thread} ended too often and was not replaced; ${description} is gone with it`;
  return new NexusError('NEXUS_THREAD_FAILED', `${what}; the threadLost events say why it ended`, { data: { ...facts, thread } });
}

export function groupEmpty(group: string, names: readonly string[]): NexusError {
  const known = names.filter((name) => name !== group);
  const text = `group ${quoted(group)} has no members that this thread knows of${didYouMean(group, known)} Spawn an agent whose definition has it in groups, or that joins it`;
  return new NexusError('NEXUS_GROUP_EMPTY', text, { data: { group, suggestion: nearest(group, known) } });
}

export function idDuplicate(kind: string, id: string): NexusError {
  const text = `an agent with id ${quoted(id)} exists already; use getOrSpawn to get it, or another id`;
  return new NexusError('NEXUS_ID_DUPLICATE', text, { data: { id, kind } });
}

/** What a line of the log says of an agent. */
export function loggedFacts(cell: AgentCell, table: RoutingTable): { agent: string | undefined; kind: string } {
  return { agent: table.keyOf(cell.slot, cell.generation), kind: cell.kind.name };
}

export function codeMissing(kind: string): NexusError {
  const text = `this thread does not have the code of kind '${kind}': export its definition from a module in the option 'agents' of createNexus`;
  return new NexusError('NEXUS_KIND_UNKNOWN', text, { data: { kind } });
}

export function nexusStopped(): NexusError {
  return new NexusError('NEXUS_STOPPED', 'the nexus is stopping or has stopped: nothing is started, sent or asked any more; stop what calls it before it');
}

export function tableFull(id: string): NexusError {
  const text = `the routing table has no room for agent ${quoted(id)}; stop agents that are not needed, or raise memory.agentsMax of createNexus`;
  return new NexusError('NEXUS_TABLE_FULL', text, { data: { id } });
}

/** Failures of a start that say by themselves what is wrong: of durable agents. */
const SELF_EXPLAINING: readonly string[] = [
  'NEXUS_UPGRADE_FAILED',
  'NEXUS_STORE_VERSION',
  'NEXUS_STORE_CORRUPT',
  'NEXUS_STORE_FAILED',
  'NEXUS_STORE_FULL',
  'NEXUS_AGENT_NOT_FOUND',
  'NEXUS_ID_DUPLICATE',
  'NEXUS_REGISTRY_TIMEOUT',
  'NEXUS_TOKEN_STALE',
  'NEXUS_STOPPED',
];

export function startFailed(kind: Kind, id: string | undefined, thrown: unknown): NexusError {
  const cause = lookable(thrown);
  // What is wrong with the shape of a tree is said as it is, not once more at each level.
  if (cause instanceof NexusError && (cause.code === 'NEXUS_SUPERVISION_CYCLE' || (kind.isDurable && SELF_EXPLAINING.includes(cause.code)))) return cause;
  return new NexusError(
    'NEXUS_START_FAILED',
    `agent ${id === undefined ? '' : `${quoted(id)} `}of kind '${kind.name}' did not start: ${sendableError(cause).message}`,
    {
      cause,
      data: { id, kind: kind.name },
    },
  );
}

export function flightOff(): NexusError {
  return new NexusError('NEXUS_FLIGHT_OFF', 'this nexus keeps no flight record: it was made with flightRecorder: false');
}

/** What a handler threw, or an error in its place if that is a proxy that cannot even be asked what it is: nothing that looks at it later may fail because of it. */
export function lookable(thrown: unknown): unknown {
  try {
    void (thrown instanceof Error);
    return thrown;
  } catch {
    return new TypeError('a value was thrown that cannot be looked at: a proxy that refuses to tell its prototype');
  }
}
