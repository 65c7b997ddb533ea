/**
 * What an ask that timed out was waiting for, as far as this thread can see without asking anybody: in its own cells and in the shared memory. Looked at when the time is
 * over, never before; by `pending-asks.ts`. A hint: it may be a moment old.
 */
import { type SharedMemory, threadWord } from '../../bindings/shared-memory.js';
import * as L from '../../layout/generated/layout.js';
import type { RoutingTable } from '../ports/engine.js';
import { Status } from './agent-cell.js';
import type { CellTable } from './cell-table.js';
import { isCongested } from './record-word.js';

export type AgentDoing = 'starting' | 'ready' | 'busy' | 'restarting' | 'moving' | 'ending';

export interface AskWaiting {
  /** Where the agent is; -1: it has ended, or is on a node that has not answered. */
  readonly thread: number;
  /** The node that the thread is one of, if it is another one than that of whoever has asked. */
  readonly node?: string;
  /** Of that thread: `here` is the asking one; `busy` runs handlers; `idle` waits for messages, so that the handler waits for something itself, or never replies. `silent` is a node that has not answered. */
  readonly state: 'here' | 'busy' | 'idle' | 'starting' | 'lost' | 'stopped' | 'ended' | 'silent';
  /** Of an agent of this thread: what it is doing. */
  readonly agent?: AgentDoing;
  /** Of an agent of this thread: messages in its mailbox. */
  readonly messages?: number;
  /** Of an agent of another thread: its mailbox is nearly full. */
  readonly isCongested?: boolean;
}

export interface AskWaitingNeeds {
  readonly thread: number;
  readonly shared: SharedMemory;
  readonly table: RoutingTable;
  readonly cells: CellTable;
}

/** Undefined for what is no agent: a call of the runtime. */
export function askWaiting({ thread, shared, table, cells }: AskWaitingNeeds, target: object): AskWaiting | undefined {
  const node = nodeOf(target);
  if (node !== undefined) return { thread: -1, node, state: 'silent' };
  const { slot, generation } = target as { slot?: unknown; generation?: unknown };
  if (typeof slot !== 'number' || typeof generation !== 'number') return undefined;
  const cell = cells.get(slot, generation);
  if (cell !== undefined) return { thread, state: 'here', agent: DOING[cell.status] ?? 'ending', messages: cell.mailbox?.size ?? 0 };
  const owner = table.threadOf(slot, generation);
  if (owner < 0) return { thread: -1, state: 'ended' };
  return { thread: owner, state: stateOf(shared, owner), isCongested: isCongested(shared, slot) };
}

/** Of an agent of another node, as far as this one knows. */
export function nodeOf(target: object): string | undefined {
  return (target as { remote?: { readonly node: { readonly name: string } } }).remote?.node.name;
}

/** The end of a sentence about an ask that timed out. */
export function waitingText({ thread: number, node, state, agent, messages, isCongested }: AskWaiting): string {
  const thread = node === undefined ? `${number}` : `${number} of node ${node}`;
  const mailbox = messages === undefined || messages === 0 ? '' : `, and its mailbox holds ${messages}`;
  switch (state) {
    case 'here':
      return `the agent is on ${node === undefined ? `this thread (${number})` : `thread ${thread},`} and ${DOES[agent ?? 'ending']}${mailbox}`;
    case 'idle':
      return `the agent is on thread ${thread}, which is idle: the handler waits for something, or never replies`;
    case 'busy':
      return `the agent is on thread ${thread}, which is busy${isCongested === true ? ', and its mailbox is nearly full' : ''}`;
    case 'silent':
      return `the agent is on node ${node}, which has not answered: it is late, or cannot be reached`;
    case 'ended':
      return 'the agent has ended meanwhile';
    default:
      return `the agent is on thread ${thread}, which ${state === 'starting' ? 'is starting' : `has been ${state}`}`;
  }
}

const DOING: Readonly<Partial<Record<Status, AgentDoing>>> = {
  [Status.starting]: 'starting',
  [Status.ready]: 'ready',
  [Status.busy]: 'busy',
  [Status.suspended]: 'restarting',
  [Status.held]: 'moving',
  [Status.arriving]: 'moving',
};

const DOES: Readonly<Record<AgentDoing, string>> = {
  starting: 'its start hook still runs',
  ready: 'could handle a message: this one waits for its turn, or its handler has not replied yet',
  busy: 'a handler of it still runs: it waits for something',
  restarting: 'waits to be restarted after a failure',
  moving: 'is moving to another thread or node',
  ending: 'is ending',
};

function stateOf(shared: SharedMemory, thread: number): AskWaiting['state'] {
  const at = threadWord(shared, thread);
  switch (Atomics.load(shared.words, at + L.THREAD_WORD_STATE)) {
    case L.THREAD_STATE_STARTING:
      return 'starting';
    case L.THREAD_STATE_LOST:
    case L.THREAD_STATE_FAILED:
      return 'lost';
    case L.THREAD_STATE_STOPPED:
      return 'stopped';
    default:
      return Atomics.load(shared.words, at + L.THREAD_WORD_PARKED) === 1 ? 'idle' : 'busy';
  }
}
