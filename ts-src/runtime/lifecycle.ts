/**
 * Starts, stops and restarts the agents of one thread, and carries out what supervision decides. An agent is in the routing table from before its state is
 * made until after its stop hook has run: its id is taken for exactly as long.
 *
 * Not here: choosing a thread, other threads' agents (`thread-host.ts`), the decision itself (`model/supervision.ts`).
 */
import type { NexusError } from '../errors.js';
import type { AgentContext, Logger } from '../model/agent-context.js';
import type { StopReason } from '../model/agent-definition.js';
import { plainCopy } from '../model/plain-copy.js';
import { chooseDirective, decide } from '../model/supervision.js';
import type { Clock } from '../ports/clock.js';
import { INSERT_EXISTS, INSERT_FULL, type RoutingTable } from '../ports/engine.js';
import { AgentCell, extraOf, onArrival, Status } from './agent-cell.js';
import type { AgentReference } from './agent-reference.js';
import type { CellTable } from './cell-table.js';
import type { Dispatcher } from './dispatcher.js';
import type { DurableLives } from './durable/durable-lives.js';
import { codeMissing, endedBefore, idDuplicate, lifeIsOver, loggedFacts, spawnTimeout, startFailed, tableFull } from './failures.js';
import type { ActionEntry, Kind } from './kind.js';
import { promised } from './promised.js';
import { COMING_WORD, parentWord } from './record-word.js';
import { sendableError } from './remote-reply.js';

/** A child that does not end within this time does not hold its parent's end up any longer. */
const CHILD_STOP_TIMEOUT_MS = 5000;

export interface LifecycleNeeds {
  readonly table: RoutingTable;
  readonly cells: CellTable;
  readonly dispatcher: Dispatcher;
  readonly clock: Clock;
  readonly logger: Logger;
  /** True on worker threads, where `init` is kept in the shared table to survive the thread. */
  readonly keepInitInTable: boolean;
  /** Notes in shared memory that the end of an agent has begun: from now on it is not found. */
  markEnding(slot: number): void;
  /** Notes in shared memory whose start runs, 0 for none. Returns whose did before. With the cell: its start begins. */
  markStarting(slot: number, cell?: AgentCell): number;
  encodeInit(init: unknown): Uint8Array | undefined;
  decodeInit(payload: Uint8Array): unknown;
  contextOf(cell: AgentCell): AgentContext;
  /** Seeded, for jitter. */
  random(): number;
  isStopping(): boolean;
  /** Before its first message, at start and after a restart. */
  started(cell: AgentCell): void;
  /** The agent has ended: tell watchers and parent. */
  ended(cell: AgentCell, reason: StopReason): void;
  /** The agent has a mailbox, and its definition subscribes to signals. */
  begin(cell: AgentCell): void;
  /** Its watches and whatever else belongs to one life; `status` says whether it will have another. */
  forget(cell: AgentCell): void;
  /** A failure that the agent's parent, or the thread, has to deal with. */
  escalate(cell: AgentCell, error: unknown): void;
  /** A failure that the agent's supervisor has to deal with; the agent waits for that. */
  reportFailure(cell: AgentCell, error: unknown, escalates: boolean): void;
  /** Ends the children of a supervisor, latest first; resolves when they have ended. */
  endSupervised(supervisor: AgentCell): Promise<unknown> | undefined;
  agentFailed(cell: AgentCell, error: unknown, action: string | undefined): void;
  /** Undefined in a nexus without storage. */
  durable(): DurableLives | undefined;
}

export class Lifecycle {
  spawned = 0;
  stopped = 0;
  restarted = 0;
  readonly #needs: LifecycleNeeds;

  constructor(needs: LifecycleNeeds) {
    this.#needs = needs;
  }

  /**
   * Makes an agent on this thread. Returns it when it is ready, or a promise if its start hook is async.
   * @param timeoutMs for an async start hook: an agent that has not started by then ends
   * @param isComing it was on another node, in the same life (`record-word.ts`)
   * @throws NexusError NEXUS_ID_DUPLICATE, NEXUS_TABLE_FULL, NEXUS_START_FAILED, NEXUS_SPAWN_TIMEOUT
   */
  spawn(kind: Kind, id: string, init: unknown, parent: AgentReference | undefined, timeoutMs: number, isComing = false) {
    const { table, keepInitInTable } = this.#needs;
    // Also where it is kept here: the agent may move to a thread that is lost some day.
    const payload = init === undefined ? undefined : keepInitInTable ? this.#needs.encodeInit(init) : this.#encodeIfPossible(kind, init);
    const kept = keepInitInTable ? undefined : plainCopy(init);
    const slot = table.insert(id, kind.index, payload, (parent === undefined ? 0 : parentWord(parent)) | (isComing ? COMING_WORD : 0));
    if (slot === INSERT_EXISTS) throw idDuplicate(kind.name, id);
    if (slot === INSERT_FULL) throw tableFull(id);
    const cell = new AgentCell(kind, slot, table.generationOf(slot));
    if (parent !== undefined) extraOf(cell).parent = parent;
    if (kept !== undefined) extraOf(cell).init = kept;
    return this.#add(cell, init, timeoutMs);
  }

