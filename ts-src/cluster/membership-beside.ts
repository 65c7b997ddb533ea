/** The membership of a nexus in the thread of the nexus itself: for simulations, where one thread is the whole cluster. A node of the machine has it on a thread of its own (`membership-thread.ts`). */
import type { MembershipConfiguration, MembershipMachine } from '../protocols/membership/membership.js';
import type { MembershipListener, MembershipNeeds, MembershipSurroundings, RunningMembership } from './cluster-surroundings.js';
import { MembershipSide } from './membership-side.js';

export interface MembershipBesideNeeds extends MembershipNeeds {
  readonly hostname: string;
  /** Of the package. */
  readonly version: string;
  readonly surroundings: Omit<MembershipSurroundings, 'happened' | 'failed'>;
  machine(configuration: MembershipConfiguration): MembershipMachine;
}

/** Rejects as `MembershipService.open`. */
export function openMembershipBeside(needs: MembershipBesideNeeds, listener: MembershipListener): Promise<RunningMembership> {
  const { clock, discovery, state } = needs.surroundings;
  return MembershipSide.open({
    ...needs,
    watchesEventLoops: false,
    surroundings: {
      ...{ clock, discovery, state },
      random: () => needs.surroundings.random(),
      openDatagrams: (events) => needs.surroundings.openDatagrams(events),
      happened: (event) => listener.happened(event),
      failed: (error, what) => needs.logger.warn({ error }, what),
    },
  });
}
