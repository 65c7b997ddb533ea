/**
 * What a supervisor decides, after Erlang's: children in order, three strategies, three kinds of restart, one intensity. A machine over values: an event comes in,
 * effects come out; time and chance are arguments. One thing is done at a time, and what happens meanwhile waits its turn, but for the back-off, which holds nobody
 * else up. It performs nothing: that is `runtime/supervisors.ts` for agents and `runtime/thread-services.ts` for the parts of a thread.
 */
import { backoffMs, type ResolvedSupervision } from './supervision.js';

/** Whom the failure of a child concerns: itself, all children, or itself and those started after it. */
export type Strategy = 'oneForOne' | 'oneForAll' | 'restForOne';

/** Which ends of a child are followed by a new start: every one, failures, or none. */
export type RestartType = 'permanent' | 'transient' | 'temporary';

export interface SupervisedChild {
  readonly id: string;
  readonly restart: RestartType;
}

export type SupervisorCommand =
  | { readonly type: 'start'; readonly child: SupervisedChild }
  | { readonly type: 'terminate' | 'restart' | 'delete'; readonly id: string };

export type SupervisorEvent =
  | { readonly type: 'boot' }
  /** A child failed: its life is over or about to be, and it waits to be started in place. */
  | { readonly type: 'childFailed'; readonly id: string; readonly error: unknown; readonly escalates: boolean }
  /** A child is there no more. */
  | { readonly type: 'childEnded'; readonly id: string; readonly failed: boolean; readonly error: unknown }
  /** The thread of these children was lost, which is one failure. `gone`: they do not come back by themselves. */
  | { readonly type: 'childrenLost'; readonly ids: readonly string[]; readonly gone: boolean; readonly error: unknown }
  | { readonly type: 'started'; readonly step: number }
  | { readonly type: 'startFailed'; readonly step: number; readonly error: unknown /** Nothing is there to be started in place. */; readonly gone: boolean }
  | { readonly type: 'ended'; readonly step: number }
  | { readonly type: 'due'; readonly id: string; readonly attempt: number }
  | { readonly type: 'command'; readonly call: number; readonly command: SupervisorCommand }
  | { readonly type: 'stop' };

export type CommandOutcome =
  | { readonly type: 'done' }
  | { readonly type: 'unknown' | 'running' | 'restarting' | 'duplicate' | 'stopping' }
  | { readonly type: 'startFailed'; readonly error: unknown };

/** Why a supervisor fails. */
export type SupervisorFailure =
  | { readonly type: 'intensityExceeded'; readonly id: string; readonly error: unknown }
  | { readonly type: 'escalated'; readonly id: string; readonly error: unknown };

export type SupervisorEffect =
  /** Start a child; answered with `started` or `startFailed`. In place: what ended keeps its address and what waits for it. */
  | { readonly type: 'start'; readonly step: number; readonly id: string; readonly inPlace: boolean }
  /** End a child; answered with `ended`, at the latest when its time is over. `keep`: only this life of it, it is started again in place. */
  | { readonly type: 'end'; readonly step: number; readonly id: string; readonly keep: boolean; readonly error: unknown }
  | { readonly type: 'wait'; readonly id: string; readonly attempt: number; readonly delayMs: number }
  | { readonly type: 'booted' }
  /** Those that had started have ended. */
  | { readonly type: 'bootFailed'; readonly id: string; readonly error: unknown }
  /** All children have ended. */
  | { readonly type: 'fail'; readonly failure: SupervisorFailure }
  | { readonly type: 'stopped' }
  | { readonly type: 'answer'; readonly call: number; readonly outcome: CommandOutcome }
  /** The child is none any more. */
  | { readonly type: 'forget'; readonly id: string };

/** What a supervisor does about failures, with every default filled in. */
export interface SupervisorPolicy extends Pick<ResolvedSupervision, 'intensity' | 'periodMs' | 'initialMs' | 'maxMs' | 'factor' | 'jitter'> {
  readonly strategy: Strategy;
}