  /** Makes room for an agent that a lost thread left in the table: from now on messages wait for it. `restore` starts it. */
  adopt(kind: Kind, slot: number, generation: number, parent: AgentReference | undefined): AgentCell {
    const cell = new AgentCell(kind, slot, generation);
    if (parent !== undefined) extraOf(cell).parent = parent;
    this.#needs.cells.set(cell);
    if (kind.subscriptions.length > 0) this.#needs.begin(cell);
    this.spawned++;
    return cell;
  }

  /** Takes an id, so that no agent of it can start until `release`. Undefined if it is taken. @throws NexusError NEXUS_TABLE_FULL */
  reserve(kind: Kind, id: string): AgentCell | undefined {
    const slot = this.#needs.table.insert(id, kind.index, undefined, 0);
    if (slot === INSERT_EXISTS) return undefined;
    if (slot === INSERT_FULL) throw tableFull(id);
    const cell = new AgentCell(kind, slot, this.#needs.table.generationOf(slot));
    cell.status = Status.stopping;
    this.#needs.markEnding(slot);
    this.#needs.cells.set(cell);
    this.spawned++;
    return cell;
  }

  release(cell: AgentCell): void {
    this.#finalize(cell, { type: 'stopped' });
  }

  /** Starts an adopted agent again. Whether that succeeded; if not, supervision decides, as at any other restart. */
  restore(cell: AgentCell): boolean | Promise<boolean> {
    // Stopped, or on its way to a restart, before its turn came.
    return cell.status === Status.starting && lifeOf(cell) === 0 ? this.#startAgain(cell) : false;
  }

  /** Ends an agent now: what waits in its mailbox becomes dead letters. A handler that runs may finish, its effects are ignored. */
  stop(cell: AgentCell, reason: StopReason): void {
    if (cell.status >= Status.stopping) return;
    if (cell.status === Status.arriving) return onArrival(cell, () => this.stop(cell, reason));
    const started = hasStarted(cell);
    cell.status = Status.stopping;
    const { extra } = cell;
    if (extra === undefined && cell.kind.definition?.onStop === undefined) return this.#finalize(cell, reason);
    this.#needs.markEnding(cell.slot);
    this.#endLife(cell);
    const children = this.#stopChildren(cell);
    const ending = extra?.ending;
    if (children !== undefined || ending !== undefined) void Promise.all([children, ending]).then(() => this.#stopHook(cell, reason, started));
    else this.#stopHook(cell, reason, started);
  }

  /** Ends an agent at once whose end takes too long: what still runs of it is ignored. */
  giveUp(cell: AgentCell, reason: StopReason): void {
    this.stop(cell, reason);
    this.#finalize(cell, reason);
  }

  /**
   * Ends the present life of an agent and keeps the agent, with its messages, for the next one. A promise if that takes longer; it never rejects. What began to end
   * already is only waited for.
   */
  suspend(cell: AgentCell, error: unknown): Promise<unknown> | undefined {
    if (cell.status >= Status.stopping) return undefined;
    // Its life comes with it: that one is to end, and not an empty one before it.
    if (cell.status === Status.arriving) return new Promise((resolve) => onArrival(cell, () => resolve(this.suspend(cell, error))));
    return cell.status === Status.suspended ? cell.extra?.ending : this.#suspend(cell, error);
  }

  /** Begins the next life of a suspended agent, for its supervisor. Throws or rejects with the failure of its start: it is suspended again then. */
  startInPlace(cell: AgentCell): void | Promise<void> {
    this.restarted++;
    extraOf(cell).ending = undefined;
    cell.status = Status.starting;
    const life = lifeOf(cell);
    const failed = (error: unknown): never => {
      if (lifeOf(cell) === life && cell.status === Status.starting) {
        this.#needs.agentFailed(cell, error, undefined);
        this.#suspend(cell, error);
      }
      throw error;
    };
    let starting: Promise<unknown> | undefined;
    try {
      starting = this.#start(cell, this.#initOf(cell));
    } catch (error) {
      return failed(error);
    }
    if (starting === undefined) return this.#ready(cell);
    return starting.then(() => {
      if (lifeOf(cell) !== life || cell.status !== Status.starting) throw new Error('it was stopped before it had started');
      this.#ready(cell);
    }, failed);
  }

  /** Calls back when the agent has ended; at once if it has. */
  whenStopped(cell: AgentCell, callback: () => void): void {
    if (cell.status === Status.stopped) return callback();
    const extra = extraOf(cell);
    extra.onStopped ??= [];
    extra.onStopped.push(callback);
  }

  /** Resolves when an agent whose end has begun has ended; at once for any other, or none. */
  whenEnded(cell: AgentCell | undefined): void | Promise<void> {
    if (cell !== undefined && cell.status >= Status.stopping) return new Promise((resolve) => this.whenStopped(cell, resolve));
  }

  /** A handler, hook or child of this agent failed: supervision decides. */
  failed(cell: AgentCell, error: unknown, action: ActionEntry | undefined, isOfStart = false): void {
    if (cell.status >= Status.stopping) return;
    if (cell.status === Status.arriving) return onArrival(cell, () => this.failed(cell, error, action, isOfStart));
    // A mistake of whoever asked a supervisor for something is no failure of it.
    if (cell.kind.isSupervisor && action !== undefined) return;
    this.#needs.agentFailed(cell, error, action?.name);
    if (isSupervised(cell)) return this.#failedUnderSupervisor(cell, error);
    const { clock } = this.#needs;
    const decision = decide(cell.kind.supervision, cell.extra?.restarts ?? [], error, clock.nowMs(), () => this.#needs.random());
    switch (decision.type) {
      case 'resume':
        // Without a state there is nothing to go on with.
        if (isOfStart) return this.stop(cell, { type: 'failed', error });
        return this.#durable(cell)?.mustReload(cell) === true ? this.#restart(cell, error, 0) : undefined;
      case 'stop':
        if (decision.intensityExceeded) {
          const { intensity, periodMs } = cell.kind.supervision;
          const facts = { ...loggedFacts(cell, this.#needs.table), error, intensity, periodMs };
          this.#needs.logger.error(facts, 'agent failed more often than its restart intensity allows: it ends');
        }
        return this.stop(cell, { type: 'failed', error });
      case 'restart':
        extraOf(cell).restarts = decision.history;
        return this.#restart(cell, error, decision.delayMs);
      case 'escalate':
        this.#needs.escalate(cell, error);
        // The thread ends and comes back, and the tree below this supervisor with it.
        if (cell.kind.isSupervisor && cell.extra?.parent === undefined && this.#needs.keepInitInTable) return void this.#suspend(cell, error);
        return this.stop(cell, { type: 'failed', error });
    }
  }

  /** Whether to resume or to stop is the agent's own decision, everything else its supervisor's. */
  #failedUnderSupervisor(cell: AgentCell, error: unknown): void {
    const directive = cell.kind.isSupervisor ? 'restart' : chooseDirective(cell.kind.supervision, error);
    // What the disk refused must not be gone on with.
    if (directive === 'resume' && this.#durable(cell)?.mustReload(cell) !== true) return;
    if (directive === 'stop') return this.stop(cell, { type: 'failed', error });
    this.#suspend(cell, error);
    this.#needs.reportFailure(cell, error, directive === 'escalate');
  }

  #add(cell: AgentCell, init: unknown, timeoutMs: number): AgentCell | Promise<AgentCell> {
    this.#needs.cells.set(cell);
    this.spawned++;
    let starting: Promise<unknown> | undefined;
    try {
      starting = this.#start(cell, init);
    } catch (error) {
      throw this.#startFailed(cell, error);
    }
    if (starting === undefined) {
      this.#ready(cell);
      return cell;
    }
    const life = lifeOf(cell);
    const { givenUp, release } = this.#limitStart(cell, timeoutMs);
    const started = starting.then(
      () => {
        release();
        if (cell.status >= Status.stopping) throw this.#startFailed(cell, new Error('it was stopped before it had started'));
        if (lifeOf(cell) === life) this.#ready(cell);
        return cell;
      },
      (error: unknown) => {
        release();
        throw this.#startFailed(cell, error);
      },
    );
    return Promise.race([started, givenUp]);
  }

  /** `givenUp` rejects when a start takes too long, and ends the agent then: nobody has a reference to it. Or when the agent ends, whatever its hook waits for. */
  #limitStart(cell: AgentCell, timeoutMs: number): { readonly givenUp: Promise<never>; readonly release: () => void } {
    let release = (): void => undefined;
    const givenUp = new Promise<never>((_resolve, reject) => {
      const cancel = this.#needs.clock.after(timeoutMs, () => {
        const error = spawnTimeout(cell.kind.name, this.#needs.table.keyOf(cell.slot, cell.generation) ?? '', timeoutMs);
        reject(error);
        this.stop(cell, { type: 'failed', error });
      });
      const ended = (): void => {
        cancel();
        reject(this.#startFailed(cell, new Error('it was stopped before it had started')));
      };
      this.whenStopped(cell, ended);
      release = (): void => {
        cancel();
        const callbacks = cell.extra?.onStopped;
        const index = callbacks?.indexOf(ended) ?? -1;
        if (index >= 0) callbacks?.splice(index, 1);
      };
    });
    return { givenUp, release };
  }

  /** Makes the state and runs the start hook. */
  #start(cell: AgentCell, init: unknown): Promise<unknown> | undefined {
    const definition = cell.kind.definition;
    if (definition === undefined) throw codeMissing(cell.kind.name);
    if (cell.kind.subscriptions.length > 0) this.#needs.begin(cell);
    // Not undone by an error that ends the thread, which is what it is for.
    const before = this.#needs.markStarting(cell.slot, cell);
    try {
      const begin = (state: unknown): Promise<unknown> | undefined => {
        cell.state = state;
        return promised(definition.onStart?.(state, this.#needs.contextOf(cell)));
      };
      const durable = this.#durable(cell);
      return durable === undefined ? begin(definition.state(init)) : durable.startLife(cell, init, begin);
    } finally {
      this.#needs.markStarting(before);
    }
  }

  #ready(cell: AgentCell): void {
    if (cell.status !== Status.starting) return;
    this.#needs.started(cell);
    this.#needs.dispatcher.resume(cell);
    if (cell.extra?.stopRequested === true) this.stop(cell, { type: 'stopped' });
  }

  #startFailed(cell: AgentCell, cause: unknown): NexusError {
    const id = this.#needs.table.keyOf(cell.slot, cell.generation);
    const error = startFailed(cell.kind, id, cause);
    // It may have been stopped, or restarted by a child, while its start hook ran.
    if (cell.status !== Status.starting) return error;
    cell.status = Status.stopping;
    this.#endLife(cell);
    void this.#stopChildren(cell);
    this.#end(cell, { type: 'failed', error: cause }, false);
    return error;
  }

  #suspend(cell: AgentCell, error: unknown): Promise<unknown> | undefined {
    const started = hasStarted(cell);
    cell.status = Status.suspended;
    const extra = extraOf(cell);
    this.#endLife(cell);
    const children = this.#stopChildren(cell);
    const hook = started ? this.#runStopHook(cell, { type: 'restart', error }) : undefined;
    const before = extra.ending;
    const saving = this.#durable(cell)?.beforeRestart(cell);
    if (children === undefined && hook === undefined && before === undefined && saving === undefined) return undefined;
    extra.ending = Promise.all([children, hook, before, saving]);
    return extra.ending;
  }

  #restart(cell: AgentCell, error: unknown, delayMs: number): void {
    const { clock, logger } = this.#needs;
    const ending = this.#suspend(cell, error);
    const extra = extraOf(cell);
    const { life } = extra;
    const isOver = (): boolean => cell.status !== Status.suspended || extra.life !== life;
    const again = (): void => {
      if (isOver()) return;
      extra.cancelRestart = undefined;
      extra.ending = undefined;
      void this.#startAgain(cell);
    };
    logger.debug({ kind: cell.kind.name, delayMs }, 'agent restarts');
    // A timer also for no delay: an agent that fails at once every time must not starve the event loop.
    const wait = (): void => {
      if (!isOver()) extra.cancelRestart = clock.after(delayMs, again);
    };
    void (ending === undefined ? wait() : ending.then(wait));
  }

  /** False if the start failed: supervision has decided then. */
  #startAgain(cell: AgentCell): boolean | Promise<boolean> {
    if (this.#needs.isStopping()) return false;
    this.restarted++;
    cell.status = Status.starting;
    const life = lifeOf(cell);
    const ready = (): boolean => {
      if (lifeOf(cell) === life) this.#ready(cell);
      return true;
    };
    const failed = (error: unknown): boolean => {
      if (lifeOf(cell) === life) this.failed(cell, error, undefined, true);
      return false;
    };
    try {
      const starting = this.#start(cell, this.#initOf(cell));
      return starting === undefined ? ready() : starting.then(ready, failed);
    } catch (error) {
      return failed(error);
    }
  }

  /** Ends what belongs to one life of an agent: timers, abort signal, watches. */
  #endLife(cell: AgentCell): void {
    const { extra } = cell;
    if (extra === undefined) return;
    extra.life++;
    extra.cancelRestart?.();
    extra.stopRequested = false;
    extra.abort?.abort(lifeIsOver(cell));
    extra.abort = undefined;
    this.#needs.forget(cell);
  }

