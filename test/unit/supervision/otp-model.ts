/**
 * A tree of supervisors as Erlang/OTP's `supervisor` module says, as simply as it can be written: plain recursion, no queue, no steps, no back-off. The dumb twin of
 * `ts-src/model/supervisor.ts`, and what the real runtime is compared to.
 */
import type { RestartType, Strategy } from '../../../dist/ts-src/model/supervisor.js';

export interface WorkerSpecification {
  readonly id: string;
  readonly restart: RestartType;
}

export interface SupervisorTree extends WorkerSpecification {
  readonly strategy: Strategy;
  readonly intensity: number;
  readonly periodMs: number;
  readonly children: readonly (WorkerSpecification | SupervisorTree)[];
}

export type TreeNode = WorkerSpecification | SupervisorTree;

export function isSupervisor(node: TreeNode): node is SupervisorTree {
  return 'children' in node;
}

/** A process: a worker that runs, or a supervisor with its children. */
interface Process {
  readonly specification: TreeNode;
  readonly parent: Process | undefined;
  running: boolean;
  children: Process[];
  restarts: number[];
}

/** Thrown through the levels when a start fails. */
class StartFailed extends Error {}

export class OtpModel {
  readonly log: string[] = [];
  readonly root: Process;
  nowMs = 0;
  readonly failNextStarts = new Map<string, number>();

  constructor(tree: SupervisorTree) {
    this.root = newProcess(tree, undefined);
  }

  /** Whether it started. */
  boot(): boolean {
    try {
      this.#start(this.root);
      return true;
    } catch (error) {
      if (!(error instanceof StartFailed)) throw error;
      return false;
    }
  }

  get isOver(): boolean {
    return !this.root.running;
  }

  /** Ids of workers that run, in the order of the tree. */
  running(of: Process = this.root): string[] {
    if (!of.running) return [];
    return isSupervisor(of.specification) ? of.children.flatMap((child) => this.running(child)) : [of.specification.id];
  }

  /** Of a supervisor, in the order of their start. Undefined if it does not run. */
  childrenOf(supervisor: string): { readonly id: string; readonly isRunning: boolean }[] | undefined {
    const process = this.#find(supervisor);
    if (process?.running !== true) return undefined;
    return process.children.map(({ specification, running }) => ({ id: specification.id, isRunning: running }));
  }

  /** The worker crashes; its process is gone at once. */
  crash(id: string): void {
    const process = this.#find(id);
    if (process?.running !== true) return;
    this.log.push(`stop ${id}`);
    process.running = false;
    this.#exited(process, true);
  }

  /** The worker ends by itself, without a failure. */
  end(id: string): void {
    const process = this.#find(id);
    if (process?.running !== true) return;
    this.log.push(`stop ${id}`);
    process.running = false;
    this.#exited(process, false);
  }

  terminate(supervisor: string, id: string): string {
    return this.#managed(supervisor, id, (parent, child) => {
      this.#terminate(child);
      if (child.specification.restart === 'temporary') remove(parent, child);
      return 'done';
    });
  }

  restart(supervisor: string, id: string): string {
    return this.#managed(supervisor, id, (_parent, child) => {
      if (child.running) return 'running';
      return this.#tryStart(child) ? 'done' : 'startFailed';
    });
  }

  delete(supervisor: string, id: string): string {
    return this.#managed(supervisor, id, (parent, child) => {
      if (child.running) return 'running';
      remove(parent, child);
      return 'done';
    });
  }

  add(supervisor: string, specification: WorkerSpecification): string {
    const parent = this.#find(supervisor);
    if (parent?.running !== true) return 'gone';
    const child = newProcess(specification, parent);
    parent.children.push(child);
    if (this.#tryStart(child)) return 'done';
    remove(parent, child);
    return 'startFailed';
  }

  stop(): void {
    this.#terminate(this.root);
  }

  #managed(supervisor: string, id: string, act: (parent: Process, child: Process) => string): string {
    const parent = this.#find(supervisor);
    if (parent?.running !== true) return 'gone';
    const child = parent.children.find((each) => each.specification.id === id);
    return child === undefined ? 'unknown' : act(parent, child);
  }

  /** restart_child of supervisor.erl */
  #exited(child: Process, failed: boolean): void {
    const { parent } = child;
    if (parent === undefined) return;
    const { restart } = child.specification;
    if (restart === 'permanent' || (restart === 'transient' && failed)) return this.#restart(parent, child);
    if (restart === 'temporary') remove(parent, child);
  }

  #restart(parent: Process, child: Process): void {
    const { strategy, intensity, periodMs } = parent.specification as SupervisorTree;
    for (let failed: Process | undefined = child; failed !== undefined; ) {
      parent.restarts = parent.restarts.filter((at) => this.nowMs - at < periodMs);
      if (parent.restarts.length >= intensity) {
        this.#terminate(parent);
        return this.#exited(parent, true);
      }
      parent.restarts.push(this.nowMs);
      const from = strategy === 'oneForAll' ? 0 : parent.children.indexOf(failed);
      const concerned: Process[] = strategy === 'oneForOne' ? [failed] : parent.children.slice(from);
      for (const each of [...concerned].reverse()) this.#terminate(each);
      for (const each of concerned) if (each.specification.restart === 'temporary') remove(parent, each);
      failed = concerned.filter(({ specification }) => specification.restart !== 'temporary').find((each) => !this.#tryStart(each));
    }
  }

  #tryStart(process: Process): boolean {
    try {
      this.#start(process);
      return true;
    } catch (error) {
      if (!(error instanceof StartFailed)) throw error;
      return false;
    }
  }

  #start(process: Process): void {
    const { specification } = process;
    if (!isSupervisor(specification)) {
      const left = this.failNextStarts.get(specification.id) ?? 0;
      if (left > 0) {
        this.failNextStarts.set(specification.id, left - 1);
        this.log.push(`start ${specification.id} fails`);
        throw new StartFailed();
      }
      this.log.push(`start ${specification.id}`);
      process.running = true;
      return;
    }
    process.children = specification.children.map((child) => newProcess(child, process));
    process.restarts = [];
    process.running = true;
    for (const child of process.children) {
      if (this.#tryStart(child)) continue;
      this.#terminate(process);
      throw new StartFailed();
    }
  }

  /** terminate_child, of a supervisor with all its children, the latest first */
  #terminate(process: Process): void {
    if (!process.running) return;
    for (const child of [...process.children].reverse()) this.#terminate(child);
    if (!isSupervisor(process.specification)) this.log.push(`stop ${process.specification.id}`);
    process.running = false;
  }

  #find(id: string, from: Process = this.root): Process | undefined {
    if (from.specification.id === id) return from;
    for (const child of from.children) {
      const found = this.#find(id, child);
      if (found !== undefined) return found;
    }
    return undefined;
  }
}

function newProcess(specification: TreeNode, parent: Process | undefined): Process {
  return { specification, parent, running: false, children: [], restarts: [] };
}

function remove(parent: Process, child: Process): void {
  const index = parent.children.indexOf(child);
  if (index >= 0) parent.children.splice(index, 1);
}
