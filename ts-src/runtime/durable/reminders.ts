/**
 * `ctx.reminders` of the agents of one thread: checks what is asked for and stores it. Who delivers them is `reminder-service.ts`. A reminder is stored by itself, whatever
 * becomes of the handler that set it.
 */
import { optionError, quoted, valueText } from '../../errors.js';
import type { Clock } from '../../ports/clock.js';
import { REMINDER_NAME_BYTES_MAX, type StorageWrite, type ThreadStorage } from '../../ports/storage.js';
import type { AgentCell } from '../agent-cell.js';
import { durableRecordOf } from './durable-handlers.js';
import type { StateWriter } from './state-writer.js';
import type { StoredStates } from './stored-state.js';

/** Reminders that one agent may have. */
export const REMINDERS_PER_AGENT_MAX = 1000;
/** Ten thousand years: a time beyond it was given in a wrong unit. */
const EPOCH_MS_MAX = 253_402_300_799_999;
const PERIOD_MS_MIN = 10;

export interface RemindersNeeds {
  readonly clock: Clock;
  readonly storage: ThreadStorage;
  readonly states: StoredStates;
  readonly writer: StateWriter;
  /** A reminder is stored: whoever delivers it may have to wake earlier. */
  added(dueEpochMs: number): void;
}

export class Reminders {
  readonly #needs: RemindersNeeds;
  /** Names that are on their way to the store, by agent: they count too. */
  readonly #underway = new Map<string, Map<string, number>>();

  constructor(needs: RemindersNeeds) {
    this.#needs = needs;
  }

  /** @param periodMs 0 for once */
  async set(cell: AgentCell, name: string, dueEpochMs: number, periodMs: number, action: string, input: unknown): Promise<void> {
    const { states, storage, writer } = this.#needs;
    const record = durableRecordOf(cell, 'ctx.reminders');
    checkName(name);
    if (!(typeof dueEpochMs === 'number' && Number.isFinite(dueEpochMs) && dueEpochMs <= EPOCH_MS_MAX))
      throw optionError('reminders', `a time of ${valueText(dueEpochMs)}; it must be milliseconds since 1970, at most ${EPOCH_MS_MAX}`);
    const entry = cell.kind.action(action);
    // Now, not when nobody is there to be told.
    entry.input?.check(input);
    const kind = cell.kind.name;
    const { id } = record;
    const what = (): string => `the input of reminder '${name}' of ${kind} '${id}'`;
    const encoded = input === undefined ? undefined : states.encode(input, what);
    const names = new Set([...storage.remindersOf(kind, id).map((reminder) => reminder.name), ...(this.#underway.get(id)?.keys() ?? [])]);
    if (!names.has(name) && names.size >= REMINDERS_PER_AGENT_MAX)
      throw optionError(
        'reminders',
        `${kind} ${quoted(id)} has ${names.size} reminders already, the most that an agent may have; cancel some, or keep one and a list in the state`,
      );
    const due = Math.max(0, Math.round(dueEpochMs));
    record.touched(name);
    const write: StorageWrite = { type: 'setReminder', reminder: { kind, id, name, dueEpochMs: due, periodMs, action, input: encoded } };
    this.#count(id, name, 1);
    try {
      if (record.needsSnapshot) {
        // A reminder must not be there without its agent.
        record.changed(this.#needs.clock.nowMs());
        await writer.through(cell, record, [write]);
      } else await writer.write([write], kind, record);
    } finally {
      this.#count(id, name, -1);
    }
    this.#needs.added(due);
  }

  async after(cell: AgentCell, name: string, delayMs: number, action: string, input: unknown): Promise<void> {
    if (!(typeof delayMs === 'number' && delayMs >= 0)) throw optionError('reminders', `a delay of ${valueText(delayMs)} ms; it must be 0 or more`);
    return this.set(cell, name, this.#needs.clock.epochMs() + delayMs, 0, action, input);
  }

  async every(cell: AgentCell, name: string, periodMs: number, action: string, input: unknown): Promise<void> {
    if (!(typeof periodMs === 'number' && periodMs >= PERIOD_MS_MIN && periodMs <= EPOCH_MS_MAX))
      throw optionError('reminders', `a period of ${valueText(periodMs)} ms; it must be from ${PERIOD_MS_MIN} to ${EPOCH_MS_MAX}`);
    const period = Math.round(periodMs);
    return this.set(cell, name, this.#needs.clock.epochMs() + period, period, action, input);
  }

  async cancel(cell: AgentCell, name: string): Promise<void> {
    const record = durableRecordOf(cell, 'ctx.reminders');
    checkName(name);
    record.touched(name);
    await this.#needs.writer.write([{ type: 'clearReminder', kind: cell.kind.name, id: record.id, name }], cell.kind.name, record);
  }

  #count(id: string, name: string, by: number): void {
    const names = this.#underway.get(id) ?? new Map<string, number>();
    const count = (names.get(name) ?? 0) + by;
    if (count > 0) names.set(name, count);
    else names.delete(name);
    if (names.size > 0) this.#underway.set(id, names);
    else this.#underway.delete(id);
  }
}

function checkName(name: unknown): void {
  if (
    typeof name === 'string' &&
    name.length > 0 &&
    Buffer.byteLength(name) <= REMINDER_NAME_BYTES_MAX &&
    (name as string & { isWellFormed(): boolean }).isWellFormed()
  )
    return;
  throw optionError('reminders', `a name must be a string of 1 to ${REMINDER_NAME_BYTES_MAX} bytes of UTF-8, not ${valueText(name)}`);
}