  #stopChildren(cell: AgentCell): Promise<unknown> | undefined {
    if (cell.kind.isSupervisor) return this.#needs.endSupervised(cell);
    const { children, spawning } = cell.extra ?? {};
    if (!children?.size && !spawning?.size) return undefined;
    const ending = [...(children?.values() ?? [])].map((child) =>
      child.stop({ timeoutMs: CHILD_STOP_TIMEOUT_MS }).catch((error: unknown) => {
        this.#needs.logger.warn({ child: child.id, error: messageOf(error) }, 'a child did not end with its parent');
      }),
    );
    children?.clear();
    // Those that are not there yet are ended by whoever waits for them: their parent's life is over.
    return Promise.all([...ending, ...(spawning?.keys() ?? [])]);
  }

  #stopHook(cell: AgentCell, reason: StopReason, started: boolean): void {
    const hook = started ? this.#runStopHook(cell, reason) : undefined;
    if (hook === undefined) this.#end(cell, reason, started);
    else void hook.then(() => this.#end(cell, reason, started));
  }

  #end(cell: AgentCell, reason: StopReason, hadStarted: boolean): void {
    const saving = this.#durable(cell)?.beforeEnd(cell, reason, hadStarted);
    if (saving === undefined) this.#finalize(cell, reason);
    else void saving.then(() => this.#finalize(cell, reason));
  }

  /** Runs the stop hook; its failure is logged. A promise if it is async; it never rejects. */
  #runStopHook(cell: AgentCell, reason: StopReason): Promise<void> | undefined {
    const definition = cell.kind.definition;
    if (definition?.onStop === undefined) return undefined;
    const failed = (error: unknown): void => this.#needs.logger.error({ ...loggedFacts(cell, this.#needs.table), error }, 'the stop hook of an agent failed');
    try {
      return promised(definition.onStop(cell.state, reason, this.#needs.contextOf(cell)))?.then(() => undefined, failed);
    } catch (error) {
      failed(error);
      return undefined;
    }
  }

  #finalize(cell: AgentCell, reason: StopReason): void {
    const { table, cells, dispatcher } = this.#needs;
    // Given up before.
    if (cell.status === Status.stopped) return;
    cell.status = Status.stopped;
    this.stopped++;
    if (cell.mailbox !== undefined) dispatcher.discard(cell, 'agentStopped', endedBefore(cell.kind.name, table.keyOf(cell.slot, cell.generation)));
    // While the name is still in the table, so that watchers and the parent learn it.
    this.#needs.ended(cell, reason);
    table.remove(cell.slot, cell.generation);
    cells.delete(cell);
    cell.state = undefined;
    const { extra } = cell;
    cell.extra = undefined;
    if (extra === undefined) return;
    if (extra.durable !== undefined) this.#needs.durable()?.ended(cell, extra.durable);
    // Whoever waits for its arrival, for it to be held, or for its end.
    for (const act of [...(extra.onArrival ?? []), extra.onHeld, ...(extra.onStopped ?? [])]) act?.();
  }

  /** On the calling thread `init` may be anything; an agent whose `init` cannot be kept in the table stays there. */
  #encodeIfPossible(kind: Kind, init: unknown): Uint8Array | undefined {
    if (kind.callingThreadOnly) return undefined;
    try {
      return this.#needs.encodeInit(init);
    } catch {
      return undefined;
    }
  }

  #durable(cell: AgentCell): DurableLives | undefined {
    return cell.kind.isDurable ? this.#needs.durable() : undefined;
  }

  #initOf(cell: AgentCell): unknown {
    if (cell.extra?.init !== undefined) return plainCopy(cell.extra.init);
    const payload = this.#needs.table.payloadOf(cell.slot, cell.generation);
    return payload === undefined ? undefined : this.#needs.decodeInit(payload);
  }
}

/** It handles messages, or one is being handled: its start is complete, and its end has not begun. */
function hasStarted(cell: AgentCell): boolean {
  return cell.status === Status.ready || cell.status === Status.busy || cell.status === Status.held;
}

/** Its parent is a supervisor. */
export function isSupervised(cell: AgentCell): boolean {
  return cell.extra?.parent?.kindEntry.isSupervisor === true;
}

function lifeOf(cell: AgentCell): number {
  return cell.extra?.life ?? 0;
}

export function messageOf(error: unknown): string {
  return sendableError(error).message;
}
