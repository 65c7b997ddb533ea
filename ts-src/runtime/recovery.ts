/** What the threads do when one of them is lost: the others settle what waited for it, and its successor puts its agents back. */
import { threadWord } from '../../bindings/shared-memory.js';
import * as L from '../../layout/generated/layout.js';
import { NexusError } from '../errors.js';
import type { TableEntry } from '../ports/engine.js';
import type { AgentReference } from './agent-reference.js';
import { parentWord } from './lifecycle.js';
import type { ThreadHost } from './thread-host.js';
import { threadFailed, threadLost } from './failures.js';

/** Another thread ended: whoever waits for it learns it, and its successor (if there is one) is sent a clean stream. */
export function handleThreadLoss(host: ThreadHost, thread: number, replaced: boolean): void {
  const { links, asks, engine, watches } = host;
  // What it said before it ended still counts.
  links.readFrom(thread);
  asks.failThread(thread, (ask) => (replaced ? threadLost(thread, ask.description) : threadFailed(thread, ask.description)));
  if (replaced) {
    const dropped = links.reset(thread);
    if (dropped > 0) host.deadLetters.add('threadLost', dropped);
  } else links.giveUp(thread);
  watches.threadLost(thread, replaced, (ref) => engine.table.threadOf(ref.slot, ref.generation));
  for (const cell of [...host.cells]) {
    const parent = cell.extra?.parent;
    if (parent === undefined) continue;
    const owner = engine.table.threadOf(parent.slot, parent.generation);
    // A parent that comes back starts anew, as after any restart: without its children.
    if (owner === thread || owner < 0) host.lifecycle.stop(cell, { type: 'parentStopped' });
  }
  host.flushSoon();
}

export interface Restored {
  readonly restored: number;
  /** Agents whose state factory or start hook failed: supervision restarts or ends them. */
  readonly failed: number;
}

/**
 * Puts the agents back that a predecessor left: when it returns they take messages; the promise resolves when all have started. Children of agents that
 * were lost too are not put back: as after any restart, their parents spawn them again.
 */
export function restoreAgents(host: ThreadHost): Promise<Restored> {
  const { table } = host.engine;
  const inherited = table.inherit();
  const startingAt = threadWord(host.shared, host.thread) + L.THREAD_WORD_STARTING;
  const fatal = host.shared.words[startingAt] as number;
  host.shared.words[startingAt] = 0;
  const lost = new Set(inherited.map((entry) => entry.slot));
  const starting: Promise<unknown>[] = [];
  const counts = { restored: 0, failed: 0 };
  const count = (hasStarted: boolean): void => {
    if (hasStarted) counts.restored++;
    else counts.failed++;
  };
  const kept: { readonly entry: TableEntry; readonly parent: AgentReference | undefined }[] = [];
  const dropped: number[] = [];
  for (const entry of inherited) {
    const { slot, generation, kind } = entry;
    if (slot === fatal) {
      const error = new NexusError(
        'NEXUS_START_FAILED',
        `agent '${table.keyOf(slot, generation)}' ended its thread while it started, and is not started again`,
      );
      host.logger.error({ error, thread: host.thread, kind: host.kinds.byIndex(kind).name }, 'an agent whose start ends its thread is given up');
      dropped.push(slot, generation);
      counts.failed++;
      continue;
    }
    const word = table.parentOf(slot, generation);
    const parentSlot = word & ((1 << L.PARENT_GENERATION_SHIFT) - 1);
    const parentGeneration = parentSlot === 0 ? 0 : table.generationOf(parentSlot);
    const parentKind = parentSlot === 0 ? -1 : table.kindOf(parentSlot, parentGeneration);
    const isSame = parentSlot === 0 || parentWord({ slot: parentSlot, generation: parentGeneration }) === word >>> 0;
    if (parentSlot !== 0 && (lost.has(parentSlot) || parentKind < 0 || !isSame)) {
      dropped.push(slot, generation);
      continue;
    }
    kept.push({ entry, parent: parentSlot === 0 ? undefined : host.reference(parentSlot, parentGeneration, parentKind, undefined) });
  }
  // Before the first agent starts: a parent may spawn its children again, by the names they had.
  table.removeMany(Int32Array.from(dropped));
  for (const { entry, parent } of kept) {
    const restored = host.lifecycle.restore(host.kinds.byIndex(entry.kind), entry.slot, entry.generation, parent);
    if (typeof restored === 'boolean') count(restored);
    else starting.push(restored.then(count));
  }
  return Promise.all(starting).then(() => counts);
}
