/**
 * What is done around every handler of a durable kind: hold it while its agent must not change further, note that it may have changed the state, and with `through` give its
 * reply only when that is on disk. Handlers of other kinds are called by the dispatcher directly and pay nothing. For the dispatcher, one that waits for the disk is an async
 * handler: it holds back the next message of its agent, and of no other.
 */
import { NexusError, optionError, quoted } from '../../errors.js';
import type { Handler } from '../../model/action.js';
import type { AgentContext } from '../../model/agent-context.js';
import type { ActionWrites } from '../../model/durable-options.js';
import { nextDueEpochMs } from '../../model/reminder-grid.js';
import type { Reminder, StorageWrite } from '../../ports/storage.js';
import type { AgentCell } from '../agent-cell.js';
import { lifeIsOver } from '../failures.js';
import type { ActionEntry, Kind } from '../kind.js';
import { isThenable } from '../promised.js';
import { isRunOver } from '../run-limit.js';
import type { ThreadHost } from '../thread-host.js';
import type { DurableRecord, Reminding } from './durable-record.js';
import type { StateWriter } from './state-writer.js';

/** Recognises `async function`, which is known to return a promise before it is called. */
const AsyncFunction = (async () => undefined).constructor;

export interface DurableHandlersNeeds {
  readonly host: Pick<ThreadHost, 'clock' | 'shared'>;
  readonly writer: StateWriter;
  cellOf(ctx: AgentContext): AgentCell;
}

interface Wrapped {
  readonly handler: Handler<unknown>;
  readonly writes: ActionWrites;
  readonly concurrent: boolean;
  /** It is one, or has once returned a promise, or has not been called yet. */
  mayBeAsync: boolean;
  isKnown: boolean;
}

export class DurableHandlers {
  /** Messages that had to wait because their agent had reached its bound. */
  held = 0;
  readonly #needs: DurableHandlersNeeds;
  readonly #wrapped = new Map<ActionEntry, Wrapped>();

  constructor(needs: DurableHandlersNeeds) {
    this.#needs = needs;
  }

  /** Puts itself around the handlers of a kind. */
  install(kind: Kind): void {
    const entries = kind.onTerminated === undefined ? kind.actions : [...kind.actions, kind.onTerminated];
    for (const entry of entries) {
      const isAsync = entry.handler instanceof AsyncFunction;
      const wrapped: Wrapped = {
        handler: entry.handler,
        writes: entry.isQuery ? 'none' : (entry.writes ?? kind.durable?.writes ?? 'behind'),
        concurrent: entry.concurrent,
        mayBeAsync: true,
        isKnown: isAsync,
      };
      this.#wrapped.set(entry, wrapped);
      entry.handler = (_state, input, ctx) => this.#enter(wrapped, input, ctx, undefined);
    }
  }

  /** An action as a reminder calls it: that it was handled is stored in one transaction with what the handler changed. */
  reminded(entry: ActionEntry, reminder: Reminder): ActionEntry {
    const wrapped = this.#wrapped.get(entry) as Wrapped;
    return { ...entry, handler: (_state, input, ctx) => this.#enter(wrapped, input, ctx, reminder) };
  }

  #enter(wrapped: Wrapped, input: unknown, ctx: AgentContext, reminder: Reminder | undefined): unknown {
    const cell = this.#needs.cellOf(ctx);
    const record = cell.extra?.durable as DurableRecord;
    const nowMs = this.#needs.host.clock.nowMs();
    record.lastUsedMs = nowMs;
    if (record.mustHold(nowMs)) return this.#hold(wrapped, cell, record, input, ctx, reminder);
    return this.#run(wrapped, cell, record, input, ctx, reminder);
  }

  async #hold(wrapped: Wrapped, cell: AgentCell, record: DurableRecord, input: unknown, ctx: AgentContext, reminder: Reminder | undefined): Promise<unknown> {
    this.held++;
    const life = cell.extra?.life;
    record.running++;
    try {
      // When the disk answers, the node may have been fenced, and its time be over.
      while (record.mustHold(this.#needs.host.clock.nowMs()) || isRunOver(this.#needs.host)) {
        await new Promise<void>((resolve) => record.waiting.push(resolve));
        if (cell.extra?.life !== life) throw lifeIsOver(cell);
      }
    } finally {
      record.running--;
    }
    return this.#run(wrapped, cell, record, input, ctx, reminder);
  }

