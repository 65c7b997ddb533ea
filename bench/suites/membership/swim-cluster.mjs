/** A cluster of bare failure detectors, all of which are members from the beginning. */
import { Swim } from '../../../dist/ts-src/protocols/swim/swim.js';
import { addressAt, DatagramWorld, randomOf } from './datagram-world.mjs';

export const nameAt = (index) => `n${String(index).padStart(4, '0')}`;
export const identityAt = (index) => ({ name: nameAt(index), incarnation: 1 });
export const indexOf = ({ name }) => Number(name.slice(1));

/**
 * @param {{ seed: number, nodes: number, loss?: number, duplication?: number, options?: object, latencyMs?: (from: number, to: number) => number, machine?: typeof Swim }} settings
 *   `machine`: another build of it
 */
export function swimCluster({ seed, nodes, options = {}, machine: Machine = Swim, ...network }) {
  const random = randomOf(seed);
  const world = new DatagramWorld({ random, ...network });
  for (let index = 0; index < nodes; index++) {
    const machine = new Machine(identityAt(index), new Uint8Array([0]), { random, grantFor: () => 1 }, options);
    world.add({ machine, toInput: (from, { message }) => ({ type: 'received', from: identityAt(from), address: addressAt(from), message }) });
  }
  const members = Array.from({ length: nodes }, (_, index) => ({ ...identityAt(index), address: addressAt(index) }));
  for (let index = 0; index < nodes; index++) world.input(index, { type: 'admit', members });
  return world;
}
