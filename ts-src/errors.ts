/**
 * The catalogue of errors: every operational failure is a `NexusError` with a stable code; a wrong argument is a `NexusTypeError`, which is a
 * `TypeError` with a code. Messages may change, codes do not. `docs/errors.md` has an entry for each, which is written
 * in `error-catalogue/`: apart from here, because this file is loaded by every thread.
 */

export const ERROR_CODES = {
  NEXUS_OPTION_INVALID: 'An option or argument has a value outside its range, or of a wrong type.',
  NEXUS_OPTION_UNKNOWN: 'An option has a name that does not exist; the message suggests the nearest.',
  NEXUS_DEFINITION_INVALID: 'A definition given to defineAgent or defineSupervisor is not usable.',
  NEXUS_KIND_DUPLICATE: 'Two definitions have the same kind.',
  NEXUS_KIND_UNKNOWN: 'The kind is not registered: its module is not in `agents`.',
  NEXUS_KIND_MISMATCH: 'An agent of another kind has this id.',
  NEXUS_ID_DUPLICATE: 'A live agent has this id already.',
  NEXUS_ACTION_UNKNOWN: 'The kind has no action of this name.',
  NEXUS_AGENT_NOT_FOUND: 'No live agent has this address: it never existed, or it ended.',
  NEXUS_AGENT_STOPPED: 'The agent ended before it handled the message.',
  NEXUS_START_FAILED: 'The state factory or the start hook of an agent failed.',
  NEXUS_INTENSITY_EXCEEDED: 'A supervisor restarted its children more often than its intensity allows, and failed.',
  NEXUS_SUPERVISION_CYCLE: 'A supervisor would start itself again among its own children, or supervisors are nested too deeply.',
  NEXUS_CHILD_UNKNOWN: 'The supervisor has no child of this id.',
  NEXUS_CHILD_RUNNING: 'The child of the supervisor is running, or about to be started again.',
  NEXUS_LINK_FAILED: 'An agent that this one is linked to has failed.',
  NEXUS_SPAWN_TIMEOUT: 'The agent had not started within the time of the spawn, and does not stay.',
  NEXUS_STOP_TIMEOUT: 'The agent did not end within the deadline.',
  NEXUS_ASK_TIMEOUT: 'No reply came within the time of the ask, or of the message that the asking agent handles.',
  NEXUS_ASK_ABORTED: 'The AbortSignal of the ask was aborted.',
  NEXUS_ASKS_TOO_MANY: 'Too many asks of this thread wait for a reply.',
  NEXUS_GROUP_EMPTY: 'The group has no members.',
  NEXUS_GROUP_FULL: 'The group has as many members, or the agent is in as many groups, as there may be.',
  NEXUS_QUORUM_FAILED: 'Fewer members of a group replied than were needed; data has those that did.',
  NEXUS_MAILBOX_FULL: 'The mailbox of the agent is full, or its overflow policy dropped the message.',
  NEXUS_BACKPRESSURE: 'The ring to the thread of the agent is full: it takes messages more slowly than this thread sends them.',
  NEXUS_MESSAGE_TOO_LARGE: 'The encoded message or reply is larger than the limit.',
  NEXUS_NOT_CLONEABLE: 'The value holds something that cannot be sent to another thread; the message names the path.',
  NEXUS_SHAPE_MISMATCH: 'The value does not fit the declared shape of its action; the message names the field.',
  NEXUS_INPUT_INVALID: 'The input does not pass the validator of its action; the issues are in `data`.',
  NEXUS_STATE_INVALID: 'The state that an update, a decision or a start led to does not pass `validateState`.',
  NEXUS_STATE_CHANGED: 'A query, an update or a decision changed the state it was given.',
  NEXUS_DECISION_INVALID: 'A decision, an update or a query returned what it may not.',
  NEXUS_SKILL_UNKNOWN: 'The agent does not have this skill.',
  NEXUS_EVENT_INVALID: 'A value is not a CloudEvent that can be published; the message names the attribute.',
  NEXUS_MESSAGE_CORRUPT: 'Bytes that are not an encoded message.',
  NEXUS_TABLE_FULL: 'The routing table has no room for another agent.',
  NEXUS_THREAD_UNKNOWN: 'There is no thread with this index.',
  NEXUS_THREAD_LOST: 'The thread of the agent ended while the caller waited; the message may or may not have been handled.',
  NEXUS_THREAD_FAILED: 'The thread of the agent ended too often and was not replaced.',
  NEXUS_THREAD_START_FAILED: 'A worker thread could not be started.',
  NEXUS_MODULE_FAILED: 'A module in `agents` could not be imported.',
  NEXUS_MODULE_EMPTY: 'A module in `agents` exports no agent definition.',
  NEXUS_MODULE_MISMATCH: 'A module defines other agents on a worker than on the calling thread.',
  NEXUS_STOPPED: 'The nexus is stopping or has stopped.',
  NEXUS_ESCALATED: 'A failure was escalated to a thread.',
  NEXUS_MEMORY_UNAVAILABLE: 'The shared memory could not be reserved.',
  NEXUS_LAYOUT_MISMATCH: 'A shared memory is not of this version.',
  NEXUS_TIMEOUT: 'A call through a policy was not done within its time limit or deadline.',
  NEXUS_ABORTED: 'The AbortSignal of a call through a policy was aborted.',
  NEXUS_CIRCUIT_OPEN: 'A circuit breaker did not let the call through.',
  NEXUS_BULKHEAD_FULL: 'A bulkhead has no room for the call.',
  NEXUS_EXPECTATION_FAILED: 'A probe did not receive what the test expected.',
  NEXUS_NODE_STATE: 'A node of a simulated cluster cannot do this now: it is down, or runs already.',
  NEXUS_NODE_UNKNOWN: 'A simulated cluster has no node of that name.',
  NEXUS_NEVER_QUIET: 'A simulated nexus or a manual clock did not come to the point it was driven to.',
  NEXUS_HISTORY_INVALID: 'A log of operations is not one that can be judged; the message says which line, and what is wrong with it.',
  NEXUS_SIMULATION_FAILED: 'A simulated cluster did not do what it must; the message has the seed, the faults and the last that happened.',
  NEXUS_TEST_LEFTOVERS: 'A test left agents, timers, asks or handlers behind.',
  NEXUS_MIGRATION_REFUSED: 'The agent cannot move to that thread, or not now; it goes on where it is.',
  NEXUS_TRACING_UNAVAILABLE: 'The option `tracing` needs the package `@opentelemetry/api`, which is not installed or does not load.',
  NEXUS_ENGINE_UNAVAILABLE: 'The engine that was required does not load.',
  NEXUS_STORE_UNAVAILABLE: 'The package that durable storage needs is not installed or does not load, or the storage cannot be used from this thread.',
  NEXUS_STORE_FOREIGN: 'What is at the path is not a store of Nexus. It was left as it is.',
  NEXUS_STORE_VERSION:
    'The store was written by a newer version of Nexus, or the state of an agent by a newer version of its definition. It was left as it is.',
  NEXUS_STORE_CORRUPT: 'The store, or a record of it, does not hold what was written. It was left as it is.',
  NEXUS_STORE_LOCKED: 'Another nexus has the store open.',
  NEXUS_UPGRADE_FAILED: 'The stored state of an agent could not be made one of the present version. It was left as it is.',
  NEXUS_STORE_FULL: 'There is no room for the write: the disk is full, or the store has its largest size. Nothing of it was stored.',
  NEXUS_STORE_FAILED: 'A read or write of the store failed. Nothing of a write that failed was stored.',
  NEXUS_FLIGHT_OFF: 'The nexus keeps no flight record.',
  NEXUS_FLIGHT_UNWRITABLE: 'The flight record could not be written to a file.',
  NEXUS_FLIGHT_FOREIGN: 'What is read is no flight record.',
  NEXUS_FLIGHT_VERSION: 'The flight record was written by a newer version of Nexus.',
  NEXUS_FLIGHT_CORRUPT: 'The flight record is damaged or cut off.',
  NEXUS_FRAME_INVALID: 'What another node sent cannot be understood, or breaks the protocol between nodes.',
  NEXUS_HANDSHAKE_REFUSED: 'Two nodes do not connect: one of them refuses the other, for the reason in `data.reason`.',
  NEXUS_VERSION_UNSUPPORTED: 'Two nodes have no version of the protocol between nodes in common.',
  NEXUS_CONNECTION_LOST: 'The connection to another node has ended, for the reason in `data.reason`; messages on their way may be lost.',
  NEXUS_SHAPE_UNKNOWN: 'A message from another node has a declared shape that is not registered here.',
  NEXUS_JOIN_TIMEOUT: 'The node has not become a member of its cluster in time.',
  NEXUS_NODE_FENCED: 'The node is no member of its cluster any more, and has stopped its agents.',
  NEXUS_NODE_STATE_UNUSABLE: 'The directory in which a node keeps its incarnation cannot be used.',
  NEXUS_CLUSTER_MISMATCH: 'A node of another cluster, or one whose cluster has another name, was refused.',
  NEXUS_CLUSTER_SETTINGS: 'A node was refused because its lease times or its resolver are not those of the cluster.',
  NEXUS_NODE_DUPLICATE: 'A node has to wait before it joins: a member has its name, and answers or has until a moment ago.',
  NEXUS_NODE_STALE: 'A node was refused because it joined with an incarnation that is not above those that the cluster has seen.',
  NEXUS_NODE_FORGED: 'A node has sent a message under the name of another one; it was not heard.',
  NEXUS_NODE_AHEAD: 'A node was refused because it joined with an incarnation that is far above those that the cluster has seen.',
  NEXUS_NODE_REMOVED: 'A message of a node that was removed from the cluster was not heard.',
  NEXUS_LISTEN_FAILED: 'The node cannot listen at the address it was given.',
  NEXUS_CONNECT_FAILED: 'There is no connection to another node: nobody listens there, the network does not carry it, or it took too long.',
  NEXUS_CHANNEL_UNKNOWN: 'A message came from another node for a part of this one that is not there.',
  NEXUS_UPGRADE_REFUSED: 'What was asked for over HTTP is not the connection of a node, or what answers is no node.',
  NEXUS_CONNECTIONS_TOO_MANY: 'The node has as many connections, or as many on their way to become connections, as it may have.',
  NEXUS_HANDSHAKE_TIMEOUT: 'Whoever connected did not say who it is in time.',
  NEXUS_FRAME_STALLED: 'A frame began and did not arrive as a whole in time.',
  NEXUS_TLS_FILES: 'The certificate, key, authority or revocation list of the node cannot be used.',
  NEXUS_TLS_EXPIRED: 'The certificate of the other node has expired, or is not valid yet.',
  NEXUS_TLS_UNTRUSTED: 'The certificate of the other node was not signed by the authority of this cluster, or it has shown none.',
  NEXUS_TLS_NAME: 'The certificate of the other node is not of the name that it needs.',
  NEXUS_TLS_REVOKED: 'The certificate of the other node was revoked.',
  NEXUS_OUTCOME_UNKNOWN: 'The node of the agent was lost, or the connection to it, before the reply came: whether the message was handled is not known.',
  NEXUS_NODE_UNREACHABLE:
    'The message was not sent: the node of the agent is no member of the cluster, or there is no connection to it. Nobody has handled it.',
  NEXUS_NODE_LOST: 'The node of an agent has left the cluster or was removed from it, and the agent with it.',
  NEXUS_REGISTRY_TIMEOUT: 'The node that knows who has an id did not answer in time.',
  NEXUS_TOKEN_STALE: 'An activation of an agent was refused because there is a later one, with a greater fencing token.',
  NEXUS_TLS_FAILED: 'The two nodes could not agree on a secure connection.',
} as const;

