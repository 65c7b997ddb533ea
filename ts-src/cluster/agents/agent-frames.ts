/**
 * What nodes say to each other about agents: the values that go over `Channel.agents`, each an array whose first element says what it is. Read with distrust: what is not one of these is refused and counted by
 * whoever receives it (`incoming-frames.ts`), and what a newer version adds at the end of an array is not looked at. An agent is named by its id and its life, a kind and an action by name: nodes may run
 * different versions. Values only.
 */
import type { NodeIdentity } from '../../model/node-identity.js';
import { isNodeName } from '../../model/node-identity.js';
import type { TraceValues } from '../../model/message-trace.js';

/** Numbers of the protocol. */
export const Frame = {
  /** id, life, kind, action, input, then if there are: sender, trace. */
  tell: 0,
  /** id, life, kind, action, input, slot and sequence number of the ask, time that is left in ms, then if there are: sender, trace. */
  ask: 1,
  /** slot, sequence number, value. */
  reply: 2,
  /** slot, sequence number, error. */
  replyError: 3,
  /** id or null, life, kind, name of the call, input. */
  call: 4,
  /** As `call`, then slot, sequence number, time that is left in ms. */
  request: 5,
  /** id, life, node, incarnation, token, then pairs of slot and sequence number of the asks that went on to it: this node is not where the agent is, the other one is. */
  moved: 6,
  /** id, life, number: answered with `flushed`, by the node that has the agent, when everything that came before on this way has come. */
  flush: 7,
  /** id, life, number, whether the agent is there. */
  flushed: 8,
  /** Node, incarnation, names of nodes, frame: one of the above from that node, which those nodes have sent on. */
  forwarded: 9,
  /** kind, action, input, sender or null, trace or null, then pairs of id and life: one message to each. */
  tellMany: 10,
  /** id, life, number, view: a `flush` from when on the receiver knows that view or a later one. */
  afterView: 11,
  /** id, life: there is no such agent; what was heard of it is wrong. */
  ended: 12,
  /** This node is about to leave and has no agents any more: nothing about them is to be sent to it. Answered with `vacated`. */
  vacating: 13,
  /** Nothing comes any more. */
  vacated: 14,
} as const;

/** A message that is sent on so often is given up: those who send it on disagree. */
export const HOPS_MAX = 16;
/** Agents of one `tellMany`. */
export const AGENTS_MAX = 4096;
/** As in the options of an ask. */
export const DEADLINE_MS_MAX = 86_400_000;

export const FRAME_ID_LENGTH_MAX = 1024;
const NAME_LENGTH_MAX = 1024;

export function isId(value: unknown): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= FRAME_ID_LENGTH_MAX;
}

export function isName(value: unknown): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= NAME_LENGTH_MAX;
}

export function isLife(value: unknown): value is number {
  return Number.isSafeInteger(value);
}

/** Of an ask: its slot and sequence number, 32 bits. */
export function isAskNumber(value: unknown): value is number {
  return typeof value === 'number' && (value | 0) === value;
}

export function isTimeLeft(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && value <= DEADLINE_MS_MAX;
}

export function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

export function nodeOf(name: unknown, incarnation: unknown): NodeIdentity | undefined {
  return isNodeName(name) && isCount(incarnation) ? { name, incarnation } : undefined;
}

const HEX_32 = /^(?:[0-9a-f]{32})?$/;
const HEX_16 = /^(?:[0-9a-f]{16})?$/;

/** Undefined also for what is no trace: a message is not lost for it. */
export function traceValuesOf(value: unknown): TraceValues | undefined {
  if (!Array.isArray(value) || value.length < 5) return undefined;
  const [traceId, spanId, flags, hops, sentMs] = value as unknown[];
  const isSound =
    typeof traceId === 'string' && HEX_32.test(traceId) && typeof spanId === 'string' && HEX_16.test(spanId) && isByte(flags) && isHops(hops) && isTime(sentMs);
  return isSound ? [traceId, spanId, flags, hops, sentMs] : undefined;
}

function isByte(value: unknown): value is number {
  return isCount(value) && value <= 255;
}

function isHops(value: unknown): value is number {
  return isCount(value) && value <= 65_535;
}

function isTime(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}