  #run(wrapped: Wrapped, cell: AgentCell, record: DurableRecord, input: unknown, ctx: AgentContext, reminder: Reminder | undefined): unknown {
    // What completed handlers did must not have to wait for this one, nor be mixed with what it does before it fails.
    if (wrapped.mayBeAsync && !wrapped.concurrent) this.#needs.writer.capture(cell, record);
    const life = cell.extra?.life ?? 0;
    const reminding: Reminding | undefined = reminder && { name: reminder.name, isTouched: false };
    // In the place of an attempt that failed.
    if (reminding !== undefined) record.reminding = [...record.reminding.filter(({ name }) => name !== reminding.name), reminding];
    const result = wrapped.handler(cell.state, input, ctx);
    if (!isThenable(result)) {
      if (!wrapped.isKnown) {
        wrapped.isKnown = true;
        wrapped.mayBeAsync = false;
      }
      return this.#complete(wrapped, cell, record, result, reminder, reminding);
    }
    wrapped.isKnown = true;
    wrapped.mayBeAsync = true;
    if (!wrapped.concurrent) record.isExclusive = true;
    record.running++;
    return Promise.resolve(result).then(
      (value) => {
        record.running--;
        if ((cell.extra?.life ?? 0) !== life || cell.extra?.durable !== record) return value;
        if (!wrapped.concurrent) record.isExclusive = false;
        return this.#complete(wrapped, cell, record, value, reminder, reminding);
      },
      (error: unknown) => {
        record.running--;
        if ((cell.extra?.life ?? 0) === life && !wrapped.concurrent) record.isExclusive = false;
        throw error;
      },
    );
  }

  #complete(
    wrapped: Wrapped,
    cell: AgentCell,
    record: DurableRecord,
    value: unknown,
    reminder: Reminder | undefined,
    reminding: Reminding | undefined,
  ): unknown {
    const { host, writer } = this.#needs;
    if (wrapped.writes !== 'none') record.changed(host.clock.nowMs());
    if (reminder === undefined) {
      if (wrapped.writes === 'none') return value;
      if (wrapped.writes === 'behind') {
        writer.behind(cell, record);
        return value;
      }
      if (!record.isUnsaved) return value;
      return this.#through(cell, record, [], value);
    }
    record.reminding = record.reminding.filter((each) => each !== reminding);
    return this.#through(cell, record, reminding?.isTouched === true ? [] : [this.#handledReminder(reminder)], value);
  }

  #through(cell: AgentCell, record: DurableRecord, others: readonly StorageWrite[], value: unknown): Promise<unknown> {
    const { loads } = record;
    record.running++;
    return this.#needs.writer.through(cell, record, others).then(
      () => {
        record.running--;
        return value;
      },
      (error: unknown) => {
        record.running--;
        // What is in memory must not get ahead of what is stored. A life that has begun since has begun with that.
        if (record.loads === loads) record.mustReload = true;
        throw error;
      },
    );
  }

  #handledReminder(reminder: Reminder): StorageWrite {
    const { kind, id, name, dueEpochMs, periodMs } = reminder;
    if (periodMs === 0) return { type: 'clearReminder', kind, id, name };
    return { type: 'setReminder', reminder: { ...reminder, dueEpochMs: nextDueEpochMs(dueEpochMs, periodMs, this.#needs.host.clock.epochMs()) } };
  }
}

/** @throws NexusTypeError NEXUS_OPTION_INVALID for an agent whose kind is not durable */
export function durableRecordOf(cell: AgentCell, what: string): DurableRecord {
  const record = cell.extra?.durable;
  if (record !== undefined) return record;
  throw optionError(what, `kind '${cell.kind.name}' is not durable; add durable: {} to its definition, and storage: { path } to createNexus`);
}

export function notStored(kind: string, id: string): NexusError {
  return new NexusError('NEXUS_AGENT_NOT_FOUND', `nothing is stored of ${kind} ${quoted(id)}; getOrSpawn makes it`, { data: { id, kind } });
}