/** The codes of `NexusError` and `NexusTypeError`. They do not change between versions; messages do. */
export type ErrorCode = keyof typeof ERROR_CODES;

/** Messages are cut here: what they quote is whole in `data`. */
const MESSAGE_CHARACTERS_MAX = 8192;
/** Ids, names and values in messages are cut here. */
const QUOTED_CHARACTERS_MAX = 80;

/** An operational failure. `data` holds what the message was made of, for programs. */
export class NexusError extends Error {
  readonly code: ErrorCode;
  readonly data: Readonly<Record<string, unknown>> | undefined;

  constructor(code: ErrorCode, message: string, options: { cause?: unknown; data?: Record<string, unknown> } = {}) {
    super(cut(message), options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.data = options.data;
  }

  override get name(): string {
    return 'NexusError';
  }
}

/** A mistake in the call itself. `data` holds what the message was made of, for programs. */
export class NexusTypeError extends TypeError {
  readonly code: ErrorCode;
  readonly data: Readonly<Record<string, unknown>> | undefined;

  constructor(code: ErrorCode, message: string, data?: Record<string, unknown>) {
    super(cut(message));
    this.code = code;
    this.data = data;
  }
}

/** @param message what is wrong with the value, and what it may be */
export function optionError(name: string, message: string, data: Record<string, unknown> = {}): NexusTypeError {
  return new NexusTypeError('NEXUS_OPTION_INVALID', `${name}: ${message}`, { option: name, ...data });
}

/** An id or a name as messages show it: in quotes, and not longer than fits a line. */
export function quoted(text: string): string {
  return text.length <= QUOTED_CHARACTERS_MAX ? `'${text}'` : `'${text.slice(0, QUOTED_CHARACTERS_MAX)}...' (${text.length} characters)`;
}

/** Whatever was given in the place of something else, as messages show it. Runs nothing of the value. */
export function valueText(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return quoted(value);
    case 'object':
      return value === null ? 'null' : Array.isArray(value) ? 'an array' : 'an object';
    case 'function':
      return 'a function';
    case 'symbol':
      return 'a symbol';
    case 'bigint':
      return 'a bigint';
    default:
      return String(value);
  }
}

function cut(message: string): string {
  return message.length <= MESSAGE_CHARACTERS_MAX ? message : `${message.slice(0, MESSAGE_CHARACTERS_MAX - 40)}... (${message.length} characters)`;
}
