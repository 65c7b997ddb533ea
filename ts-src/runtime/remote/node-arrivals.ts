/**
 * Agents that come to this thread from another node. It is the owner of the id that says when, and until then only a value waits on the calling thread: so an agent is put together here in one go, and handles what comes
 * from then on. Not here: who may run it, and what was sent to it meanwhile (`cluster/moves/`, `cluster/agents/`).
 */
import { NexusError, quoted } from '../../errors.js';
import { INSERT_EXISTS, INSERT_FULL } from '../../ports/engine.js';
import { AgentCell, extraOf, Status } from '../agent-cell.js';
import type { AgentReference } from '../agent-reference.js';
import { codeMissing, idDuplicate, nexusStopped, tableFull } from '../failures.js';
import type { ThreadHost } from '../thread-host.js';
import { COMING_WORD } from '../record-word.js';
import { type AgentBaggage, unpack } from './agent-baggage.js';
import { addAmong } from './agent-keys.js';
import { DURABLE_LIFE } from './agent-life.js';
import { decodeInit } from './kept-init.js';

export interface NodeArrival {
  readonly kind: string;
  readonly id: string;
  /** Which agent of its id it is. */
  readonly life: number;
  readonly baggage: AgentBaggage;
}

/**
 * A promise for a durable agent, which handles messages when it has resolved: until then they wait in its mailbox. If what is stored of it cannot be had it is not in memory, and comes back as any other.
 * @throws NexusError NEXUS_KIND_UNKNOWN, NEXUS_ID_DUPLICATE, NEXUS_TABLE_FULL; NexusTypeError NEXUS_ACTION_UNKNOWN. Nothing is left then.
 */
export function arrive(host: ThreadHost, { kind: name, id, life, baggage }: NodeArrival): AgentReference | Promise<AgentReference> {
  const { engine, cells, kinds, dispatcher, lifecycle, signals, groups, timers, thread } = host;
  const kind = kinds.byName(name);
  if (kind.definition === undefined) throw codeMissing(name);
  // It was on its way when this node began to stop: nothing of it runs any more.
  if (host.isStopping) throw nexusStopped();
  // Before anything is there: another version may not have them.
  const timed = baggage.timers.map((timer) => ({ ...timer, entry: kind.action(timer.action) }));
  for (const [, action] of baggage.subscriptions) kind.action(action);
  // What is sent to it goes by the calling thread until nothing is on its way to it any other way.
  const slot = engine.table.insert(id, kind.index, baggage.init, COMING_WORD);
  if (slot === INSERT_EXISTS) throw idDuplicate(name, id);
  if (slot === INSERT_FULL) throw tableFull(id);
  const cell = new AgentCell(kind, slot, engine.table.generationOf(slot));
  cells.set(cell);
  lifecycle.spawned++;
  unpack(host, cell, baggage);
  if (thread === 0 && baggage.init !== undefined) extraOf(cell).init = decodeInit(baggage.init);
  const self = host.referenceOf(cell);
  if (kind.subscriptions.length > 0) signals.begin(cell);
  const attempt = (what: string, act: () => void): void => {
    try {
      act();
    } catch (error) {
      host.logger.error({ error, agent: id, kind: name }, `an agent that has come from another node goes on without ${what}`);
    }
  };
  for (const [pattern, action] of baggage.subscriptions) attempt(`its subscription to ${quoted(pattern)}`, () => signals.subscribe(cell, pattern, action));
  for (const group of baggage.groups) attempt(`being in the group ${quoted(group)}`, () => groups.join(cell, group));
  for (const child of baggage.children) {
    const extra = extraOf(cell);
    extra.children ??= new Map();
    addAmong(extra.children, child);
  }
  if (cell.extra !== undefined) cell.extra.nodeName = host.nodeTies.nameWith(self, kind.isDurable ? DURABLE_LIFE : life);
  host.watches.arrived(cell);
  host.supervision.ofNodes.arrived(cell);
  for (const target of baggage.watching) attempt(`watching ${quoted(target.id)}`, () => carryWatch(host, cell, target));
  for (const other of baggage.links) attempt(`its link to ${quoted(other.id)}`, () => host.supervision.links.carry(cell, other));
  for (const { entry, input, inMs, periodMs } of timed) timers.startAt(cell, host.clock.nowMs() + inMs, periodMs, entry, input, undefined);
  const arrived = (): AgentReference => {
    dispatcher.resume(cell);
    host.flushSoon();
    return self;
  };
  const stored = kind.isDurable ? host.durable?.arrive(cell) : undefined;
  if (stored === undefined) return arrived();
  return stored.then(
    () => (cell.status === Status.starting ? arrived() : self),
    (error: unknown) => {
      host.lifecycle.stop(cell, { type: 'failed', error });
      throw error;
    },
  );
}

function carryWatch(host: ThreadHost, cell: AgentCell, target: AgentReference): void {
  if (target.kindEntry.isDurable && host.durable !== undefined) host.durable.ties.carryWatch(cell, target);
  else host.watches.carry(cell, target);
}

/** What is not a value of this kind, of whatever version. */
export function checkedBaggage(value: unknown): AgentBaggage {
  const baggage = value as AgentBaggage;
  const lists: readonly (keyof AgentBaggage)[] = ['timers', 'subscriptions', 'groups', 'restartsAgoMs', 'children', 'watchers', 'watching', 'links'];
  const isSound =
    typeof value === 'object' &&
    value !== null &&
    lists.every((name) => Array.isArray(baggage[name])) &&
    (baggage.init === undefined || baggage.init instanceof Uint8Array) &&
    (baggage.random === undefined || (Array.isArray(baggage.random) && baggage.random.length === 4));
  if (!isSound) throw new NexusError('NEXUS_MESSAGE_CORRUPT', 'what another node has sent of an agent that is to move here is none');
  return baggage;
}