/** Where a child of a supervisor is in its life; `waiting`: for its back-off; `absent`: ended, and known. */
export type ChildStatus = 'absent' | 'starting' | 'running' | 'ending' | 'waiting';

export interface ChildReport extends SupervisedChild {
  readonly status: ChildStatus;
  /** Starts after the first. */
  readonly restarts: number;
}

interface Child extends SupervisedChild {
  /** `failing`: reported to have failed, its life may not be over yet. `suspended`: its life is over, it can be started in place. */
  agent: 'absent' | 'running' | 'failing' | 'suspended';
  /** The attempt that its back-off belongs to; undefined if it waits for none. */
  waiting: number | undefined;
  /** It is started when the back-off of the one it ended with is over. */
  isDue: boolean;
  starts: number;
}

type Step = { readonly type: 'start' | 'end'; readonly child: Child };
type Purpose =
  | { readonly type: 'boot' | 'stop' | 'start' | 'drop' }
  | { readonly type: 'bootFailed'; readonly id: string; readonly error: unknown }
  | { readonly type: 'fail'; readonly failure: SupervisorFailure }
  /** Children end; then `root` waits for its back-off. */
  | { readonly type: 'clear'; readonly root: Child; readonly delayMs: number; readonly error: unknown }
  | { readonly type: 'command'; readonly call: number; readonly command: SupervisorCommand };

interface Work {
  readonly purpose: Purpose;
  readonly steps: Step[];
}

type Phase = 'new' | 'open' | 'stopping' | 'over';

export class SupervisorMachine {
  readonly #policy: SupervisorPolicy;
  /** In the order of their start. */
  #children: Child[];
  #phase: Phase = 'new';
  #work: Work | undefined;
  /** `wasDue`: a start that somebody asked for, of a child that would have been started without that. */
  #current: (Step & { readonly number: number; readonly wasDue: boolean }) | undefined;
  #queue: SupervisorEvent[] = [];
  #history: { readonly id: string; readonly atMs: number }[] = [];
  #steps = 0;
  #attempts = 0;
  #effects: SupervisorEffect[] = [];
  #nowMs = 0;
  #random: () => number = () => 0;

  constructor(policy: SupervisorPolicy, children: readonly SupervisedChild[]) {
    this.#policy = policy;
    this.#children = children.map(newChild);
  }

  /** @param random draws the jitter: 0 ≤ x < 1 */
  step(event: SupervisorEvent, nowMs: number, random: () => number): readonly SupervisorEffect[] {
    this.#effects = [];
    this.#nowMs = nowMs;
    this.#random = random;
    if (event.type === 'started' || event.type === 'startFailed' || event.type === 'ended') this.#finished(event);
    else if (event.type === 'stop') this.#stop();
    else if (this.#phase === 'stopping' || this.#phase === 'over') this.#refuse(event);
    else this.#queue.push(event);
    this.#goOn();
    return this.#effects;
  }

  report(): ChildReport[] {
    return this.#children.map((child) => ({ id: child.id, restart: child.restart, status: this.#statusOf(child), restarts: Math.max(0, child.starts - 1) }));
  }

  #statusOf(child: Child): ChildStatus {
    if (this.#current?.child === child) return this.#current.type === 'start' ? 'starting' : 'ending';
    if (child.agent === 'running') return 'running';
    return child.agent === 'absent' && !child.isDue ? 'absent' : 'waiting';
  }

  /** The next step of what is under way, or the next event. */
  #goOn(): void {
    while (this.#current === undefined) {
      const work = this.#work;
      if (work !== undefined) {
        const step = work.steps.shift();
        if (step === undefined) this.#complete(work.purpose);
        else this.#begin(step, work.purpose);
      } else {
        const event = this.#queue.shift();
        if (event === undefined) return;
        this.#handle(event);
      }
    }
  }

