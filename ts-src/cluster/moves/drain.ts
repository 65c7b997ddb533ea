/**
 * A node that is emptied before it leaves: its weight becomes 0 for all, so that nothing is placed on it any more, and then its agents go to the owners of their ids, pinned ones too, as many at a time as may. Who stops
 * the node afterwards is whoever asked (`nexus.drain`). Agents that cannot move are told of, and end with the node.
 */
import { NexusError, optionError, quoted, valueText } from '../../errors.js';
import type { Logger } from '../../model/agent-context.js';
import { checkNames } from '../../model/nearest-name.js';
import { type NodeIdentity, sameNode } from '../../model/node-identity.js';
import type { Clock } from '../../ports/clock.js';
import type { Registry } from '../../ports/registry.js';

/** Agents that leave at a time. */
export const DRAIN_UNDERWAY = 64;
/** Until the agents that could not move are tried again, and the view is looked at again. */
const AGAIN_MS = 50;
/** Agents of which a report says why they have not moved. */
const NAMED_MAX = 100;
const DEADLINE_MS = 60_000;
/** Longer than others take to say that they send nothing more: one that does not say so cannot be heard either. */
const VACATE_MS_MAX = 10_000;
/** For moves that have begun when the nexus is stopped: they end as the node leaves the cluster, which it does as soon as its agents have stopped. */
const STOPPING_MS_MAX = 5_000;
/** Of the deadline: for agents that move. The rest is for the stop. */
const DRAINING_SHARE = 0.8;

/** What `nexus.drain` resolves with. */
export interface DrainReport {
  /** All agents that are of the cluster have moved, and the node has stopped as a whole before the deadline. */
  readonly complete: boolean;
  /** Agents that have moved to other nodes. */
  readonly moved: number;
  /** Agents of the cluster that have not, some of them with the reason. */
  readonly left: number;
  readonly reasons: readonly { readonly id: string; readonly reason: string }[];
}

/** Options of `nexus.drain`. */
export interface DrainOptions {
  /** For everything together, in milliseconds. Default 60,000; at most 86,400,000. */
  readonly deadlineMs?: number;
}

/** @throws NexusTypeError NEXUS_OPTION_INVALID, NEXUS_OPTION_UNKNOWN */
export function checkedDrain(options: DrainOptions): number {
  checkNames('drain', options, ['deadlineMs']);
  const { deadlineMs = DEADLINE_MS } = options;
  if (!(typeof deadlineMs === 'number' && deadlineMs >= 0 && deadlineMs <= 86_400_000))
    throw optionError('deadlineMs', `is ${valueText(deadlineMs)}; it must be from 0 to 86,400,000`);
  return deadlineMs;
}

/** Empties a node, and then stops it. @param moves of the node; undefined outside of a cluster */
export async function drainAndStop(
  needs: {
    readonly moves: { drain(deadlineMs: number): Promise<DrainReport> } | undefined;
    readonly clock: Clock;
    stop(deadlineMs: number): Promise<{ readonly complete: boolean }>;
  },
  deadlineMs: number,
): Promise<DrainReport> {
  const { moves, clock } = needs;
  const untilMs = clock.nowMs() + deadlineMs;
  const report = (await moves?.drain(deadlineMs * DRAINING_SHARE)) ?? { complete: true, moved: 0, left: 0, reasons: [] };
  const { complete } = await needs.stop(Math.max(0, untilMs - clock.nowMs()));
  return { ...report, complete: report.complete && complete };
}

export interface DrainNeeds {
  readonly clock: Clock;
  readonly registry: Registry;
  readonly logger: Logger;
  /** Asks for weight 0. */
  weigh(): void;
  /** Whether this node has weight 0 in the view that it knows. */
  isWeighed(): boolean;
  /** Whether there is anybody to go to: who has weight 0 takes nothing, nor do nodes that drain too. */
  hasOthers(): boolean;
  /** Ids of all live agents of this node. */
  ids(): Iterable<string>;
  move(id: string, to: NodeIdentity, timeoutMs: number): Promise<NexusError | undefined>;
  /** Resolves when nothing comes any more for an agent that was here, or soon after it is over. */
  vacate(isOver: () => boolean): Promise<unknown>;
  /** Asks of this node that wait for their replies, those included that it has sent on for others; and durable agents that it has messages for. */
  underway(): number;
  /** Whether the nexus stops already, as a node that is fenced does: its agents end, and nothing moves any more. */
  isStopping(): boolean;
}

export class Drain {
  readonly #needs: DrainNeeds;
  #draining: Promise<DrainReport> | undefined;

  constructor(needs: DrainNeeds) {
    this.#needs = needs;
  }

  get isUnderway(): boolean {
    return this.#draining !== undefined;
  }

  /** Resolves when all have moved that can, at the deadline, or when the nexus is stopped meanwhile. A second call gets the report of the first. */
  run(deadlineMs: number): Promise<DrainReport> {
    this.#draining ??= this.#run(this.#needs.clock.nowMs() + deadlineMs);
    return this.#draining;
  }

