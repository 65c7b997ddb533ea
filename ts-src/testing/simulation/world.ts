/**
 * A simulated world: machines, the network between them, and one time for all, in one thread and from one seed. Everything that happens, happens in the same order each time. What runs on
 * the machines are programs (`program.ts`); what goes wrong is done by whoever has the world, with the switches of the nodes and of the network. `createTestCluster` makes one for tests of agents.
 */
import { NexusError, NexusTypeError, optionError, quoted, valueText } from '../../errors.js';
import type { Logger } from '../../model/agent-context.js';
import { isNodeName } from '../../model/node-identity.js';
import { SeededRandom } from '../../model/seeded-random.js';
import { Schedule } from '../schedule.js';
import { withSeed } from '../seed.js';
import { SimulatedNetwork } from './network.js';
import type { Program, RunningProgram } from './program.js';
import { SimulatedNode } from './simulated-node.js';
import type { TraceMark, TraceSink } from './trace.js';
import { VirtualTime } from './virtual-time.js';

export const NODES_MAX = 10_000;
const STEPS_MAX = 1_000_000;
/** What happens within so short a time before it is taken for a storm: messages that answer messages move the time on, by as little as a message takes. */
const MOMENT_MS = 1;
const EVENTS_OF_A_MOMENT_MAX = 250_000;
const ADVANCE_MS_MAX = 1e12;
/** 2026-01-01T00:00:00Z. */
const EPOCH_MS = 1_767_225_600_000;
/** How wrong wall clocks are. */
const SKEW_MS_MAX = 500;

/** What a world begins with. */
export interface WorldOptions {
  readonly seed: number;
  /** Who is told what happens. */
  readonly trace?: TraceSink;
  /** What a datagram is, for the trace: a word. Default `datagram`. */
  readonly nameOf?: (bytes: Uint8Array) => string;
  /** Default 1,767,225,600,000, the beginning of 2026: wall clocks of nodes are wrong by up to half a second. */
  readonly epochMs?: number;
}

export class SimulatedWorld {
  readonly seed: number;
  readonly time = new VirtualTime();
  readonly schedule: Schedule;
  readonly network: SimulatedNetwork;
  readonly #nodes: SimulatedNode[] = [];
  readonly #byName = new Map<string, SimulatedNode>();
  readonly #trace: TraceSink | undefined;
  readonly #epochMs: number;
  readonly #skew: SeededRandom;
  #targetMs = 0;
  #isDone: (() => boolean) | undefined;
  #wasDone = false;
  #failure: { readonly error: unknown } | undefined;
  #isMoving = false;
  #momentMs = 0;
  #momentEvents = 0;
  /** Events so far. */
  events = 0;
  /** Told when a step of a thread of a node is over, at the time of that step. */
  stepped: ((node: SimulatedNode) => void) | undefined;

