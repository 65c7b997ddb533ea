/**
 * Durable agents that nobody has used for a while leave memory: their kinds say after how long, and whoever needs memory asks for the least recently used. What another
 * thread sent to one before it knew is recognised by the address that the agent had, until every thread has seen that it is gone. Not here: their return (`activations.ts`).
 */
import type { Clock } from '../../ports/clock.js';
import { type AgentCell, Status } from '../agent-cell.js';
import type { Kind } from '../kind.js';

/** Passivations that one sweep begins: some milliseconds of the thread's time. The next sweep follows soon if there are more. */
const SWEEP_AGENTS_MAX = 256;
const SWEEP_MS_MIN = 5;
const SWEEP_MS_MAX = 1000;
/** So many agents that have ended may stand in line, where there are no more of others. */
const ENDED_MAX = 1024;
const GENERATIONS = 2 ** 30;

export interface PassivationNeeds {
  readonly clock: Clock;
  cells(): Iterable<AgentCell>;
  /** Saves what is not saved: undefined if there is nothing. Rejects if that fails. */
  save(cell: AgentCell): Promise<void> | undefined;
  /** Ends the agent; calls back when it has left memory. */
  end(cell: AgentCell, ended: () => void): void;
  /** Resolves when every other thread has seen what was done so far, and this one has read what they sent before. */
  settled(): Promise<void>;
}

interface Idle {
  readonly cell: AgentCell;
  checkMs: number;
}

export class Passivation {
  passivated = 0;
  readonly #needs: PassivationNeeds;
  /** By the time after which an agent of theirs may leave: all kinds with the same wait in one line. */
  readonly #lines = new Map<number, Idle[]>();
  readonly #left = new Map<number, { readonly kind: Kind; readonly id: string }>();
  #leaving: number[] = [];
  /** Agents that have ended since those that stand in line were last looked through. */
  #ended = 0;
  #isSettling = false;
  #isStopped = false;
  #cancelSweep: (() => void) | undefined;

  constructor(needs: PassivationNeeds) {
    this.#needs = needs;
  }

  /** Agents whose old addresses are still recognised. */
  get remembered(): number {
    return this.#left.size;
  }

  /** An agent has come into memory. */
  entered(cell: AgentCell): void {
    const record = cell.extra?.durable;
    if (record === undefined) return;
    const nowMs = this.#needs.clock.nowMs();
    record.lastUsedMs = nowMs;
    const { passivateAfterMs } = record.options;
    if (passivateAfterMs === Number.POSITIVE_INFINITY) return;
    let line = this.#lines.get(passivateAfterMs);
    if (line === undefined) {
      line = [];
      this.#lines.set(passivateAfterMs, line);
    }
    line.push({ cell, checkMs: nowMs + passivateAfterMs });
    this.#arm();
  }

  /** An agent has ended, for whatever reason: it is not kept until its turn in line comes, which may be days. */
  ended(): void {
    this.#ended++;
  }

