/**
 * Errors as answers: `{"error": {"code", "message", ...}}`. The status follows from where the error comes from, because one code can mean two things: an
 * unknown agent is 404 when the request names it, and 500 when a handler could not find another agent.
 */
import { type ErrorCode, NexusError, NexusTypeError } from '../errors.js';
import { type Answer, jsonAnswer } from './answer.js';
import { GatewayError } from './gateway-error.js';

/** Seconds after which a client may try again. */
const RETRY_AFTER = { 'retry-after': '1' };
const MESSAGE_CHARACTERS_MAX = 4096;

/** The nexus has no room, no thread or no node for it now: trying again later may help, whoever in the chain of asks said so. */
const OVERLOADED: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'NEXUS_MAILBOX_FULL',
  'NEXUS_BACKPRESSURE',
  'NEXUS_ASKS_TOO_MANY',
  'NEXUS_TABLE_FULL',
  'NEXUS_THREAD_LOST',
  'NEXUS_THREAD_FAILED',
  'NEXUS_STOPPED',
  'NEXUS_CIRCUIT_OPEN',
  'NEXUS_BULKHEAD_FULL',
  'NEXUS_NODE_UNREACHABLE',
  'NEXUS_REGISTRY_TIMEOUT',
  'NEXUS_JOIN_TIMEOUT',
  // Of this node: another one takes what is sent again.
  'NEXUS_NODE_FENCED',
]);

/** Of calls the gateway makes itself: find, spawn, stop. */
const OWN_STATUS: Partial<Record<ErrorCode, number>> = {
  NEXUS_AGENT_NOT_FOUND: 404,
  NEXUS_ACTION_UNKNOWN: 404,
  NEXUS_AGENT_STOPPED: 404,
  NEXUS_KIND_MISMATCH: 409,
  NEXUS_ID_DUPLICATE: 409,
  NEXUS_MESSAGE_TOO_LARGE: 413,
  NEXUS_KIND_UNKNOWN: 422,
  NEXUS_START_FAILED: 422,
  NEXUS_SHAPE_MISMATCH: 422,
  NEXUS_INPUT_INVALID: 422,
  NEXUS_STATE_INVALID: 422,
  NEXUS_EVENT_INVALID: 422,
  // An agent that cannot begin, as its state or its copies cannot be stored now.
  NEXUS_STORE_FULL: 503,
  NEXUS_STORE_FAILED: 503,
  NEXUS_ASK_TIMEOUT: 504,
  NEXUS_OUTCOME_UNKNOWN: 504,
  NEXUS_SPAWN_TIMEOUT: 504,
  NEXUS_STOP_TIMEOUT: 504,
};

/** Of what a handler waited for, or the agent did: it may have been handled. */
const TIMED_OUT: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['NEXUS_ASK_TIMEOUT', 'NEXUS_TIMEOUT', 'NEXUS_OUTCOME_UNKNOWN']);

/** An error that a handler threw, or that came back in its place. Wraps it so that it is not taken for one of the gateway's own calls. */
export class HandlerFailure extends Error {
  constructor(cause: unknown) {
    super('a handler failed', { cause });
  }
}

/** Undefined for an error that nobody expects: a mistake in the gateway, which is logged and answered with `internalAnswer`. */
export function errorAnswer(error: unknown): Answer | undefined {
  if (error instanceof GatewayError) return answer(error.status, error.code, error.message, error.data, error.headers);
  if (error instanceof HandlerFailure) return handlerAnswer(error.cause);
  if (!isNexusError(error)) return undefined;
  if (OVERLOADED.has(error.code)) return overloaded(error);
  const status = OWN_STATUS[error.code];
  return status === undefined ? undefined : answer(status, error.code, error.message, dataOf(error));
}

/** The statuses of a code, for the documentation: of the gateway's own call, and of one that a handler made. */
export function statusesOf(code: ErrorCode): string {
  if (OVERLOADED.has(code)) return '503';
  const own = OWN_STATUS[code];
  const inHandler = TIMED_OUT.has(code) ? 504 : 500;
  return own === undefined || own === inHandler ? String(inHandler) : `${own}; ${inHandler} if a handler threw it`;
}

export function internalAnswer(): Answer {
  return answer(500, 'GATEWAY_INTERNAL', 'the gateway failed; its log says why');
}

function handlerAnswer(error: unknown): Answer {
  if (isNexusError(error)) {
    if (OVERLOADED.has(error.code)) return overloaded(error);
    if (TIMED_OUT.has(error.code)) return answer(504, error.code, error.message, dataOf(error));
    return answer(500, error.code, error.message);
  }
  if (typeof error !== 'object' || error === null) return answer(500, 'GATEWAY_HANDLER_FAILED', String(error));
  const { statusCode, code, message, name } = error as { statusCode?: unknown; code?: unknown; message?: unknown; name?: unknown };
  // The handler may choose: a whole `statusCode` from 400 to 599, and then also a `code`.
  const chosen = typeof statusCode === 'number' && Number.isInteger(statusCode) && statusCode >= 400 && statusCode <= 599;
  const named = chosen && typeof code === 'string' && /^\w{1,64}$/.test(code) ? code : 'GATEWAY_HANDLER_FAILED';
  const text = typeof message === 'string' ? message : 'the handler threw something that is not an Error';
  return answer(chosen ? statusCode : 500, named, text, typeof name === 'string' ? { name } : {});
}

function overloaded(error: NexusError | NexusTypeError): Answer {
  const retryAfterMs = error.code === 'NEXUS_CIRCUIT_OPEN' ? error.data?.['retryAfterMs'] : undefined;
  const headers = typeof retryAfterMs === 'number' && retryAfterMs > 1000 ? { 'retry-after': String(Math.ceil(retryAfterMs / 1000)) } : RETRY_AFTER;
  return answer(503, error.code, error.message, dataOf(error), headers);
}

function isNexusError(error: unknown): error is NexusError | NexusTypeError {
  return error instanceof NexusError || error instanceof NexusTypeError;
}

function dataOf(error: NexusError | NexusTypeError): Readonly<Record<string, unknown>> {
  return error.data ?? {};
}

function answer(
  status: number,
  code: string,
  message: string,
  data: Readonly<Record<string, unknown>> = {},
  headers: Readonly<Record<string, string>> = {},
): Answer {
  const short = message.length > MESSAGE_CHARACTERS_MAX ? `${message.slice(0, MESSAGE_CHARACTERS_MAX)}...` : message;
  // Data cannot change code and message.
  return jsonAnswer(status, { error: Object.assign({ code, message: short }, data, { code, message: short }) }, headers);
}