  #begin(step: Step, purpose: Purpose): void {
    const { child } = step;
    const number = ++this.#steps;
    if (step.type === 'start') {
      if (child.agent === 'running') return;
      const wasDue = child.isDue;
      child.waiting = undefined;
      child.isDue = false;
      child.starts++;
      this.#current = { ...step, number, wasDue };
      this.#effects.push({ type: 'start', step: number, id: child.id, inPlace: child.agent !== 'absent' });
    } else {
      if (child.agent === 'absent') return this.#dropTemporary(child);
      this.#current = { ...step, number, wasDue: false };
      const error = purpose.type === 'clear' ? purpose.error : undefined;
      this.#effects.push({ type: 'end', step: number, id: child.id, keep: isKept(child, purpose), error });
    }
  }

  #finished(event: Extract<SupervisorEvent, { step: number }>): void {
    const current = this.#current;
    const work = this.#work;
    // Of something that is not waited for any more.
    if (current?.number !== event.step || work === undefined || (current.type === 'start') === (event.type === 'ended')) return;
    const { child } = current;
    this.#current = undefined;
    if (event.type === 'started') {
      child.agent = 'running';
      return;
    }
    // What it said before is of a life that is over.
    this.#forgetEventsOf(child.id);
    if (event.type === 'startFailed') {
      child.agent = event.gone ? 'absent' : 'suspended';
      // It goes on waiting with the one whose back-off it waited for.
      if (work.purpose.type === 'command') child.isDue = current.wasDue;
      return this.#startFailed(child, work.purpose, event.error);
    }
    child.agent = isKept(child, work.purpose) ? 'suspended' : 'absent';
    this.#dropTemporary(child);
  }

  #startFailed(child: Child, purpose: Purpose, error: unknown): void {
    this.#work = undefined;
    switch (purpose.type) {
      case 'boot':
        return this.#close({ purpose: { type: 'bootFailed', id: child.id, error }, steps: this.#ends(this.#children) });
      case 'command':
        if (purpose.command.type === 'start') this.#remove(child);
        this.#answer(purpose.call, { type: 'startFailed', error });
        return;
      default:
        this.#restart(child, error, true);
    }
  }

  #complete(purpose: Purpose): void {
    this.#work = undefined;
    switch (purpose.type) {
      case 'boot':
        this.#phase = 'open';
        this.#effects.push({ type: 'booted' });
        return;
      case 'bootFailed':
        this.#phase = 'over';
        this.#effects.push({ type: 'bootFailed', id: purpose.id, error: purpose.error });
        return;
      case 'fail':
        this.#phase = 'over';
        this.#effects.push({ type: 'fail', failure: purpose.failure });
        return;
      case 'stop':
        this.#phase = 'over';
        this.#effects.push({ type: 'stopped' });
        return;
      case 'clear':
        this.#wait(purpose.root, purpose.delayMs);
        return;
      case 'command':
        this.#answer(purpose.call, { type: 'done' });
        this.#handOn();
    }
  }

  #handle(event: SupervisorEvent): void {
    switch (event.type) {
      case 'boot':
        this.#work = { purpose: { type: 'boot' }, steps: this.#children.map((child) => ({ type: 'start', child })) };
        return;
      case 'childFailed': {
        const child = this.#find(event.id);
        if (child?.agent !== 'running') return;
        child.agent = 'failing';
        if (event.escalates) return this.#fail({ type: 'escalated', id: child.id, error: event.error });
        if (child.restart !== 'temporary') return this.#restart(child, event.error, true);
        this.#work = { purpose: { type: 'drop' }, steps: this.#ends([child]) };
        return;
      }
      case 'childEnded':
        return this.#childEnded(event);
      case 'childrenLost':
        return this.#childrenLost(event);
      case 'due': {
        const child = this.#find(event.id);
        if (child === undefined || child.waiting !== event.attempt) return;
        const set = this.#concernedBy(child);
        const isStarted = ({ restart, isDue, agent }: Child): boolean => restart !== 'temporary' && (isDue || agent === 'running');
        const started = set.filter(isStarted).map((each): Step => ({ type: 'start', child: each }));
        this.#work = { purpose: { type: 'start' }, steps: [...this.#ends(set.filter(({ agent }) => agent === 'running')), ...started] };
        return;
      }
      case 'command':
        return this.#command(event.call, event.command);
    }
  }

  #childEnded({ id, failed, error }: Extract<SupervisorEvent, { type: 'childEnded' }>): void {
    const child = this.#find(id);
    if (child === undefined || child.agent === 'absent') return;
    const wasRunning = child.agent === 'running';
    child.agent = 'absent';
    const isFollowed = child.restart === 'permanent' || (child.restart === 'transient' && failed);
    // Whoever waits for its back-off is started when that is over, though anew.
    if (isFollowed) return wasRunning ? this.#restart(child, error, true) : undefined;
    child.waiting = undefined;
    child.isDue = false;
    this.#dropTemporary(child);
    this.#handOn();
  }

  #childrenLost({ ids, gone, error }: Extract<SupervisorEvent, { type: 'childrenLost' }>): void {
    const lost = new Set(ids);
    const running: Child[] = [];
    const temporary: Child[] = [];
    for (const child of this.#children) {
      if (!lost.has(child.id) || child.agent === 'absent') continue;
      const wasRunning = child.agent === 'running';
      child.agent = gone ? 'absent' : 'suspended';
      if (child.restart === 'temporary') temporary.push(child);
      else if (wasRunning) running.push(child);
    }
    if (gone) for (const child of temporary) this.#dropTemporary(child);
    const roots = this.#policy.strategy === 'oneForOne' ? running : running.slice(0, 1);
    roots.forEach((child, index) => {
      // The first may have been one too many.
      if (this.#phase === 'open') this.#restart(child, error, index === 0);
    });
    if (gone || temporary.length === 0 || this.#phase !== 'open') return;
    const dropping: Work = { purpose: { type: 'drop' }, steps: this.#ends(temporary) };
    if (this.#work === undefined) this.#work = dropping;
    else this.#work.steps.push(...dropping.steps);
  }

  #command(call: number, command: SupervisorCommand): void {
    const child = this.#find(command.type === 'start' ? command.child.id : command.id);
    if (command.type === 'start') {
      if (child !== undefined) return this.#answer(call, { type: 'duplicate' });
      const added = newChild(command.child);
      this.#children.push(added);
      this.#work = { purpose: { type: 'command', call, command }, steps: [{ type: 'start', child: added }] };
      return;
    }
    if (child === undefined) return this.#answer(call, { type: 'unknown' });
    if (command.type === 'terminate') {
      child.waiting = undefined;
      child.isDue = false;
      this.#work = { purpose: { type: 'command', call, command }, steps: this.#ends([child]) };
      return;
    }
    if (child.agent === 'running') return this.#answer(call, { type: 'running' });
    if (child.waiting !== undefined) return this.#answer(call, { type: 'restarting' });
    if (command.type === 'restart') {
      this.#work = { purpose: { type: 'command', call, command }, steps: [{ type: 'start', child }] };
      return;
    }
    if (child.agent !== 'absent') return this.#answer(call, { type: 'restarting' });
    this.#remove(child);
    this.#answer(call, { type: 'done' });
  }

  /** Ends what the failure of this child concerns, latest first, and starts it after the back-off; or fails, if that happened too often. */
  #restart(root: Child, error: unknown, counts: boolean): void {
    const { periodMs, intensity } = this.#policy;
    this.#history = this.#history.filter(({ atMs }) => this.#nowMs - atMs < periodMs);
    if (counts && this.#history.length >= intensity) return this.#fail({ type: 'intensityExceeded', id: root.id, error });
    const delayMs = backoffMs(
      this.#policy,
      this.#history.reduce((sum, { id }) => (id === root.id ? sum + 1 : sum), 0),
      this.#random,
    );
    if (counts) this.#history.push({ id: root.id, atMs: this.#nowMs });
    const set = this.#concernedBy(root);
    for (const child of set) {
      child.waiting = undefined;
      child.isDue = true;
    }
    const steps = this.#ends(set.filter((child) => child.agent === 'running' || child.agent === 'failing' || child.restart === 'temporary'));
    // It counts as waiting from now on: it cannot be deleted, or started by hand.
    root.waiting = 0;
    if (steps.length === 0) this.#wait(root, delayMs);
    else this.#work = { purpose: { type: 'clear', root, delayMs, error }, steps };
  }

  /** Children that ended with one that is not started again have nobody to wait for any more: the first of them takes its place. */
  #handOn(): void {
    if (this.#policy.strategy === 'oneForOne') return;
    const first = this.#children.find(({ isDue }) => isDue);
    if (first === undefined) return;
    // Whoever waits, itself perhaps, starts it with those that it concerns; one that was started after it does not.
    if (!this.#children.some((each) => each.waiting !== undefined && this.#concernedBy(each).includes(first))) this.#wait(first, 0);
  }

  #wait(root: Child, delayMs: number): void {
    root.waiting = ++this.#attempts;
    this.#effects.push({ type: 'wait', id: root.id, attempt: root.waiting, delayMs });
  }

  #fail(failure: SupervisorFailure): void {
    this.#close({ purpose: { type: 'fail', failure }, steps: this.#ends(this.#children) });
  }

  #stop(): void {
    if (this.#phase === 'over') this.#effects.push({ type: 'stopped' });
    else if (this.#work?.purpose.type !== 'stop') {
      const starting = this.#current?.type === 'start' ? this.#current.child : undefined;
      // On its way, for all that is known it is there.
      if (starting?.agent === 'absent') starting.agent = 'running';
      if (this.#work?.purpose.type === 'command') this.#answer(this.#work.purpose.call, { type: 'stopping' });
      this.#current = undefined;
      this.#close({ purpose: { type: 'stop' }, steps: this.#ends(this.#children) });
    }
  }

  #close(work: Work): void {
    this.#phase = 'stopping';
    this.#work = work;
    for (const event of this.#queue) this.#refuse(event);
    this.#queue = [];
    for (const child of this.#children) {
      child.waiting = undefined;
      child.isDue = false;
    }
  }

  #refuse(event: SupervisorEvent): void {
    if (event.type === 'command') this.#answer(event.call, { type: 'stopping' });
  }

  #concernedBy(child: Child): readonly Child[] {
    switch (this.#policy.strategy) {
      case 'oneForOne':
        return [child];
      case 'oneForAll':
        return this.#children;
      case 'restForOne':
        return this.#children.slice(this.#children.indexOf(child));
    }
  }

  /** In reverse order of their start, after one whose life is ending already. */
  #ends(children: readonly Child[]): Step[] {
    const steps = children.map((child): Step => ({ type: 'end', child })).reverse();
    return [...steps.filter(({ child }) => child.agent === 'failing'), ...steps.filter(({ child }) => child.agent !== 'failing')];
  }

  #dropTemporary(child: Child): void {
    if (child.restart === 'temporary' && child.agent === 'absent' && this.#phase !== 'stopping') this.#remove(child);
  }

  #remove(child: Child): void {
    const index = this.#children.indexOf(child);
    if (index < 0) return;
    this.#children.splice(index, 1);
    this.#effects.push({ type: 'forget', id: child.id });
  }

  #answer(call: number, outcome: CommandOutcome): void {
    this.#effects.push({ type: 'answer', call, outcome });
  }

  #forgetEventsOf(id: string): void {
    this.#queue = this.#queue
      .filter((event) => !((event.type === 'childFailed' || event.type === 'childEnded') && event.id === id))
      .map((event) => (event.type === 'childrenLost' ? { ...event, ids: event.ids.filter((each) => each !== id) } : event));
  }

  #find(id: string): Child | undefined {
    return this.#children.find((child) => child.id === id);
  }
}

/** Whether an agent that is ended for this purpose is started again in place. */
function isKept(child: Child, purpose: Purpose): boolean {
  return (purpose.type === 'clear' || purpose.type === 'start') && child.restart !== 'temporary';
}

function newChild({ id, restart }: SupervisedChild): Child {
  return { id, restart, agent: 'absent', waiting: undefined, isDue: false, starts: 0 };
}
