/** The simulation of the membership alone with the machine of production, for `nexus sim --membership` and for tests. */
import { Membership } from '../../protocols/membership/membership-machine.js';
import { type MembershipSimulationOptions, membershipSimulation } from './membership-simulation.js';
import type { Simulation } from './simulation.js';

export function builtInMembership(options: Omit<MembershipSimulationOptions, 'machine'> = {}): Simulation {
  return membershipSimulation({ machine: (configuration) => new Membership(configuration), ...options });
}
