/**
 * A thread's own jobs: what it does beside running agents, now and then or all the time. Supervised one for one by the machine that supervises agents: a job that fails
 * is stopped and started again after a back-off; one that fails too often is a failure of the thread. Not for what every message passes through.
 */
import { NexusError } from '../errors.js';
import type { Logger } from '../model/agent-context.js';
import type { NodePolicy, ServiceNode } from '../model/supervision-tree.js';
import { resolveSupervision } from '../model/supervision.js';
import { type SupervisorEffect, type SupervisorEvent, SupervisorMachine } from '../model/supervisor.js';
import type { Clock } from '../ports/clock.js';
import { messageOf } from './lifecycle.js';
import { isThenable } from './promised.js';

const POLICY = { ...resolveSupervision({ intensity: 10, periodMs: 10_000, backoff: { initialMs: 10, maxMs: 500 } }), strategy: 'oneForOne' } as const;
/** A service that does not stop within this time does not hold the others up. */
const STOP_TIMEOUT_MS = 1000;

/** One job of a thread. All of its functions are called in turn, never two at a time. */
export interface ThreadService {
  /** Unique on its thread: words with dots, such as `durable.flush`. */
  readonly name: string;
  /** Also again after a `stop`. */
  start?(): void | Promise<void>;
  /** Also after a start that failed. */
  stop?(): void | Promise<void>;
  /** Called every `periodMs` while it is started, counted from the end of the call before. A failure of it is a failure of the service. */
  tick?(): void | Promise<void>;
  /** Needed with `tick`. 1 to 86,400,000. */
  readonly periodMs?: number;
}

export interface ThreadServicesNeeds {
  readonly clock: Clock;
  readonly logger: Logger;
  random(): number;
  /** A service failed too often: the thread has to deal with it. */
  escalate(service: string, error: unknown): void;
}

export class ThreadServices {
  readonly #needs: ThreadServicesNeeds;
  readonly #machine = new SupervisorMachine(POLICY, []);
  readonly #services = new Map<string, RunningService>();
  readonly #waits = new Map<string, () => void>();
  #calls = 0;
  #whenStopped: (() => void) | undefined;

  constructor(needs: ThreadServicesNeeds) {
    this.#needs = needs;
    this.#step({ type: 'boot' });
  }

  /** Starts a service; at once, if nothing else of the services is under way. @throws TypeError for one that is not usable */
  add(service: ThreadService): void {
    const { name, periodMs } = service;
    if (this.#services.has(name)) throw new TypeError(`this thread has a service '${name}' already`);
    if (service.tick !== undefined && !(typeof periodMs === 'number' && periodMs >= 1 && periodMs <= 86_400_000))
      throw new TypeError(`service '${name}' has a tick and needs periodMs, from 1 to 86,400,000`);
    this.#services.set(name, new RunningService(service, this.#needs.clock, (error) => this.#failed(name, error)));
    this.#step({ type: 'command', call: ++this.#calls, command: { type: 'start', child: { id: name, restart: 'permanent' } } });
  }

  /** Stops a service for good. */
  remove(name: string): void {
    this.#step({ type: 'command', call: ++this.#calls, command: { type: 'terminate', id: name } });
    this.#step({ type: 'command', call: ++this.#calls, command: { type: 'delete', id: name } });
  }

  /** Stops all, the latest first; nothing is started any more. Resolves when they have stopped, or were waited for long enough. */
  stop(): Promise<void> {
    return new Promise((resolve) => {
      this.#whenStopped = resolve;
      this.#step({ type: 'stop' });
    });
  }

  get policy(): NodePolicy {
    return { strategy: POLICY.strategy, intensity: POLICY.intensity, periodMs: POLICY.periodMs };
  }

  describe(): ServiceNode[] {
    return this.#machine.report().map(({ id, status, restarts }) => ({ type: 'service', id, status, restarts }));
  }

  #failed(name: string, error: unknown): void {
    this.#needs.logger.warn({ service: name, error: messageOf(error) }, 'a service of a thread failed');
    this.#step({ type: 'childFailed', id: name, error, escalates: false });
  }

  #step(event: SupervisorEvent): void {
    const { clock } = this.#needs;
    for (const effect of this.#machine.step(event, clock.nowMs(), () => this.#needs.random())) this.#perform(effect);
  }