  constructor({ seed, trace, nameOf = () => 'datagram', epochMs = EPOCH_MS }: WorldOptions) {
    this.seed = seed;
    this.#trace = trace;
    this.#epochMs = epochMs;
    this.#skew = new SeededRandom(seed, 'skew');
    this.schedule = new Schedule(
      () => undefined,
      { next: () => this.#next() },
      ({ group }) => this.stepped?.(this.#nodes[group.order - 1] as SimulatedNode),
    );
    this.network = new SimulatedNetwork({
      seed,
      time: this.time,
      hasTrace: trace !== undefined,
      nameOf,
      note: (mark, node, peer, id, text) => this.note(mark, node, peer, id, text),
      unsettled: () => this.schedule.unsettled(),
    });
  }

  /** Milliseconds since the world began. */
  get nowMs(): number {
    return this.time.nowMs;
  }

  /** In the order in which they were added: the one of number n is at n - 1. */
  get nodes(): readonly SimulatedNode[] {
    return this.#nodes;
  }

  /** A machine, on which nothing runs yet. @throws NexusTypeError NEXUS_OPTION_INVALID */
  add<R extends RunningProgram>(name: string, program: Program<R>, logger: Logger = SILENT): SimulatedNode<R> {
    if (!isNodeName(name)) throw optionError('name', `${valueText(name)} is no name of a node: letters, digits, '.', '_' and '-', at most 63`);
    if (this.#byName.has(name)) throw optionError('name', `there is a node ${quoted(name)} already`);
    if (this.#nodes.length >= NODES_MAX) throw optionError('nodes', `there are ${NODES_MAX} already, which is the most`);
    const skewMs = Math.round((this.#skew.next() * 2 - 1) * SKEW_MS_MAX);
    const node = new SimulatedNode<R>(this, this.#nodes.length + 1, name, program, logger, this.#epochMs + skewMs);
    this.#nodes.push(node as unknown as SimulatedNode);
    this.#byName.set(name, node as unknown as SimulatedNode);
    this.network.add(node);
    return node;
  }

  /** @throws NexusTypeError NEXUS_NODE_UNKNOWN */
  node(name: string): SimulatedNode {
    const node = this.#byName.get(name);
    if (node === undefined) throw new NexusTypeError('NEXUS_NODE_UNKNOWN', `there is no node ${quoted(name)} in this world`, { node: name });
    return node;
  }

  /** Names of the nodes whose process runs. */
  running(): readonly string[] {
    return this.#nodes.filter(({ status }) => status !== 'down').map(({ name }) => name);
  }

  /** A sequence for a purpose of its own: others do not notice how much of it is used. */
  randomOf(purpose: string): SeededRandom {
    return new SeededRandom(this.seed, purpose);
  }

  note(mark: TraceMark, node: number, peer: number, id: number, text: string): void {
    this.#trace?.note(this.time.nowMs, mark, node, peer, id, text);
  }

  /** Lets a time pass. Rejects with whatever was thrown meanwhile, with the seed in its message; and with NEXUS_NEVER_QUIET if a moment does not end. */
  async advance(byMs: number): Promise<void> {
    if (!(typeof byMs === 'number' && byMs >= 0 && byMs <= ADVANCE_MS_MAX))
      throw optionError('advance', `by ${valueText(byMs)} ms; it must be from 0 to ${ADVANCE_MS_MAX}`);
    const targetMs = this.time.nowMs + byMs;
    await this.#move(targetMs, undefined);
    this.time.moveTo(targetMs);
  }

  /** Lets time pass until the condition holds, which is asked each time when nothing is left to do at a moment. False if it does not within that time. */
  async until(condition: () => boolean, withinMs: number): Promise<boolean> {
    if (!(typeof withinMs === 'number' && withinMs >= 0 && withinMs <= ADVANCE_MS_MAX))
      throw optionError('until', `within ${valueText(withinMs)} ms; it must be from 0 to ${ADVANCE_MS_MAX}`);
    const targetMs = this.time.nowMs + withinMs;
    if (await this.#move(targetMs, condition)) return true;
    this.time.moveTo(targetMs);
    return condition();
  }

  /** Lets everything happen that can at this time. */
  async run(): Promise<void> {
    await this.#move(this.time.nowMs, undefined);
  }

  /** The value of a promise; lets the time pass until it settles. Rejects with NEXUS_NEVER_QUIET if it has not within that time. */
  async settle<T>(promise: PromiseLike<T>, withinMs = 60_000): Promise<T> {
    let isSettled = false;
    const settled = (): void => {
      isSettled = true;
    };
    promise.then(settled, settled);
    if (await this.until(() => isSettled, withinMs)) return promise;
    throw withSeed(
      new NexusError('NEXUS_NEVER_QUIET', `the promise has not settled within ${withinMs} ms; the time is ${this.time.nowMs} ms`, { data: { withinMs } }),
      this.seed,
    );
  }

  /** A node has failed in a way that no fault explains: what moves the time is told. */
  fail(error: unknown, { name }: { readonly name: string }): void {
    if (error instanceof Error && !error.message.includes('node ')) error.message = `node ${name} failed: ${error.message}`;
    this.#failure ??= { error };
  }

  /** Ends all processes at once. */
  close(): void {
    for (const node of this.#nodes) if (node.status !== 'down') node.crash({ isSilent: true });
  }

  async #move(targetMs: number, isDone: (() => boolean) | undefined): Promise<boolean> {
    if (this.#isMoving) throw new NexusError('NEXUS_NEVER_QUIET', 'the time is moved already: await advance, until, run or settle before the next of them');
    this.#isMoving = true;
    this.#targetMs = targetMs;
    this.#isDone = isDone;
    this.#wasDone = false;
    try {
      await this.schedule.rest(STEPS_MAX);
    } catch (error) {
      throw withSeed(error, this.seed);
    } finally {
      this.#isMoving = false;
      this.#targetMs = this.time.nowMs;
      this.#isDone = undefined;
    }
    if (this.#failure !== undefined) {
      const { error } = this.#failure;
      this.#failure = undefined;
      throw withSeed(error, this.seed);
    }
    return this.#wasDone;
  }

  #next(): boolean {
    if (this.#failure !== undefined) return false;
    if (this.#isDone?.() === true) {
      this.#wasDone = true;
      return false;
    }
    if (!this.time.next(this.#targetMs)) return false;
    this.events++;
    if (this.time.nowMs > this.#momentMs + MOMENT_MS) {
      this.#momentMs = this.time.nowMs;
      this.#momentEvents = this.events;
    } else if (this.events - this.#momentEvents > EVENTS_OF_A_MOMENT_MAX)
      throw new NexusError(
        'NEXUS_NEVER_QUIET',
        `${EVENTS_OF_A_MOMENT_MAX} things happened within ${MOMENT_MS} ms, until ${this.time.nowMs} ms: messages or timers without end`,
      );
    return true;
  }
}

const SILENT: Logger = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
