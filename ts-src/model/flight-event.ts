/**
 * What the flight record of a thread holds: the types of its events, and how their words are to be read. The one description for the thread that writes them
 * (`runtime/flight-recorder.ts`) and for whoever reads them out of a dump (`flight/`). Not here: where they are in memory (`layout/`), how a dump is laid out.
 *
 * An event has a time, a type, the address (slot, generation) and kind of an agent, a count and two details; what those mean depends on the type. The word
 * TYPE is `type | (kind + 1) << 8`: 0 for no kind.
 */

/** By their number, which is what is written: never put another order, add at the end. */
export const FLIGHT_TYPES = [
  'none',
  /** Messages of one agent in a row with the same action. COUNT: how many, 0 while they are handled; DETAIL_0: action; DETAIL_1: slot of the agent that sent the first, 0 for none. */
  'messages',
  /** An async handler has settled. DETAIL_0: action; DETAIL_1: 1 if it rejected. */
  'settled',
  /** Its start begins. */
  'spawned',
  /** A later start begins. */
  'restarted',
  /** DETAIL_0: index in FLIGHT_STOP_REASONS. */
  'stopped',
  /** A handler, hook or start failed. DETAIL_0: action, or -1. */
  'failed',
  /** COUNT: how many in a row; DETAIL_0: action, or -1; DETAIL_1: index in FLIGHT_DEAD_LETTER_REASONS. */
  'deadLetter',
  /** Nobody answered in time. The agent is the one that was asked. COUNT: how many in a row; DETAIL_0: action, or -1. */
  'askTimeout',
  /** COUNT: messages published since the last such event; DETAIL_0: the other thread. */
  'published',
  /** COUNT: messages taken out of the ring; DETAIL_0: the other thread. */
  'read',
  /** Between two looks at the clock handlers ran for so long. COUNT: messages; DETAIL_0: microseconds. */
  'long',
  /** This thread serves. DETAIL_0: incarnation; from 1 on, what is before it was written by a predecessor. */
  'threadStarted',
  /** Another thread was lost. DETAIL_0: which; DETAIL_1: 1 if it is replaced. */
  'threadLost',
  /** A successor has its agents back. DETAIL_0: which; COUNT: agents that started; DETAIL_1: agents that did not. */
  'threadRestored',
  /** The end of the nexus begins. */
  'nexusStopping',
  /** Another view of the cluster was agreed on. COUNT: its members; DETAIL_0: its number. */
  'clusterView',
  /** DETAIL_0: index in FLIGHT_STANDINGS, of this node in its cluster. */
  'clusterStanding',
] as const;

export type FlightType = Exclude<(typeof FLIGHT_TYPES)[number], 'none'>;

export const Flight = Object.fromEntries(FLIGHT_TYPES.map((type, index) => [type, index])) as Readonly<Record<(typeof FLIGHT_TYPES)[number], number>>;

export const FLIGHT_STOP_REASONS = ['stopped', 'failed', 'restart', 'parentStopped', 'shutdown', 'threadFailed', 'notFound', 'passivated', 'other'] as const;
/** By their number: add at the end. */
export const FLIGHT_STANDINGS = ['joining', 'member', 'leaving', 'left', 'fenced'] as const;
export const FLIGHT_DEAD_LETTER_REASONS = [
  'noAgent',
  'mailboxFull',
  'dropped',
  'agentStopped',
  'threadLost',
  'nexusStopped',
  'refused',
  'ringFull',
  'other',
] as const;

const KIND_SHIFT = 8;

/** @param kind index, or -1 for none */
export function flightTypeWord(type: number, kind: number): number {
  return type | ((kind + 1) << KIND_SHIFT);
}

export function flightTypeOf(word: number): number {
  return word & 255;
}

/** Index, or -1 for none. */
export function flightKindOf(word: number): number {
  return (word >>> KIND_SHIFT) - 1;
}
