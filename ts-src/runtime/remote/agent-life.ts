/** Which agent of an id a reference means, where no registry says it: for agents that belong to their node. Values; what the number of a registered agent is says `model/registration.ts`. */
import type { Registration } from '../../model/registration.js';

/** A generation has 29 bits, a slot at most 23. */
const GENERATIONS = 2 ** 29;

/** Of durable agents, which are whoever has the id. */
export const DURABLE_LIFE = 0;

/** Below 0, and another one for each agent that the table of a nexus ever has. */
export function lifeOf(slot: number, generation: number): number {
  return -(slot * GENERATIONS + generation);
}

/** The agent is of its node, and is nowhere else, ever. */
export function isOfNode(life: number): boolean {
  return life < 0;
}

/** What `lifeOf` was made of. */
export function addressOfLife(life: number): { readonly slot: number; readonly generation: number } {
  return { slot: Math.floor(-life / GENERATIONS), generation: -life % GENERATIONS };
}

export function lifeOfRegistration(registration: Registration, isDurable: boolean): number {
  return isDurable ? DURABLE_LIFE : registration.life;
}
