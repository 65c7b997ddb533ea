/** Errors that more than one part of the runtime reports, so that they read the same everywhere. */
import { NexusError } from '../errors.js';
import type { AgentCell } from './agent-cell.js';

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
