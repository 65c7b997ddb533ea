/**
 * Drives the membership of a node: gives its machine the time, datagrams and addresses, and does what the machine wants done. Over `MembershipSurroundings` only, so that it is the same on the
 * membership thread and in a simulation. Callbacks, no promise per message. Not here: what any of it means (`protocols/membership/`), and what else the membership thread does (`membership-side.ts`).
 */
import { NexusError } from '../errors.js';
import type { ClusterTimingOptions, ResolverOptions } from '../model/cluster-options.js';
import type { NodeStanding } from '../model/cluster-snapshot.js';
import type { NodeAddress, NodeIdentity } from '../model/node-identity.js';
import type { DatagramEvents, Datagrams } from '../ports/datagrams.js';
import type { MembershipConfiguration, MembershipInput, MembershipMachine, MembershipSnapshot, NodeDescription } from '../protocols/membership/membership.js';
import type { MembershipSurroundings } from './cluster-surroundings.js';

/** After a write that failed. */
const PERSIST_AGAIN_MS = 1000;
/** The longest wait of a timer of Node. */
const WAIT_MS_MAX = 2 ** 31 - 1;

export interface MembershipServiceOptions {
  /** Names of the cluster and of this node. */
  readonly cluster: string;
  readonly node: string | ((address: NodeAddress) => string);
  readonly weight: number;
  readonly resolver: ResolverOptions;
  readonly timing: Required<ClusterTimingOptions>;
  /** What the node says of itself when it starts. */
  readonly description: NodeDescription;
  machine(configuration: MembershipConfiguration): MembershipMachine;
  /** After each step, before its effects. */
  stepped?(service: MembershipService): void;
}

export class MembershipService {
  readonly #options: MembershipServiceOptions;
  readonly #surroundings: MembershipSurroundings;
  #datagrams: Datagrams | undefined;
  #machine: MembershipMachine | undefined;
  #isClosed = false;
  /** What came while a step was under way: its turn is after it. */
  readonly #inputs: MembershipInput[] = [];
  #isStepping = false;
  #cancelTimer = (): void => undefined;
  #timerMs = Number.POSITIVE_INFINITY;
  /** What is to be written next; only the last of what is wanted meanwhile. */
  #toPersist: Uint8Array | undefined;
  #persisting: Promise<void> | undefined;
  #cancelPersistAgain = (): void => undefined;

  private constructor(options: MembershipServiceOptions, surroundings: MembershipSurroundings) {
    this.#options = options;
    this.#surroundings = surroundings;
  }

  /** Listens, and begins to join. Rejects with NexusError NEXUS_LISTEN_FAILED, and with what the state store rejects with; nothing is left open then. */
  static async open(options: MembershipServiceOptions, surroundings: MembershipSurroundings): Promise<MembershipService> {
    const state = await surroundings.state?.load();
    const service = new MembershipService(options, surroundings);
    await service.#open(state);
    return service;
  }

  get self(): NodeIdentity {
    return this.#running.self;
  }

