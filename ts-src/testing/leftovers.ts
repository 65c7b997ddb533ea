/** What a test has left behind: agents, their timers, asks that wait, handlers that run. Read from the threads that can be seen: all of a test nexus, the calling one of a real one. */
import { NexusError } from '../errors.js';
import { type Nexus, partsOf } from '../nexus.js';
import { type AgentCell, Status } from '../runtime/agent-cell.js';
import type { ThreadHost } from '../runtime/thread-host.js';

/** What a test has left behind. */
export interface Leftovers {
  /** Live agents, as `kind 'id'`. */
  readonly agents: readonly string[];
  /** Timers of agents that wait. */
  readonly timers: number;
  /** Asks that wait for a reply. */
  readonly asks: number;
  /** Async handlers that run. */
  readonly handlers: number;
}

/** An agent whose hook or handler has not come to its end. */
export interface WaitingAgent {
  readonly id: string;
  readonly kind: string;
  readonly thread: number;
  readonly what: 'start' | 'handler' | 'restart' | 'stop';
}

const NAMED_MAX = 10;
const WAITING: ReadonlyMap<number, WaitingAgent['what']> = new Map([
  [Status.starting, 'start'],
  [Status.busy, 'handler'],
  [Status.suspended, 'restart'],
  [Status.stopping, 'stop'],
]);

export function leftoversOf(hosts: readonly ThreadHost[]): Leftovers {
  const cells = hosts.flatMap((host) => [...host.cells].map((cell) => ({ host, cell })));
  return {
    agents: cells.map(({ host, cell }) => `${cell.kind.name} '${host.nameOf(cell.slot, cell.generation)}'`),
    timers: cells.reduce((sum, { cell }) => sum + timersOf(cell), 0),
    asks: hosts.reduce((sum, { asks }) => sum + asks.size, 0),
    handlers: hosts.reduce((sum, { dispatcher }) => sum + dispatcher.running, 0),
  };
}

export function waitingAgentsOf(host: ThreadHost): WaitingAgent[] {
  return [...host.cells].flatMap((cell) => {
    const what = WAITING.get(cell.status);
    return what === undefined ? [] : [{ id: host.nameOf(cell.slot, cell.generation) ?? '', kind: cell.kind.name, thread: host.thread, what }];
  });
}

/**
 * Of a real nexus: the agents of all threads, and what else the calling thread has. Of a test nexus `nexus.leftovers()` sees all.
 * @throws NexusError NEXUS_TEST_LEFTOVERS, which names them
 */
export function expectNothingLeft(nexus: Nexus): void {
  const own = (nexus as { leftovers?: () => Leftovers }).leftovers?.() ?? leftoversOf([partsOf(nexus).host]);
  const agents = [...nexus.agents()].map(({ kind, id }) => `${kind} '${id}'`);
  const { timers, asks, handlers } = own;
  if (agents.length === 0 && timers === 0 && asks === 0 && handlers === 0) return;
  const named = [...agents.slice(0, NAMED_MAX), ...(agents.length > NAMED_MAX ? [`${agents.length - NAMED_MAX} more`] : [])].join(', ');
  throw new NexusError(
    'NEXUS_TEST_LEFTOVERS',
    `left behind: ${agents.length} agents${named === '' ? '' : ` (${named})`}, ${timers} timers, ${asks} asks that wait, ${handlers} handlers that run`,
    { data: { agents, timers, asks, handlers } },
  );
}

function timersOf({ extra }: AgentCell): number {
  let count = 0;
  for (let timer = extra?.timers; timer !== undefined; timer = timer.next) count++;
  return count;
}
