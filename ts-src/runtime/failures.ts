/** Errors that more than one part of the runtime reports, so that they read the same everywhere. */
import { NexusError } from '../errors.js';
import type { AgentCell } from './agent-cell.js';
import type { Kind } from './kind.js';
import { sendableError } from './remote-reply.js';

export function agentNotFound(kind?: string, id?: string): NexusError {
  return new NexusError(
    'NEXUS_AGENT_NOT_FOUND',
    `the ${kind === undefined ? '' : `${kind} `}agent ${id === undefined ? '' : `'${id}' `}has ended; get a new reference with find or getOrSpawn`,
    { data: { kind, id } },
  );
}

export function agentMailboxFull(cell: AgentCell): NexusError {
  return new NexusError(
    'NEXUS_MAILBOX_FULL',
    `the mailbox of a ${cell.kind.name} agent holds ${cell.kind.capacity} messages, its capacity (overflow policy ${cell.kind.overflow})`,
    {
      data: { kind: cell.kind.name, capacity: cell.kind.capacity, overflow: cell.kind.overflow },
    },
  );
}

export function agentStopped(kind: string, action: string): NexusError {
  return new NexusError('NEXUS_AGENT_STOPPED', `the ${kind} agent ended before it handled '${action}'`, { data: { kind, action } });
}

export function spawnTimeout(kind: string, id: string, timeoutMs: number): NexusError {
  return new NexusError('NEXUS_SPAWN_TIMEOUT', `${kind} '${id}' had not started within ${timeoutMs} ms; if it starts later it is stopped`, {
    data: { kind, id, timeoutMs },
  });
}

/** A handler that still runs after its agent has restarted or ended wants to do something in its name. */
export function lifeIsOver(cell: AgentCell): NexusError {
  return new NexusError(
    'NEXUS_AGENT_STOPPED',
    `the ${cell.kind.name} agent has ended or restarted while this handler ran: nothing is done in its name any more`,
    {
      data: { kind: cell.kind.name },
    },
  );
}

export function threadLost(thread: number, description: string): NexusError {
  return new NexusError('NEXUS_THREAD_LOST', `thread ${thread} ended while ${description} was waited for; the message may or may not have been handled`, {
    data: { thread },
  });
}

export function threadFailed(thread: number, description: string): NexusError {
  return new NexusError('NEXUS_THREAD_FAILED', `thread ${thread} ended too often and was not replaced; ${description} is gone with it`, { data: { thread } });
}

export function groupEmpty(group: string): NexusError {
  return new NexusError('NEXUS_GROUP_EMPTY', `group '${group}' has no members that this thread knows of`, { data: { group } });
}

export function nexusStopped(): NexusError {
  return new NexusError('NEXUS_STOPPED', 'the nexus is stopping or has stopped');
}

export function tableFull(id: string): NexusError {
  return new NexusError('NEXUS_TABLE_FULL', `the routing table has no room for agent '${id}'; raise memory.agentsMax of createNexus`, { data: { id } });
}

/** Failures of a start that say by themselves what is wrong: of durable agents. */
const SELF_EXPLAINING: readonly string[] = [
  'NEXUS_UPGRADE_FAILED',
  'NEXUS_STORE_VERSION',
  'NEXUS_STORE_CORRUPT',
  'NEXUS_STORE_FAILED',
  'NEXUS_STORE_FULL',
  'NEXUS_AGENT_NOT_FOUND',
];

export function startFailed(kind: Kind, id: string | undefined, cause: unknown): NexusError {
  // What is wrong with the shape of a tree is said as it is, not once more at each level.
  if (cause instanceof NexusError && (cause.code === 'NEXUS_SUPERVISION_CYCLE' || (kind.isDurable && SELF_EXPLAINING.includes(cause.code)))) return cause;
  return new NexusError('NEXUS_START_FAILED', `agent '${id}' of kind '${kind.name}' did not start: ${sendableError(cause).message}`, {
    cause,
    data: { id, kind: kind.name },
  });
}

export function flightOff(): NexusError {
  return new NexusError('NEXUS_FLIGHT_OFF', 'this nexus keeps no flight record: it was made with flightRecorder: false');
}