  /** Where the others send to. */
  get address(): NodeAddress {
    return (this.#datagrams as Datagrams).address;
  }

  get standing(): NodeStanding {
    return this.#running.standing;
  }

  /** Until when agents may run if nothing is heard any more, in the time of the clock. */
  get leaseEndMs(): number {
    return this.#running.leaseEndMs;
  }

  /** Computed from the clock: true before a timer has noticed anything. */
  get mayRun(): boolean {
    return this.#running.mayRun(this.#surroundings.clock.nowMs());
  }

  snapshot(): MembershipSnapshot {
    const refusals = Object.fromEntries(this.#datagrams?.refusals?.() ?? []);
    return { ...this.#running.snapshot(this.#surroundings.clock.nowMs()), refusals };
  }

  /** What this node says of itself from now on. */
  describe(description: NodeDescription): void {
    this.#step({ type: 'described', description });
  }

  /** Begins to leave: the standing becomes `left` when nobody counts on this node any more, or it waited for that long enough. */
  leave(): void {
    this.#step({ type: 'leave' });
  }

  /** Asks for another weight in the agreed view. */
  weigh(weight: number): void {
    this.#step({ type: 'weigh', weight });
  }

  /** Says nothing to anybody, and does nothing any more. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#cancelTimer();
    this.#cancelPersistAgain();
    this.#surroundings.discovery.close();
    await this.#persisting;
    await this.#datagrams?.close();
  }

  get #running(): MembershipMachine {
    return this.#machine as MembershipMachine;
  }

  async #open(state: Uint8Array | undefined): Promise<void> {
    const { clock, discovery } = this.#surroundings;
    const { cluster, node, weight, resolver, timing, description } = this.#options;
    const events: DatagramEvents = {
      received: (from, bytes, sender) => this.#step({ type: 'received', from, bytes, sender }),
      refused: (address, error) => this.#step({ type: 'refused', address, because: error.message, isToMend: isToMend(error) }),
      failed: (address, error) => this.#step({ type: 'undelivered', address, because: error.message }),
    };
    this.#datagrams = await this.#surroundings.openDatagrams(events);
    const { address } = this.#datagrams;
    this.#machine = this.#options.machine({
      ...{ cluster, weight, resolver, timing, description, state, address },
      node: typeof node === 'string' ? node : node(address),
      incarnation: Math.floor(clock.epochMs()),
      random: () => this.#surroundings.random(),
    });
    this.#step({ type: 'tick' });
    discovery.start(address, {
      discovered: (addresses) => this.#step({ type: 'discovered', addresses, isStatic: discovery.isStatic }),
      failed: (error) => this.#surroundings.failed?.(error, 'other nodes could not be looked for'),
    });
  }

  #step(input: MembershipInput): void {
    // Datagrams may come before the machine is there, and nobody has asked for them yet.
    if (this.#isClosed || this.#machine === undefined) return;
    if (this.#isStepping) {
      // Its bytes are the sender's again when this call returns.
      this.#inputs.push(input.type === 'received' ? { ...input, bytes: input.bytes.slice() } : input);
      return;
    }
    this.#isStepping = true;
    try {
      for (let next: MembershipInput | undefined = input; next !== undefined && !this.#isClosed; next = this.#inputs.shift()) this.#perform(next);
    } finally {
      this.#isStepping = false;
    }
    if (!this.#isClosed) this.#setTimer();
  }

  #perform(input: MembershipInput): void {
    const effects = this.#running.step(this.#surroundings.clock.nowMs(), input);
    this.#options.stepped?.(this);
    for (const effect of effects) {
      switch (effect.type) {
        case 'send':
          (this.#datagrams as Datagrams).send(effect.to, effect.bytes);
          break;
        case 'persist':
          this.#persist(effect.bytes);
          break;
        case 'event':
          this.#surroundings.happened(effect.event);
      }
    }
  }

  /** Most steps move the next tick away: a timer that comes early then costs less than a new one for each. */
  #setTimer(): void {
    const { dueMs } = this.#running;
    if (dueMs >= this.#timerMs) return;
    this.#cancelTimer();
    this.#timerMs = dueMs;
    const { clock } = this.#surroundings;
    const untilMs = dueMs - clock.nowMs();
    // Never at once: a machine that is due in the past again and again must not keep its thread from everything else.
    const delayMs = untilMs > 0 ? Math.min(untilMs, WAIT_MS_MAX) : 1;
    this.#cancelTimer = clock.after(delayMs, () => {
      this.#timerMs = Number.POSITIVE_INFINITY;
      this.#cancelTimer = () => undefined;
      if (clock.nowMs() >= this.#running.dueMs) this.#step({ type: 'tick' });
      else this.#setTimer();
    });
  }

  #persist(bytes: Uint8Array): void {
    const { state } = this.#surroundings;
    if (state === undefined) {
      this.#inputs.push({ type: 'persisted' });
      return;
    }
    this.#toPersist = bytes;
    this.#persisting ??= this.#write();
  }

  /** One write at a time; `persisted` is said when nothing is left to be written. */
  async #write(): Promise<void> {
    const { state, clock } = this.#surroundings;
    try {
      while (this.#toPersist !== undefined) {
        const bytes = this.#toPersist;
        await state?.save(bytes);
        if (this.#toPersist === bytes) this.#toPersist = undefined;
      }
    } catch (error) {
      this.#persisting = undefined;
      this.#surroundings.failed?.(error as Error, 'the state of this node could not be written');
      // What depends on it waits.
      if (!this.#isClosed)
        this.#cancelPersistAgain = clock.after(PERSIST_AGAIN_MS, () => {
          if (this.#toPersist !== undefined) this.#persisting ??= this.#write();
        });
      return;
    }
    this.#persisting = undefined;
    this.#step({ type: 'persisted' });
  }
}

/** The two do not fit together, or somebody else listens there: so it stays, until one of them is given other options. */
function isToMend(error: Error): boolean {
  return error instanceof NexusError && (error.code === 'NEXUS_UPGRADE_REFUSED' || error.code.startsWith('NEXUS_TLS_'));
}
