/** A node of a test cluster, as the test has it: its nexus, and the switches of its process, its clock and its disk. */
import { NexusTypeError } from '../errors.js';
import type { Nexus } from '../nexus.js';
import type { LogLine } from '../runtime/system-calls.js';
import type { Distribution } from './simulation/distribution.js';
import type { NexusStart } from './simulation/nexus-program.js';
import type { DiskFaults } from './simulation/simulated-disk.js';
import type { CrashOptions, NodeStatus, SimulatedNode } from './simulation/simulated-node.js';

/** A node of a cluster that `createTestCluster` has made. */
export class TestNode {
  readonly #node: SimulatedNode<NexusStart>;
  readonly #log: readonly LogLine[];

  constructor(node: SimulatedNode<NexusStart>, log: readonly LogLine[]) {
    this.#node = node;
    this.#log = log;
  }

  get name(): string {
    return this.#node.name;
  }

  /** From 1, as in the trace. */
  get number(): number {
    return this.#node.number;
  }

  /** Its process: `running` also while it starts or stands still. */
  get status(): NodeStatus {
    return this.#node.status;
  }

  /** Of the process that ended last: 0 when it was stopped, 3 when it was fenced, undefined after a crash. */
  get exitCode(): number | undefined {
    return this.#node.exitCode;
  }

  /** Whether it has a process. */
  get isUp(): boolean {
    return this.#node.status !== 'down';
  }

  get isPaused(): boolean {
    return this.#node.isPaused;
  }

  /** Whether `nexus` is there. */
  get hasStarted(): boolean {
    return this.#node.program !== undefined;
  }

  /** Of its present process: another one after each start. @throws NexusTypeError NEXUS_NODE_STATE while it is down, or has not started */
  get nexus(): Nexus {
    const { program } = this.#node;
    if (program !== undefined) return program.nexus;
    throw new NexusTypeError(
      'NEXUS_NODE_STATE',
      `nexus: node ${this.name} has none, because it ${this.status === 'down' ? 'is down' : 'has not started yet'}`,
      {
        node: this.name,
      },
    );
  }

  /** What was logged on it, by all of its processes, the first 10,000 lines. */
  get log(): readonly LogLine[] {
    return this.#log;
  }

  /** What it is and knows, for messages. */
  get text(): string {
    if (!this.hasStarted) return `${this.name} is ${this.status}`;
    const { cluster } = this.nexus;
    const members = cluster?.members().map(({ name, reachability }) => `${name}${reachability === 'reachable' ? '' : ` (${reachability})`}`);
    return `${this.name}${this.isPaused ? ' stands still and' : ''} is ${cluster?.standing} of view ${cluster?.view}: ${members?.join(' ') || 'nobody'}`;
  }

  /** A new process on a node that is down. Time has to pass until `hasStarted`. @throws NexusTypeError NEXUS_NODE_STATE */
  start(): void {
    this.#node.start();
  }

  /** Stops its nexus, which leaves the cluster, and its process. Time has to pass for that: `await cluster.settle(node.stop())`. */
  stop(): Promise<void> {
    return this.#node.stop();
  }

  /** The process ends at once, and what was not synced to its disk is gone. @throws NexusTypeError NEXUS_NODE_STATE */
  crash(options?: CrashOptions): void {
    this.#node.crash(options);
  }

  /** A new process in the place of the one that runs, which crashes, or of the one that has ended. */
  restart(options?: CrashOptions): void {
    this.#node.restart(options);
  }

  /** It stands still, as after SIGSTOP: its clock goes on, and what comes waits. @throws NexusTypeError NEXUS_NODE_STATE */
  pause(): void {
    this.#node.pause();
  }

  resume(): void {
    this.#node.resume();
  }

  /** Whatever it does begins that much later. 0: not any more. @throws NexusTypeError NEXUS_OPTION_INVALID */
  slow(by: Distribution): void {
    this.#node.slow(by);
  }

  /** Its clock is fast by this share, or slow if it is below 0. @throws NexusTypeError NEXUS_OPTION_INVALID */
  drift(rate: number): void {
    this.#node.drift(rate);
  }

  /** Its wall clock is set, forward or back. @throws NexusTypeError NEXUS_OPTION_INVALID */
  jump(byMs: number): void {
    this.#node.jump(byMs);
  }

  /** What its disk does wrong from now on; what is not named stays. */
  disk(faults: Partial<DiskFaults>): void {
    Object.assign(this.#node.disk.faults, faults);
  }

  /** Ends a worker thread of its nexus as a crash would, between two steps. @throws NexusTypeError NEXUS_THREAD_UNKNOWN, NEXUS_NODE_STATE */
  killThread(thread: number): void {
    const { threadCount } = this.nexus;
    if (this.#node.program?.killThread(thread) === true) return;
    throw new NexusTypeError('NEXUS_THREAD_UNKNOWN', `thread ${thread} of node ${this.name} cannot be killed; threads are 1 to ${threadCount - 1}`, { thread });
  }
}
