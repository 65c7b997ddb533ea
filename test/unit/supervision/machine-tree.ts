/**
 * A tree of the real machines over agents that are nothing but a word in a log: every effect is performed at once and in order, on a clock of its own. What is left is
 * what the machines decide.
 */
import { resolveSupervision } from '../../../dist/ts-src/model/supervision.js';
import { type SupervisorEffect, type SupervisorEvent, SupervisorMachine } from '../../../dist/ts-src/model/supervisor.js';
import { isSupervisor, type SupervisorTree, type TreeNode, type WorkerSpecification } from './otp-model.js';

type Done = (failed: boolean) => void;

/** What runs in the place of a child: a worker, or a supervisor with a machine of its own. */
interface Running {
  readonly specification: TreeNode;
  readonly supervisor: Supervisor | undefined;
}

export class MachineTree {
  readonly log: string[] = [];
  nowMs = 0;
  readonly failNextStarts = new Map<string, number>();
  readonly supervisors = new Map<string, Supervisor>();
  readonly workers = new Map<string, Supervisor>();
  /** What is due, in the order in which it was asked for. */
  #due: (() => void)[] = [];
  isOver = false;
  readonly #tree: SupervisorTree;

  constructor(tree: SupervisorTree) {
    this.#tree = tree;
  }

  boot(): boolean {
    let booted = true;
    const root = new Supervisor(this, this.#tree, undefined, (failed) => {
      booted = !failed;
    });
    root.step({ type: 'boot' });
    this.settle();
    if (!booted) this.isOver = true;
    return booted;
  }

  after(callback: () => void): void {
    this.#due.push(callback);
  }

  settle(): void {
    for (let next = this.#due.shift(); next !== undefined; next = this.#due.shift()) next();
  }

  crash(id: string, escalates = false): void {
    const parent = this.workers.get(id);
    if (parent === undefined) return;
    this.log.push(`stop ${id}`);
    this.workers.delete(id);
    parent.suspend(id);
    parent.step({ type: 'childFailed', id, error: undefined, escalates });
    this.settle();
  }

  end(id: string): void {
    const parent = this.workers.get(id);
    if (parent === undefined) return;
    this.log.push(`stop ${id}`);
    this.workers.delete(id);
    parent.gone(id);
    parent.step({ type: 'childEnded', id, failed: false, error: undefined });
    this.settle();
  }

  command(supervisor: string, type: 'terminate' | 'restart' | 'delete', id: string): string {
    return this.supervisors.get(supervisor)?.command({ type, id }) ?? 'gone';
  }

  add(supervisor: string, child: WorkerSpecification): string {
    return this.supervisors.get(supervisor)?.add(child) ?? 'gone';
  }

  stop(): void {
    this.supervisors.get(this.#tree.id)?.stop(() => undefined);
    this.settle();
    this.isOver = true;
  }
}

export class Supervisor {
  readonly #world: MachineTree;
  readonly #tree: SupervisorTree;
  readonly #parent: Supervisor | undefined;
  readonly #machine: SupervisorMachine;
  readonly #specifications: Map<string, TreeNode>;
  readonly #present = new Map<string, Running>();
  #booted: Done;
  #stopped: (() => void) | undefined;
  #outcome = 'none';
  #calls = 0;

  constructor(world: MachineTree, tree: SupervisorTree, parent: Supervisor | undefined, booted: Done) {
    this.#world = world;
    this.#tree = tree;
    this.#parent = parent;
    this.#booted = booted;
    this.#specifications = new Map(tree.children.map((child) => [child.id, child]));
    const { strategy, intensity, periodMs } = tree;
    this.#machine = new SupervisorMachine({ ...resolveSupervision({ intensity, periodMs }), strategy }, tree.children);
    world.supervisors.set(tree.id, this);
  }

  step(event: SupervisorEvent): void {
    for (const effect of this.#machine.step(event, this.#world.nowMs, () => 0.5)) this.#perform(effect);
  }

  stop(done: () => void): void {
    this.#stopped = done;
    this.step({ type: 'stop' });
  }

  suspend(id: string): void {
    this.#present.delete(id);
  }

  gone(id: string): void {
    this.#present.delete(id);
  }

  command(command: { type: 'terminate' | 'restart' | 'delete'; id: string }): string {
    this.#outcome = 'none';
    this.step({ type: 'command', call: ++this.#calls, command });
    this.#world.settle();
    return this.#outcome;
  }

  add(child: WorkerSpecification): string {
    this.#specifications.set(child.id, child);
    this.#outcome = 'none';
    this.step({ type: 'command', call: ++this.#calls, command: { type: 'start', child } });
    this.#world.settle();
    return this.#outcome;
  }

  #perform(effect: SupervisorEffect): void {
    const world = this.#world;
    switch (effect.type) {
      case 'start':
        return this.#start(effect.id, (failed) =>
          this.step(failed ? { type: 'startFailed', step: effect.step, error: undefined, gone: !effect.inPlace } : { type: 'started', step: effect.step }),
        );
      case 'end':
        return this.#end(effect.id, () => this.step({ type: 'ended', step: effect.step }));
      case 'wait':
        return world.after(() => this.step({ type: 'due', id: effect.id, attempt: effect.attempt }));
      case 'booted':
        return this.#booted(false);
      case 'bootFailed':
        this.#leave();
        return this.#booted(true);
      case 'fail':
        this.#leave();
        if (this.#parent === undefined) {
          world.isOver = true;
          return;
        }
        this.#parent.suspend(this.#tree.id);
        return this.#parent.step({ type: 'childFailed', id: this.#tree.id, error: undefined, escalates: false });
      case 'stopped':
        this.#leave();
        return this.#stopped?.();
      case 'answer':
        this.#outcome = effect.outcome.type;
        return;
      case 'forget':
        this.#specifications.delete(effect.id);
    }
  }

  #leave(): void {
    if (this.#world.supervisors.get(this.#tree.id) === this) this.#world.supervisors.delete(this.#tree.id);
  }

  #start(id: string, done: Done): void {
    const world = this.#world;
    const specification = this.#specifications.get(id) as TreeNode;
    if (this.#present.has(id)) throw new Error(`${id} is started although it runs`);
    if (isSupervisor(specification)) {
      const supervisor = new Supervisor(world, specification, this, (failed) => {
        if (!failed) this.#present.set(id, { specification, supervisor });
        done(failed);
      });
      return supervisor.step({ type: 'boot' });
    }
    const left = world.failNextStarts.get(id) ?? 0;
    if (left > 0) {
      world.failNextStarts.set(id, left - 1);
      world.log.push(`start ${id} fails`);
      return done(true);
    }
    world.log.push(`start ${id}`);
    world.workers.set(id, this);
    this.#present.set(id, { specification, supervisor: undefined });
    done(false);
  }

  #end(id: string, done: () => void): void {
    const running = this.#present.get(id);
    this.#present.delete(id);
    if (running === undefined) return done();
    if (running.supervisor !== undefined) return running.supervisor.stop(done);
    this.#world.log.push(`stop ${id}`);
    this.#world.workers.delete(id);
    done();
  }
}
