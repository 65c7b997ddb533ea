/**
 * A node that is nothing but its membership: the driver and the machine of production on the simulated network, clock and disk, without agents. What it may run is what its lease says. Of
 * thousands of these the protocol is seen; agents on top of it are the business of a whole simulated nexus.
 */
import { MembershipService } from '../../cluster/membership-service.js';
import type { ClusterTimingOptions, ResolverOptions } from '../../model/cluster-options.js';
import type { NodeStanding } from '../../model/cluster-snapshot.js';
import type { NodeAddress, NodeIdentity } from '../../model/node-identity.js';
import type { SeededRandom } from '../../model/seeded-random.js';
import type { MembershipConfiguration, MembershipEvent, MembershipMachine, MembershipSnapshot } from '../../protocols/membership/membership.js';
import type { Program, ProgramSurroundings, RunningProgram } from './program.js';

export const MEMBERSHIP_PORT = 7400;
/** Of `nexus run`, when a node is fenced. */
const FENCED_EXIT_CODE = 3;
/** Of the time that stopping agents may take; the rest is for clocks that differ. */
const STOPPING_SHARE = 0.9;
/** What nodes weigh, and after how long they want to weigh something else: some of them do, now and then, as nodes do that drain. */
const WEIGHTS = [1, 1, 1, 0, 0.5, 3];
const WEIGH_AGAIN_MS_MAX = 60_000;

export interface MembershipProgramOptions {
  readonly resolver: ResolverOptions;
  readonly timing: Required<ClusterTimingOptions>;
  readonly seeds: readonly NodeAddress[];
  machine(configuration: MembershipConfiguration): MembershipMachine;
  /** Told of everything before anybody else. */
  happened(start: MembershipStart, event: MembershipEvent): void;
}

export function membershipProgram(options: MembershipProgramOptions): Program<MembershipStart> {
  return {
    // Of the steps of such a node only what the disk answers settles a promise, which says so itself; and its end, which is awaited.
    hasPromises: false,
    start: async (surroundings) => {
      const start = new MembershipStart(options, surroundings);
      await start.open();
      return start;
    },
  };
}

/** One start of such a node. */
export class MembershipStart implements RunningProgram {
  readonly #options: MembershipProgramOptions;
  readonly #surroundings: ProgramSurroundings;
  #service: MembershipService | undefined;
  #leaseEndMs = Number.NEGATIVE_INFINITY;
  #left: (() => void) | undefined;
  /** That this node wants to have. */
  weight: number;
  readonly #weights: SeededRandom;

  constructor(options: MembershipProgramOptions, surroundings: ProgramSurroundings) {
    this.#options = options;
    this.#surroundings = surroundings;
    this.#weights = surroundings.randomOf('weights');
    this.weight = this.#drawWeight();
  }

  async open(): Promise<void> {
    const { clock, random, openDatagrams, staticDiscovery, state, name } = this.#surroundings;
    const { resolver, timing, machine, seeds } = this.#options;
    this.#service = await MembershipService.open(
      {
        ...{ cluster: 'simulated', node: name, weight: this.weight, resolver, timing },
        description: { dataAddress: undefined, version: '0.0.0', metadata: {}, stalledThreads: [] },
        machine,
        stepped: (service) => {
          this.#service = service;
          if (Number.isFinite(service.leaseEndMs)) this.#leaseEndMs = service.leaseEndMs;
        },
      },
      {
        clock,
        random,
        state,
        openDatagrams: (events) => openDatagrams(MEMBERSHIP_PORT, events),
        discovery: staticDiscovery(seeds),
        happened: (event) => this.#happened(event),
      },
    );
    this.#weighAgain();
  }

  get number(): number {
    return this.#surroundings.number;
  }

  get self(): NodeIdentity {
    return (this.#service as MembershipService).self;
  }

  get standing(): NodeStanding {
    return this.#service?.standing ?? 'joining';
  }

  /** Whether agents may run, or are still about to stop: they take their time. */
  get runs(): boolean {
    if (this.#service === undefined) return false;
    if (this.#service.mayRun) return true;
    // Who leaves has stopped them before it says so.
    if (this.standing === 'leaving' || this.standing === 'left' || this.#surroundings.threads.isPaused) return false;
    return this.#surroundings.clock.nowMs() < this.#leaseEndMs + this.#options.timing.stopMarginMs * STOPPING_SHARE;
  }

  snapshot(): MembershipSnapshot | undefined {
    return this.#service?.snapshot();
  }

  /** Leaves the cluster first. */
  async stop(): Promise<void> {
    const service = this.#service;
    if (service === undefined) return;
    this.#surroundings.life.hasPromises = true;
    if (service.standing !== 'left' && service.standing !== 'fenced') {
      const left = new Promise<void>((resolve) => {
        this.#left = resolve;
      });
      service.leave();
      await left;
    }
    await service.close();
  }

  #drawWeight(): number {
    return WEIGHTS[Math.floor(this.#weights.next() * WEIGHTS.length)] as number;
  }

  #weighAgain(): void {
    this.#surroundings.clock.after(this.#weights.next() * WEIGH_AGAIN_MS_MAX, () => {
      this.weight = this.#drawWeight();
      this.#service?.weigh(this.weight);
      this.#weighAgain();
    });
  }

  #happened(event: MembershipEvent): void {
    this.#surroundings.note(eventText(event));
    this.#options.happened(this, event);
    if (event.type !== 'standing') return;
    if (event.standing === 'left' || event.standing === 'fenced') this.#left?.();
    if (event.standing !== 'fenced') return;
    // It may be fenced before the end of the lease that it was last seen to have: answers under a later view than its own take the place of those under its own. Its time to stop has begun.
    this.#leaseEndMs = Math.min(this.#leaseEndMs, this.#surroundings.clock.nowMs());
    // As `nexus run` does: it stops its agents, which takes its time, and ends.
    const { clock, exit } = this.#surroundings;
    clock.after(this.#options.timing.stopMarginMs * STOPPING_SHARE, () => exit(FENCED_EXIT_CODE));
  }
}

/** Such as `view 4: n1#1767225600000 n2#1767225600310; removed n3#1767225600112`. */
export function eventText(event: MembershipEvent): string {
  const list = (what: string, nodes: readonly NodeIdentity[]): string => (nodes.length === 0 ? '' : `; ${what} ${nodes.map(identityText).join(' ')}`);
  switch (event.type) {
    case 'standing':
      return `${event.standing}${event.because === undefined ? '' : `: ${event.because}`}`;
    case 'view':
      return `view ${event.number}: ${event.members.map(identityText).join(' ')}${list('joined', event.joined)}${list('left', event.left)}${list('removed', event.removed)}`;
    case 'reachability':
      return `${identityText(event.node)} is ${event.reachability}`;
    case 'stalled':
      return `${identityText(event.node)} stalls on threads [${event.threads.join(' ')}]`;
    case 'described':
      return `${identityText(event.node)} has described itself`;
    case 'warning':
      return `warns: ${event.because}`;
    case 'refusedMessage':
      return `a message of ${event.from.host} is refused: ${event.code}`;
  }
}

function identityText({ name, incarnation }: NodeIdentity): string {
  return `${name}#${incarnation}`;
}
