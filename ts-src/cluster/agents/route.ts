/**
 * The way to one agent that is not, or not always, of this node: one object for all references to it, so that what goes to it keeps its order whichever reference it is sent by. Either messages go to a node, or to the
 * agent here, or they wait here, in order, until it is known where they go. What makes it another is decided in `routing.ts`.
 */
import type { MessageTrace } from '../../model/message-trace.js';
import { type NodeIdentity, sameNode } from '../../model/node-identity.js';
import type { RemoteAgent } from '../../model/remote-agent.js';
import type { AgentReference } from '../../runtime/agent-reference.js';
import type { ReplyPort } from '../../runtime/pending-asks.js';
import type { SystemCallName } from '../../runtime/system-calls.js';
import type { Peer } from './peer.js';

/** Messages of agents that wait for one agent; more are refused. Calls of the runtime and marks are not counted. */
export const WAITING_MAX = 65_536;

/** Why messages wait. `resolving`: it is asked where the agent is. `leaving`: it is about to move from here. `coming`: it is about to be here. `flushing`: what went the old way must have come first. */
export type WaitingFor = 'resolving' | 'leaving' | 'coming' | 'flushing';

/** Of what nobody has sent on. */
export const NO_TRAIL: readonly string[] = [];

interface Underway {
  /** The node that has sent it; undefined: this one. */
  readonly origin: NodeIdentity | undefined;
  /** Names of the nodes that have sent it on, in order. */
  readonly trail: readonly string[];
}

export interface UnderwayMessage extends Underway {
  readonly type: 'message';
  readonly kind: string;
  readonly action: string;
  readonly input: unknown;
  readonly reply: ReplyPort | undefined;
  readonly sender: AgentReference | undefined;
  readonly trace: MessageTrace | undefined;
}

export interface UnderwayCall extends Underway {
  readonly type: 'call';
  readonly kind: string;
  readonly name: SystemCallName;
  readonly input: unknown;
  readonly reply: ReplyPort | undefined;
}

/** Answered when it has come to the agent: what went the same way before it has come too. */
export interface UnderwayMark extends Underway {
  readonly type: 'mark';
  readonly kind: string;
  readonly number: number;
}

export type UnderwayFrame = UnderwayMessage | UnderwayCall | UnderwayMark;

/** A mark on its way. */
export interface Mark {
  readonly via: NodeIdentity;
  /** That node sends it on when it knows that a node is gone, and nothing comes from there any more. */
  readonly isAfterView: boolean;
}

/** Of most routes: one marks the way only while it changes. */
export const NO_MARKS: ReadonlyMap<number, Mark> = new Map();

export class Route implements RemoteAgent {
  readonly id: string;
  readonly life: number;
  /** Where it is, as far as this node knows. */
  node: NodeIdentity;
  /** Of that node; undefined if it is this one. */
  peer: Peer | undefined;
  /** Token of the activation that is known to be there; 0 if none is. */
  token = 0;
  waitingFor: WaitingFor | undefined = undefined;
  waiting: UnderwayFrame[] = [];
  /** While it is coming: from there, what goes before what waits, and whether it is here already and only what is on its way is waited for. */
  from: NodeIdentity | undefined = undefined;
  /** What that node has sent on, or has come back to this one; while it is leaving, what its thread has. */
  first: UnderwayFrame[] = [];
  hasCome = false;
  /** While it is leaving: it is the other node's by now, and what is sent to it here waits, behind what was sent to it before. */
  isGiven = false;
  /** It is about to be here, or is, and threads of this node do not send straight to it yet (`homecomings.ts`). */
  isHoming = false;
  /** Whether it moves here from there; a durable one may also have been brought back here, or be thought to be there. */
  isMove = false;
  /** Something was sent to `node`: what goes another way must not overtake it. */
  isUsed = false;
  /** Marks that have not come to the agent yet, by their number: by way of which node they were sent. Of those by way of one node any will do. */
  marks: ReadonlyMap<number, Mark> = NO_MARKS;
  /** Where its agent is, as that node itself or the owner of the id has said: it gets what is for it, also when it is about to leave. */
  staysOn: Peer | undefined = undefined;
  /** The last message for which its owner was asked where the agent is, because too many nodes had sent it on. */
  askedFor: UnderwayFrame | undefined = undefined;
  /** Nodes that were told that it is not here, and how many messages they have sent since. */
  told: Map<string, number> | undefined = undefined;
  #onLeft: (() => void)[] | undefined = undefined;

  constructor(id: string, life: number, node: NodeIdentity, peer: Peer | undefined) {
    this.id = id;
    this.life = life;
    this.node = node;
    this.peer = peer;
  }

  /** Resolves when it does not leave any more: it has, or stays. */
  async whenLeft(): Promise<void> {
    if (this.waitingFor === 'leaving')
      await new Promise<void>((resolve) => {
        this.#onLeft ??= [];
        this.#onLeft.push(resolve);
      });
  }

  /** Nothing waits any more. */
  rest(): void {
    this.waitingFor = undefined;
    this.marks = NO_MARKS;
    this.isGiven = false;
    if (this.#onLeft === undefined) return;
    const waiting = this.#onLeft;
    this.#onLeft = undefined;
    for (const resolve of waiting) resolve();
  }

  mark(number: number, mark: Mark): void {
    this.marks = new Map([...this.marks, [number, mark]]);
  }

  unmark(number: number): void {
    if (!this.marks.has(number)) return;
    this.marks = new Map([...this.marks].filter(([each]) => each !== number));
  }

  /** Whether its agent is moving here from that node: what comes from there has waited with it there, or was sent on behind it, and goes ahead, in its order. */
  isMovingFrom(node: NodeIdentity): boolean {
    return this.isMove && this.waitingFor === 'coming' && this.from !== undefined && sameNode(this.from, node);
  }
}

/** Forgets the marks that are on their way by that node. Whether there were any. */
export function forgetVia(route: Route, via: NodeIdentity): boolean {
  let isAny = false;
  for (const [number, mark] of route.marks) {
    if (!sameNode(mark.via, via)) continue;
    route.unmark(number);
    isAny = true;
  }
  return isAny;
}

/** It was here before, and was sent from here to where its agent was: before whatever has come here since. */
export function isBack({ origin, trail }: UnderwayFrame, self: NodeIdentity): boolean {
  return trail.includes(self.name) || (origin !== undefined && sameNode(origin, self));
}

export function keyOf(id: string, life: number): string {
  return `${life} ${id}`;
}
