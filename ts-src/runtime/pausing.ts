/**
 * Agents of this thread that handle no messages for a while, because an operator wants that: they wait in the mailbox within its limits. Uses what holds an agent that is to move
 * (`Dispatcher.resume`), so that a paused agent may move, restart and be stopped. Called by `runtime-calls.ts`, and for its own thread by `agent-control.ts`.
 */
import { type AgentCell, extraOf, onArrival, Status } from './agent-cell.js';
import type { Dispatcher } from './dispatcher.js';
import { systemActions } from './message-receiver.js';
import type { MovingPart } from './moving-agent.js';

export interface PausingHost {
  readonly dispatcher: Dispatcher;
}

/** Resolves with whether the agent is here, when it is as it shall be. */
export async function pauseHere(host: PausingHost, find: () => AgentCell | undefined, isPaused: boolean): Promise<boolean> {
  // Not in the middle of a handler, which may be its own.
  await undefined;
  const cell = find();
  if (cell === undefined || cell.status >= Status.stopping) return false;
  if (cell.status === Status.arriving) {
    await new Promise<void>((resolve) => onArrival(cell, resolve));
    return pauseHere(host, find, isPaused);
  }
  if (isPaused) pause(host, cell);
  else resume(host, cell);
  return true;
}

export function isPaused(cell: AgentCell): boolean {
  return cell.extra?.isPaused === true;
}

/** What is kept when a paused agent moves. */
export const pausedPart: MovingPart = {
  name: 'paused',
  pack: (cell) => (isPaused(cell) ? true : undefined),
  left: () => undefined,
  arrived(cell, packed) {
    if (packed === true) extraOf(cell).isPaused = true;
  },
};

function pause({ dispatcher }: PausingHost, cell: AgentCell): void {
  if (isPaused(cell) || isToEnd(cell)) return;
  extraOf(cell).isPaused = true;
  // A handler that runs finishes, a start too: both come to `resume`, which finds it paused.
  if (cell.status === Status.ready) dispatcher.resume(cell);
}

function resume({ dispatcher }: PausingHost, cell: AgentCell): void {
  if (cell.extra === undefined || !cell.extra.isPaused) return;
  cell.extra.isPaused = false;
  if (cell.status === Status.held) dispatcher.resume(cell);
}

/** Its end waits behind messages: while it is paused they would never be handled. */
export function isToEnd({ extra, mailbox }: AgentCell): boolean {
  if (extra?.stopRequested === true) return true;
  for (let index = (mailbox?.size ?? 0) - 1; index >= 0; index--) if (mailbox?.actionAt(index) === systemActions.stop) return true;
  return false;
}
