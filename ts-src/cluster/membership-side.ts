/**
 * What the membership of a node does beside its protocol, on the thread where that runs: writes into the shared memory until when the threads may run handlers, and tells the others which event loops
 * are blocked. Used by the entry of the membership thread (`membership-thread-main.ts`) and, beside the nexus, by simulations (`membership-beside.ts`).
 */
import type { SharedMemory } from '../../bindings/shared-memory.js';
import * as L from '../../layout/generated/layout.js';
import type { NodeAddress, NodeIdentity } from '../model/node-identity.js';
import type { Clock } from '../ports/clock.js';
import type { MembershipConfiguration, MembershipMachine, MembershipSnapshot } from '../protocols/membership/membership.js';
import type { MembershipSurroundings, OwnDescription } from './cluster-surroundings.js';
import { EventLoopWatch } from './event-loop-watch.js';
import { MembershipService } from './membership-service.js';
import { defaultNodeName, type ResolvedCluster } from './resolve-cluster-options.js';

export interface MembershipSideNeeds {
  readonly options: ResolvedCluster;
  readonly shared: SharedMemory;
  readonly hostname: string;
  /** Of the package. */
  readonly version: string;
  readonly watchesEventLoops: boolean;
  readonly surroundings: MembershipSurroundings;
  machine(configuration: MembershipConfiguration): MembershipMachine;
}

export class MembershipSide {
  readonly #needs: MembershipSideNeeds;
  readonly #clock: Clock;
  readonly #watch: EventLoopWatch | undefined;
  #service: MembershipService | undefined;
  #own: OwnDescription;
  #stalled: readonly number[] = [];
  #runUntilMs = Number.POSITIVE_INFINITY;
  #isFenced = false;
  #cancelLook = (): void => undefined;

  private constructor(needs: MembershipSideNeeds) {
    this.#needs = needs;
    this.#clock = needs.surroundings.clock;
    this.#own = { dataAddress: undefined, metadata: needs.options.metadata };
    if (needs.watchesEventLoops) this.#watch = new EventLoopWatch(needs.shared, needs.options.timing.stalledAfterMs);
  }

  /** Rejects as `MembershipService.open`. */
  static async open(needs: MembershipSideNeeds): Promise<MembershipSide> {
    const side = new MembershipSide(needs);
    await side.#open();
    return side;
  }

  get self(): NodeIdentity {
    return this.#running.self;
  }

  get address(): NodeAddress {
    return this.#running.address;
  }

  snapshot(): MembershipSnapshot {
    return this.#running.snapshot();
  }

  describe(own: OwnDescription): void {
    this.#own = own;
    this.#describe();
  }

  leave(): void {
    this.#running.leave();
  }

  weigh(weight: number): void {
    this.#running.weigh(weight);
  }

  async close(): Promise<void> {
    this.#cancelLook();
    await this.#service?.close();
  }

  get #running(): MembershipService {
    return this.#service as MembershipService;
  }

  async #open(): Promise<void> {
    const { options, hostname, surroundings, machine } = this.#needs;
    this.#service = await MembershipService.open(
      {
        cluster: options.name,
        node: options.node ?? (({ port }) => defaultNodeName(hostname, port)),
        weight: options.weight,
        resolver: options.resolver,
        timing: options.timing,
        description: this.#description(),
        machine,
        stepped: (service) => this.#limitRun(service),
      },
      surroundings,
    );
    if (this.#watch !== undefined) this.#look(this.#watch);
  }

  /** All threads stop by themselves at this time, whichever of them, this one included, does not come to anything any more. */
  #limitRun({ standing, leaseEndMs }: MembershipService): void {
    const { stopMarginMs } = this.#needs.options.timing;
    if (this.#isFenced || standing === 'joining') return;
    this.#isFenced = standing === 'fenced' || standing === 'left';
    const runUntilMs = this.#isFenced ? Math.min(this.#runUntilMs, this.#clock.nowMs() + stopMarginMs) : leaseEndMs + stopMarginMs;
    if (runUntilMs === this.#runUntilMs) return;
    this.#runUntilMs = runUntilMs;
    this.#needs.shared.doubles[L.HEADER_WORD_RUN_UNTIL / 2] = runUntilMs;
  }

  #look(watch: EventLoopWatch): void {
    const stalled = watch.look(this.#clock.nowMs());
    if (stalled.length !== this.#stalled.length || stalled.some((thread, index) => thread !== this.#stalled[index])) {
      this.#stalled = stalled;
      this.#describe();
    }
    this.#cancelLook = this.#clock.after(EventLoopWatch.periodMs(this.#needs.options.timing.stalledAfterMs), () => this.#look(watch));
  }

  #describe(): void {
    this.#running.describe(this.#description());
  }

  #description(): { readonly version: string; readonly stalledThreads: readonly number[] } & OwnDescription {
    return { ...this.#own, version: this.#needs.version, stalledThreads: this.#stalled };
  }
}
