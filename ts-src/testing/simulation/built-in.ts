/** The simulations that need no module, for `nexus sim --membership` and `nexus sim --agents`, and for tests: of the membership alone, and of whole nexuses with agents. */
import { Membership } from '../../protocols/membership/membership-machine.js';
import { type MembershipSimulationOptions, membershipSimulation } from './membership-simulation.js';
import type { Simulation } from './simulation.js';

export function builtInMembership(options: Omit<MembershipSimulationOptions, 'machine'> = {}): Simulation {
  return membershipSimulation({ machine: (configuration) => new Membership(configuration), ...options });
}

export { builtInAgents } from './agents-simulation.js';