  #perform(effect: SupervisorEffect): void {
    switch (effect.type) {
      case 'start': {
        const { step, id } = effect;
        const started = (): void => this.#step({ type: 'started', step });
        // A start that fails is a failure like any other: also the first one is followed by others.
        const failed = (error: unknown): void => {
          started();
          this.#failed(id, error);
        };
        return settle(() => this.#services.get(id)?.start(), started, failed);
      }
      case 'end':
        return this.#end(effect.step, effect.id);
      case 'wait':
        this.#waits.set(
          effect.id,
          this.#needs.clock.after(effect.delayMs, () => {
            this.#waits.delete(effect.id);
            this.#step({ type: 'due', id: effect.id, attempt: effect.attempt });
          }),
        );
        return;
      case 'fail': {
        const { id, error } = effect.failure;
        const { intensity, periodMs } = POLICY;
        const message = `service '${id}' of this thread failed more than ${intensity} times within ${periodMs} ms: ${messageOf(error)}`;
        return this.#needs.escalate(id, new NexusError('NEXUS_INTENSITY_EXCEEDED', message, { cause: error, data: { service: id, intensity, periodMs } }));
      }
      case 'stopped':
        for (const cancel of this.#waits.values()) cancel();
        this.#waits.clear();
        return this.#whenStopped?.();
      case 'forget':
        this.#services.delete(effect.id);
        return;
      case 'answer':
      case 'booted':
      case 'bootFailed':
    }
  }

  #end(step: number, id: string): void {
    let isOver = false;
    const over = (): void => {
      if (isOver) return;
      isOver = true;
      cancel();
      this.#step({ type: 'ended', step });
    };
    const cancel = this.#needs.clock.after(STOP_TIMEOUT_MS, () => {
      this.#needs.logger.warn({ service: id }, 'a service of a thread did not stop in time and is given up');
      over();
    });
    settle(
      () => this.#services.get(id)?.stop(),
      over,
      (error) => {
        this.#needs.logger.error({ service: id, error: messageOf(error) }, 'a service of a thread failed to stop');
        over();
      },
    );
  }
}

/** A service with the wait for its next tick. */
class RunningService {
  #cancel: (() => void) | undefined;
  #ticking: Promise<void> | undefined;
  /** Counts starts: the tick of an earlier one says nothing any more. */
  #run = 0;

  constructor(
    private readonly service: ThreadService,
    private readonly clock: Clock,
    private readonly failed: (error: unknown) => void,
  ) {}

  start(): void | Promise<void> {
    const run = ++this.#run;
    const started = this.service.start?.();
    if (!isThenable(started)) return this.#wait(run);
    return started.then(() => this.#wait(run));
  }

  stop(): void | Promise<void> {
    this.#run++;
    this.#cancel?.();
    this.#cancel = undefined;
    return this.#ticking === undefined ? this.service.stop?.() : this.#ticking.then(() => this.service.stop?.());
  }

  #wait(run: number): void {
    const { periodMs } = this.service;
    if (this.service.tick === undefined || periodMs === undefined || run !== this.#run) return;
    // What is done now and then keeps no process alive.
    this.#cancel = this.clock.after(periodMs, () => this.#tick(run), false);
  }

  #tick(run: number): void {
    this.#cancel = undefined;
    const failed = (error: unknown): void => {
      if (run === this.#run) this.failed(error);
    };
    let result: void | Promise<void>;
    try {
      result = this.service.tick?.();
    } catch (error) {
      return failed(error);
    }
    if (!isThenable(result)) return this.#wait(run);
    const over = (then: () => void): void => {
      this.#ticking = undefined;
      then();
    };
    this.#ticking = result.then(
      () => over(() => this.#wait(run)),
      (error: unknown) => over(() => failed(error)),
    );
  }
}

/** Calls what may be sync or async; sync where it can be. */
function settle(call: () => void | Promise<void>, done: () => void, failed: (error: unknown) => void): void {
  let result: void | Promise<void>;
  try {
    result = call();
  } catch (error) {
    return failed(error);
  }
  if (!isThenable(result)) return done();
  result.then(done, failed);
}