  async #run(untilMs: number): Promise<DrainReport> {
    const { clock, logger, isStopping } = this.#needs;
    const reasons = new Map<string, string>();
    const isOver = (): boolean => isStopping() || clock.nowMs() >= untilMs;
    let moved = 0;
    // Of a nexus that stops agents end meanwhile: what is left is what was here before, and has not moved.
    let ids = this.#ids();
    this.#needs.weigh();
    while (!this.#needs.isWeighed() && this.#needs.hasOthers() && !isOver()) await this.#pause();
    while (this.#needs.hasOthers() && !isStopping()) {
      ids = this.#ids();
      if (ids.length === 0 || isOver()) break;
      const staying = new Set(ids);
      let next = 0;
      let isDone = false;
      const one = async (): Promise<void> => {
        while (next < ids.length && !isOver()) {
          const id = ids[next++] as string;
          const reason = await this.#move(id, untilMs);
          if (reason === undefined) {
            moved++;
            staying.delete(id);
            reasons.delete(id);
          } else if (reason !== '') reasons.set(id, reason);
        }
      };
      const all = Promise.all(Array.from({ length: DRAIN_UNDERWAY }, one)).finally(() => {
        isDone = true;
      });
      await Promise.race([all, this.#stopping(() => isDone)]);
      const hasMoved = staying.size < ids.length;
      ids = [...staying];
      // What stays for good is not worth the deadline.
      if (!hasMoved && ids.every((id) => isForGood(reasons.get(id)))) break;
      if (ids.length > 0) await this.#pause();
    }
    if (this.#needs.hasOthers() && !isStopping()) {
      const vacateUntilMs = clock.nowMs() + VACATE_MS_MAX;
      await this.#needs.vacate(() => isOver() || clock.nowMs() >= vacateUntilMs);
    }
    // What was sent on from here may be answered by way of this node.
    while (this.#needs.underway() > 0 && !isOver()) await this.#pause();
    // With nobody to go to, nothing was tried.
    const isAlone = !this.#needs.hasOthers() && !isStopping();
    if (isAlone) ids = this.#ids();
    const why = isStopping() ? 'the nexus was stopped while it was drained' : isAlone ? 'no other node takes agents' : 'there was no time for it';
    const named = ids.slice(0, NAMED_MAX).map((id) => ({ id, reason: (isStopping() ? undefined : reasons.get(id)) ?? why }));
    if (ids.length > 0) logger.warn({ left: ids.length, reasons: named.slice(0, 10) }, 'a node has been drained, and agents are left that end with it');
    return { complete: ids.length === 0, moved, left: ids.length, reasons: named };
  }

  /** Resolves when the nexus has been stopping for so long that moves which began before do not end any more; or soon after it is done. */
  async #stopping(isDone: () => boolean): Promise<void> {
    const { clock, isStopping } = this.#needs;
    while (!isStopping() && !isDone()) await this.#pause();
    const untilMs = clock.nowMs() + STOPPING_MS_MAX;
    while (!isDone() && clock.nowMs() < untilMs) await this.#pause();
  }

  #ids(): string[] {
    return [...this.#needs.ids()].filter((id) => this.#needs.registry.own(id) !== undefined);
  }

  /** Why it has not moved; empty if that is not worth a word. */
  async #move(id: string, untilMs: number): Promise<string | undefined> {
    const { registry, clock } = this.#needs;
    const to = registry.ownerOf(id);
    if (to === undefined || sameNode(to, registry.self)) return 'no other node owns its id';
    const error = await this.#moved(id, to, Math.max(1, untilMs - clock.nowMs()));
    if (error === undefined) return undefined;
    return error.code === 'NEXUS_AGENT_NOT_FOUND' ? '' : error instanceof NexusError ? String(error.data?.['reason'] ?? error.message) : String(error);
  }

  /** An agent that is saved before it goes may wait for its store, or for those of others, for ever: that takes no longer than the drain may. */
  #moved(id: string, to: NodeIdentity, timeoutMs: number): Promise<NexusError | undefined> {
    return new Promise((resolve, reject) => {
      const late = (): void => resolve(tooLate(id, timeoutMs));
      const cancel = this.#needs.clock.after(timeoutMs, late);
      this.#needs.move(id, to, timeoutMs).then(resolve, reject).finally(cancel);
    });
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      this.#needs.clock.after(AGAIN_MS, resolve);
    });
  }
}

const FOR_GOOD = ['stays', 'cannot be sent', 'would arrive as', 'is an instance of'];

/** Reasons that trying again does not change. */
function isForGood(reason: string | undefined): boolean {
  return reason !== undefined && FOR_GOOD.some((part) => reason.includes(part));
}

function tooLate(id: string, timeoutMs: number): NexusError {
  const reason = `it was not saved, or had not moved, within ${Math.round(timeoutMs)} ms`;
  return new NexusError('NEXUS_MIGRATION_REFUSED', `${quoted(id)} stays: ${reason}`, { data: { id, reason } });
}
