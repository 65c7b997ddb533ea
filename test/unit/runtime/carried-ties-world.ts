/** An agent that has come from another node, tied to one that is nowhere: what watches and links have in common there. */
import { AgentCell, Status } from '../../../dist/ts-src/runtime/agent-cell.js';
import type { AgentReference } from '../../../dist/ts-src/runtime/agent-reference.js';
import type { NodeTies } from '../../../dist/ts-src/runtime/remote/node-ties.js';
import { ManualClock } from './manual-clock.js';

export const reference = (id: string, slot: number): AgentReference =>
  ({ id, kind: 'k', slot, generation: 1, remote: undefined, equals: (other: AgentReference) => other.id === id }) as unknown as AgentReference;

export function carriedTiesWorld() {
  const clock = new ManualClock();
  const cell = new AgentCell({} as ConstructorParameters<typeof AgentCell>[0], 1, 1);
  cell.status = Status.ready;
  const [self, missing] = [reference('self', 1), reference('missing', 2)];
  /** The other agent, when it is there again. */
  const again: { cell: AgentCell | undefined } = { cell: undefined };
  const sent = (): never => {
    throw new Error('there is one thread');
  };
  const needs = {
    ...{ thread: 0, clock },
    nodes: { isNode: true, leads: () => false, onLoss: () => undefined } as unknown as NodeTies,
    cellOf: (ref: AgentReference) => (ref === self ? cell : ref === missing ? again.cell : undefined),
    threadOf: (ref: AgentReference) => (ref === self ? 0 : -1),
    referenceOf: () => self,
  };
  return { clock, cell, self, missing, again, sent, needs };
}
