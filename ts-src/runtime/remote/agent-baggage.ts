/**
 * What an agent takes along to another node, as a value that nodes of different versions understand: actions by name, times as durations, other agents as references. Its messages are not in it: they are sent on
 * behind it, each by itself. What stays behind is what belongs to the node: promises, handles of timers, the abort signal. Used by `node-departures.ts` and `node-arrivals.ts`; decides nothing.
 */
import { NexusError } from '../../errors.js';
import { movabilityOf } from '../../model/movable.js';
import { SeededRandom } from '../../model/seeded-random.js';
import { type AgentCell, type AgentExtra, extraOf } from '../agent-cell.js';
import { AgentReference } from '../agent-reference.js';
import type { CellTimer } from '../agent-timers.js';
import { decodeInit, encodeInit } from './kept-init.js';
import type { ThreadHost } from '../thread-host.js';

export interface AgentBaggage {
  /** Of a durable agent undefined: it is read from the store. */
  readonly state: unknown;
  /** As its node keeps it for restarts: `kept-init.ts`; undefined for none. */
  readonly init: Uint8Array | undefined;
  readonly timers: readonly { readonly action: string; readonly input: unknown; readonly inMs: number; readonly periodMs: number }[];
  /** Pattern and action of what it has subscribed to itself. */
  readonly subscriptions: readonly (readonly [pattern: string, action: string])[];
  readonly groups: readonly string[];
  /** How long ago it was restarted, each time. */
  readonly restartsAgoMs: readonly number[];
  readonly random: readonly number[] | undefined;
  readonly isPaused: boolean;
  readonly parent: AgentReference | undefined;
  readonly children: readonly AgentReference[];
  readonly watchers: readonly AgentReference[];
  readonly watching: readonly AgentReference[];
  readonly links: readonly AgentReference[];
}

/** Of most agents all lists are empty. */
const NONE: readonly never[] = [];

/** @throws NexusError NEXUS_MIGRATION_REFUSED: what cannot be sent. Changes nothing. */
export function packed(host: ThreadHost, cell: AgentCell): AgentBaggage {
  const { isDurable } = cell.kind;
  const { refusal } = isDurable ? { refusal: undefined } : movabilityOf(cell.state, (value) => value instanceof AgentReference);
  if (refusal !== undefined) throw refused(cell, refusal);
  const nowMs = host.clock.nowMs();
  const { extra } = cell;
  return {
    state: isDurable ? undefined : cell.state,
    // What is stored needs none.
    init: isDurable ? undefined : initOf(host, cell),
    timers: extra?.timers === undefined ? NONE : timersOf(extra.timers, nowMs),
    subscriptions: extra?.subscribers === undefined ? NONE : subscriptionsOf(extra.subscribers),
    groups: listOf(extra?.membership?.groups),
    restartsAgoMs: extra === undefined || extra.restarts.length === 0 ? NONE : extra.restarts.map((atMs) => nowMs - atMs),
    random: extra?.random?.position,
    isPaused: extra?.isPaused === true,
    parent: extra?.parent,
    children: listOf(extra?.children?.values()),
    watchers: extra?.watchers ?? NONE,
    watching: listOf(extra?.watching?.values()),
    links: listOf(extra?.linked?.values()),
  };
}

/** Puts into a cell what came; not what other parts of the runtime keep. */
export function unpack(host: ThreadHost, cell: AgentCell, baggage: AgentBaggage): void {
  const nowMs = host.clock.nowMs();
  cell.state = baggage.state;
  const { parent, restartsAgoMs, random, isPaused, watchers } = baggage;
  if (parent !== undefined) extraOf(cell).parent = parent;
  if (restartsAgoMs.length > 0) extraOf(cell).restarts = restartsAgoMs.map((agoMs) => nowMs - agoMs);
  if (random !== undefined) extraOf(cell).random = SeededRandom.at(random);
  if (isPaused) extraOf(cell).isPaused = true;
  if (watchers.length > 0) extraOf(cell).watchers = [...watchers];
}

function listOf<T>(values: Iterable<T> | undefined): readonly T[] {
  return values === undefined ? NONE : [...values];
}

function timersOf(first: CellTimer, nowMs: number): AgentBaggage['timers'] {
  const timers: AgentBaggage['timers'][number][] = [];
  for (let timer: CellTimer | undefined = first; timer !== undefined; timer = timer.next)
    timers.push({ action: timer.action.name, input: timer.input, inMs: Math.max(0, timer.dueMs - nowMs), periodMs: timer.periodMs });
  return timers;
}

function subscriptionsOf(subscribers: NonNullable<AgentExtra['subscribers']>): AgentBaggage['subscriptions'] {
  const subscriptions: (readonly [string, string])[] = [];
  for (const [action, { patterns }] of subscribers) for (const [pattern, isDeclared] of patterns) if (!isDeclared) subscriptions.push([pattern, action.name]);
  return subscriptions;
}

function initOf(host: ThreadHost, cell: AgentCell): Uint8Array | undefined {
  const payload = host.engine.table.payloadOf(cell.slot, cell.generation);
  const kept = cell.extra?.init;
  if (payload === undefined && kept === undefined) return undefined;
  let encoded: Uint8Array | undefined;
  try {
    encoded = encodeInit(payload === undefined ? kept : decodeInit(payload));
  } catch {
    // Told below.
  }
  if (encoded === undefined)
    throw refused(cell, 'its init cannot be sent, and so not be kept for a restart on another node: it holds functions, or references to agents');
  return encoded;
}

function refused(cell: AgentCell, reason: string): NexusError {
  return new NexusError('NEXUS_MIGRATION_REFUSED', reason, { data: { kind: cell.kind.name, reason } });
}
