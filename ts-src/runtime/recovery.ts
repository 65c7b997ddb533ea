/** What the threads do when one of them is lost: the others settle what waited for it, and its successor puts its agents back. */
import { threadWord } from '../../bindings/shared-memory.js';
import * as L from '../../layout/generated/layout.js';
import { NexusError, quoted } from '../errors.js';
import { type AgentCell, Status } from './agent-cell.js';
import { threadOfTied } from './thread-agents.js';
import { hasParent, isAway, isEnding, markCongested, markEnding, parentSlotOf } from './record-word.js';
import { isSupervised } from './lifecycle.js';
import type { ThreadHost } from './thread-host.js';
import { threadFailed, threadLost } from './failures.js';

/** Another thread ended: whoever waits for it learns it, and its successor (if there is one) is sent a clean stream. */
export function handleThreadLoss(host: ThreadHost, thread: number, replaced: boolean): void {
  const { links, asks, engine, watches } = host;
  host.flight?.threadLost(thread, replaced);
  // What it said before it ended still counts.
  links.readFrom(thread);
  asks.failThread(thread, (ask) => (replaced ? threadLost(thread, ask.description, ask.facts) : threadFailed(thread, ask.description, ask.facts)));
  if (replaced) {
    const dropped = links.reset(thread);
    if (dropped > 0) host.deadLetters.add('threadLost', dropped);
  } else links.giveUp(thread);
  host.entries.threadLost(thread, replaced);
  host.arrivals.threadLost(thread);
  host.departures.threadLost(thread);
  host.placing?.threadLost(thread);
  host.durable?.cluster?.threadLost(thread);
  host.supervision.supervisors.threadLost(thread, replaced);
  host.supervision.links.threadLost(thread, replaced);
  watches.threadLost(thread, replaced, (ref) => threadOfTied(host, ref));
  for (const cell of [...host.cells]) {
    const parent = cell.extra?.parent;
    // On another node nothing has happened to it.
    if (parent === undefined || parent.remote !== undefined) continue;
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
 * Bits of the word that says whose start runs, beside the slot: several starts run together, so that none is to blame if the thread ends; or this one runs
 * alone, up to its end. A bare slot is a start that has not come to its first `await`.
 */
export const SEVERAL = -1;
const ALONE = 1 << 24;

/**
 * Puts the agents back that a predecessor left: when it returns they have mailboxes; the promise resolves when all have started, or those that never do were
 * waited for long enough. Children of agents that were lost too are not put back: as after any restart, their parents spawn them again.
 *
 * An agent that ends its thread whenever it starts would end every successor. One that does so before its first `await` is known by its slot. If the thread
 * ended while several starts ran, the successor starts its agents one after the other, so that the next time it is known too.
 * @param startTimeoutMs how long starts are waited for: all together, or each one of those that run one after the other
 */
export async function restoreAgents(host: ThreadHost, startTimeoutMs: number): Promise<Restored> {
  const startingAt = threadWord(host.shared, host.thread) + L.THREAD_WORD_STARTING;
  const mark = (word: number): void => {
    host.shared.words[startingAt] = word;
  };
  const left = host.shared.words[startingAt] as number;
  mark(0);
  const counts = { restored: 0, failed: 0 };
  const count = (hasStarted: boolean): void => {
    if (hasStarted) counts.restored++;
    else counts.failed++;
  };
  const cells = adoptAgents(host, left > 0 ? left & ~ALONE : 0, () => count(false));
  for (const cell of cells) tellParent(host, cell);
  const restore = (cell: AgentCell): Promise<void> | undefined => {
    // It was about to leave for another node, which may have it by now: the calling thread knows, and says so.
    if (isAway(host.engine.table.parentOf(cell.slot, cell.generation))) {
      host.departures.toNodes.inherit(cell);
      counts.restored++;
      return undefined;
    }
    // Its supervisor is on another thread, knows of the loss, and starts it when its turn comes.
    if (isSupervised(cell)) {
      if (cell.status === Status.starting) cell.status = Status.suspended;
      counts.restored++;
      return undefined;
    }
    const restored = host.lifecycle.restore(cell);
    if (typeof restored !== 'boolean') return restored.then(count);
    count(restored);
    return undefined;
  };
  if (left === SEVERAL || (left & ALONE) !== 0) {
    for (const cell of cells) {
      mark(cell.slot | ALONE);
      const starting = restore(cell);
      if (starting !== undefined) await within(host, startTimeoutMs, starting);
    }
  } else {
    mark(SEVERAL);
    const starting = cells.map(restore).filter((each) => each !== undefined);
    if (starting.length > 0) await within(host, startTimeoutMs, Promise.all(starting));
  }
  mark(0);
  return counts;
}

/** The spawn of this child, or its end, may have been under way when its thread was lost: only its parent knows whether it is wanted. */
function tellParent(host: ThreadHost, cell: AgentCell): void {
  const parent = cell.extra?.parent;
  if (parent === undefined) return;
  const thread = host.engine.table.threadOf(parent.slot, parent.generation);
  if (thread >= 0 && thread !== host.thread) host.router.call(thread, 'childRestored', { parent, child: host.referenceOf(cell) });
}

/** Gives the inherited agents their places on this thread, and removes those that do not come back. */
function adoptAgents(host: ThreadHost, fatal: number, givenUp: () => void): AgentCell[] {
  const { table } = host.engine;
  const inherited = table.inherit();
  const lost = new Set(inherited.map((entry) => entry.slot));
  const cells: AgentCell[] = [];
  const dropped: number[] = [];
  const left: number[] = [];
  for (const { slot, generation, kind } of inherited) {
    if (slot === fatal) {
      const error = new NexusError(
        'NEXUS_START_FAILED',
        `agent ${quoted(table.keyOf(slot, generation) ?? '')} ended its thread while it started, and is not started again; look for what ends the process in its state factory and start hook`,
        { data: { id: table.keyOf(slot, generation), thread: host.thread } },
      );
      host.logger.error({ error, thread: host.thread, kind: host.kinds.byIndex(kind).name }, 'an agent whose start ends its thread is given up');
      dropped.push(slot, generation);
      givenUp();
      continue;
    }
    const word = table.parentOf(slot, generation);
    // It is on another node; only its address was left here.
    if (isAway(word) && isEnding(host.shared, slot)) {
      left.push(slot, generation);
      continue;
    }
    const parentSlot = parentSlotOf(word);
    const parentGeneration = parentSlot === 0 ? 0 : table.generationOf(parentSlot);
    const parentKind = parentSlot === 0 ? -1 : table.kindOf(parentSlot, parentGeneration);
    const isSame = parentSlot === 0 || hasParent(word, { slot: parentSlot, generation: parentGeneration });
    if (parentSlot !== 0 && (lost.has(parentSlot) || parentKind < 0 || !isSame)) {
      dropped.push(slot, generation);
      continue;
    }
    const parent = parentSlot === 0 ? undefined : host.reference(parentSlot, parentGeneration, parentKind, undefined);
    // An end that had begun is forgotten: whoever waited for it has been told of the loss.
    markEnding(host.shared, slot, false);
    // What waited is lost.
    markCongested(host.shared, slot, false);
    cells.push(host.lifecycle.adopt(host.kinds.byIndex(kind), slot, generation, parent));
  }
  for (let at = 0; host.placing !== undefined && at < dropped.length; at += 2) {
    const id = table.keyOf(dropped[at] as number, dropped[at + 1] as number);
    if (id !== undefined) host.placing.ended(id);
  }
  // Before the first agent starts: a parent may spawn its children again, by the names they had.
  table.removeMany(Int32Array.from([...dropped, ...left]));
  return cells;
}

/** Resolves when the starts have ended, or when they were waited for long enough. */
function within(host: ThreadHost, timeoutMs: number, starting: Promise<unknown>): Promise<void> {
  return new Promise((resolve) => {
    const cancel = host.clock.after(timeoutMs, resolve);
    void starting.then(() => {
      cancel();
      resolve();
    });
  });
}