  /** An agent has left memory, for whatever reason it will be back when it is needed. */
  leftMemory(cell: AgentCell, id: string): void {
    const key = addressOf(cell.slot, cell.generation);
    this.#left.set(key, { kind: cell.kind, id });
    this.#leaving.push(key);
    if (this.#isSettling) return;
    this.#isSettling = true;
    void this.#settle();
  }

  /** Whose address this was, while messages to it may still arrive. */
  whoWas(slot: number, generation: number): { readonly kind: Kind; readonly id: string } | undefined {
    return this.#left.size === 0 ? undefined : this.#left.get(addressOf(slot, generation));
  }

  /** Lets an agent leave memory, if it can now. Resolves when it has; false if it stays. */
  async passivate(cell: AgentCell): Promise<boolean> {
    if (!canLeave(cell)) return false;
    const saving = this.#needs.save(cell);
    if (saving !== undefined) {
      try {
        await saving;
      } catch {
        // Said by the writer; it stays with what only it knows.
        return false;
      }
      if (!canLeave(cell) || cell.extra?.durable?.isUnsaved === true) return false;
    }
    return new Promise((resolve) => {
      this.#needs.end(cell, () => {
        this.passivated++;
        resolve(true);
      });
    });
  }

  /** Agents that can leave now, least recently used first. Looks at all of the thread. */
  leastRecentlyUsed(countMax: number): AgentCell[] {
    const able: AgentCell[] = [];
    for (const cell of this.#needs.cells()) if (cell.extra?.durable !== undefined && canLeave(cell)) able.push(cell);
    return able.sort((a, b) => lastUsedMs(a) - lastUsedMs(b)).slice(0, countMax);
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancelSweep?.();
    this.#cancelSweep = undefined;
  }

  /** Looks at the agents whose time has come. */
  tick(): void {
    this.#cancelSweep = undefined;
    this.#dropEnded();
    const nowMs = this.#needs.clock.nowMs();
    let begun = 0;
    for (const [waitMs, line] of this.#lines) {
      let looked = 0;
      while (looked < line.length && begun < SWEEP_AGENTS_MAX) {
        const idle = line[looked] as Idle;
        if (idle.checkMs > nowMs) break;
        looked++;
        const record = idle.cell.extra?.durable;
        if (idle.cell.status >= Status.stopping || record === undefined) continue;
        const dueMs = record.lastUsedMs + waitMs;
        if (dueMs <= nowMs && canLeave(idle.cell)) {
          begun++;
          void this.passivate(idle.cell).then((hasLeft) => {
            if (!hasLeft) this.#later(idle, waitMs);
          });
        } else {
          idle.checkMs = dueMs > nowMs ? dueMs : nowMs + waitMs;
          line.push(idle);
        }
      }
      line.splice(0, looked);
      if (line.length === 0) this.#lines.delete(waitMs);
    }
    this.#arm(begun >= SWEEP_AGENTS_MAX);
  }

  /** Costs no more than the agents that have ended did. */
  #dropEnded(): void {
    if (this.#ended < ENDED_MAX) return;
    let waiting = 0;
    for (const line of this.#lines.values()) waiting += line.length;
    if (2 * this.#ended < waiting) return;
    this.#ended = 0;
    for (const [waitMs, line] of this.#lines) {
      const living = line.filter(({ cell }) => cell.status < Status.stopping);
      if (living.length > 0) this.#lines.set(waitMs, living);
      else this.#lines.delete(waitMs);
    }
  }

  #later(idle: Idle, waitMs: number): void {
    if (idle.cell.status >= Status.stopping) return;
    idle.checkMs = this.#needs.clock.nowMs() + waitMs;
    const line = this.#lines.get(waitMs) ?? [];
    line.push(idle);
    this.#lines.set(waitMs, line);
    this.#arm();
  }

  #arm(hasMore = false): void {
    if (this.#isStopped || this.#cancelSweep !== undefined || this.#lines.size === 0) return;
    let waitMs = hasMore ? SWEEP_MS_MIN : SWEEP_MS_MAX;
    for (const each of this.#lines.keys()) waitMs = Math.min(waitMs, each / 4);
    this.#cancelSweep = this.#needs.clock.after(Math.max(SWEEP_MS_MIN, waitMs), () => this.tick());
  }

  async #settle(): Promise<void> {
    while (this.#leaving.length > 0) {
      const gone = this.#leaving;
      this.#leaving = [];
      await this.#needs.settled();
      for (const key of gone) this.#left.delete(key);
    }
    this.#isSettling = false;
  }
}

/**
 * It waits for nothing and nobody counts on its being in memory: nothing waits or runs, it has no parent, no children, no timers, neither watches nor is watched, has no
 * links, no subscriptions, and is in no group. What reaches it by a subscription or a group does not say its id, and so would not bring it back.
 */
export function canLeave({ status, mailbox, extra }: AgentCell): boolean {
  if (status !== Status.ready || mailbox !== undefined || extra === undefined) return false;
  if (extra.durable === undefined || extra.durable.running > 0 || extra.stopRequested || extra.parent !== undefined || extra.timers !== undefined) return false;
  if (extra.membership !== undefined || extra.subscribers?.size || extra.linked?.size) return false;
  return !extra.children?.size && !extra.spawning?.size && !extra.watchers?.length && !extra.watching?.size;
}

function lastUsedMs(cell: AgentCell): number {
  return cell.extra?.durable?.lastUsedMs ?? 0;
}

/** Exact: a slot has fewer than 24 bits, a generation 30. */
function addressOf(slot: number, generation: number): number {
  return slot * GENERATIONS + generation;
}
