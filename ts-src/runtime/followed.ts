/**
 * Agents of this thread whose messages somebody on the calling thread sees, each as it is handled: shows the messages to whoever runs them in the dispatcher's place, and tells the calling
 * thread in bundles, up to a number a second. There only while an agent of this thread is followed. The other side, with the listeners, is `followers.ts`.
 */
import { types } from 'node:util';
import type { AgentContext } from '../model/agent-context.js';
import type { StopReason } from '../model/agent-definition.js';
import type { FollowedMessage } from '../model/observation.js';
import { Refusal } from '../model/prepared-action.js';
import { type AgentCell, extraOf, Status } from './agent-cell.js';
import { TIMER_MESSAGE } from './dispatcher.js';
import { describeReference } from './inspecting.js';
import type { ActionEntry } from './kind.js';
import { messageOf } from './lifecycle.js';
import { type MessageSender, senderOf } from './mailbox.js';
import type { MessageObserver } from './message-observer.js';
import type { ReplyPort } from './pending-asks.js';
import type { MovingPart } from './moving-agent.js';
import { textPreview } from './text-preview.js';
import type { ThreadHost } from './thread-host.js';

/** Messages are told in bundles: so long after the first of them at the latest, and at once when there are so many. */
const BUNDLE_MS = 50;
const BUNDLE_MESSAGES = 256;
/** Or so much: with one more message of the largest size it is still less than the runtime may always send, however low `messages.bytesMax` is. */
const BUNDLE_BYTES = 1 << 16;
/** Of one message, beside its texts. */
const MESSAGE_BYTES = 128;
const WINDOW_MS = 1000;
const ERROR_CHARACTERS_MAX = 500;

export interface FollowLimits {
  readonly messagesPerSecondMax: number;
  readonly inputBytesMax: number;
}

export interface FollowAgent extends FollowLimits {
  readonly slot: number;
  readonly generation: number;
  readonly isOn: boolean;
}

export interface FollowReport {
  readonly id: string;
  readonly slot: number;
  readonly generation: number;
  readonly thread: number;
  /** Since when it is followed here: `total` begins anew. */
  readonly session: number;
  /** Messages that came to an end since then, with these. What is more than was told was dropped. */
  readonly total: number;
  readonly messages: readonly FollowedMessage[];
  readonly isEnded: boolean;
}

type FollowingHost = Pick<ThreadHost, 'thread' | 'clock' | 'cells' | 'nameOf' | 'observation' | 'router'>;

/** False if the agent is not on this thread. */
export function followHere(host: FollowingHost, { slot, generation, isOn, ...limits }: FollowAgent): boolean {
  const cell = host.cells.get(slot, generation);
  const id = host.nameOf(slot, generation);
  if (cell === undefined || id === undefined || cell.status === Status.arriving || cell.status >= Status.stopping) return false;
  if (isOn) begin(host, cell, id, limits);
  else host.observation.followed?.end(cell);
  return true;
}

/** An agent that is followed is followed where it goes. */
export function followedPart(host: FollowingHost): MovingPart {
  return {
    name: 'followed',
    pack: (cell) => cell.extra?.followed?.limits,
    left: (cell) => host.observation.followed?.end(cell),
    arrived(cell, packed) {
      const id = host.nameOf(cell.slot, cell.generation);
      if (packed !== undefined && id !== undefined) begin(host, cell, id, packed as FollowLimits);
    },
  };
}

function begin(host: FollowingHost, cell: AgentCell, id: string, limits: FollowLimits): void {
  host.observation.followed ??= new Followed(host);
  host.observation.followed.begin(cell, id, limits);
}

/** One of them. */
export class FollowedAgent {
  total = 0;
  windowMs = Number.NEGATIVE_INFINITY;
  inWindow = 0;
  messages: FollowedMessage[] = [];
  /** What they take when they are sent, at most. */
  bytes = 0;
  /** `total` was told. */
  told = 0;

  constructor(
    readonly id: string,
    readonly session: number,
    public limits: FollowLimits,
  ) {}
}

export class Followed implements MessageObserver {
  readonly #host: FollowingHost;
  readonly #cells = new Set<AgentCell>();
  #inner: MessageObserver | undefined;
  #cancelBundle: (() => void) | undefined;

  constructor(host: FollowingHost) {
    this.#host = host;
  }

  /** For a drain that begins. */
  observer(inner: MessageObserver | undefined): MessageObserver {
    this.#inner = inner;
    return this;
  }

  begin(cell: AgentCell, id: string, limits: FollowLimits): void {
    const extra = extraOf(cell);
    if (extra.followed !== undefined) {
      extra.followed.limits = limits;
      // Whoever asks wants to have what there is.
      return this.#tell(cell, extra.followed, false);
    }
    extra.followed = new FollowedAgent(id, this.#host.clock.nowMs(), limits);
    this.#cells.add(cell);
  }

  /** What is not told yet is told first. */
  end(cell: AgentCell, isEnded = false): void {
    const followed = cell.extra?.followed;
    if (cell.extra === undefined || followed === undefined) return;
    this.#tell(cell, followed, isEnded);
    cell.extra.followed = undefined;
    this.#cells.delete(cell);
    if (this.#cells.size > 0) return;
    this.#cancelBundle?.();
    this.#host.observation.followed = undefined;
  }

  ended(cell: AgentCell, reason: StopReason): void {
    // One that has left memory has not ended: it may come back.
    this.end(cell, reason.type !== 'passivated');
  }

  sees(): boolean {
    return true;
  }

  handle(cell: AgentCell, action: ActionEntry, input: unknown, context: AgentContext, sender: MessageSender, reply: ReplyPort | undefined): unknown {
    const followed = cell.extra?.followed;
    const inner = this.#inner;
    if (followed === undefined)
      return inner === undefined || !inner.sees(sender)
        ? action.handler(cell.state, input, context)
        : inner.handle(cell, action, input, context, sender, reply);
    const { clock } = this.#host;
    const startedMs = clock.nowMs();
    const known = this.#hasRoom(followed, startedMs) ? this.#describe(cell, followed, action, input, sender, reply) : undefined;
    const ended = (outcome: FollowedMessage['outcome'], error?: unknown): void => {
      followed.total++;
      if (known !== undefined) {
        const text = error === undefined ? undefined : messageOf(error).slice(0, ERROR_CHARACTERS_MAX);
        const message: FollowedMessage = { ...known, outcome, tookMs: clock.nowMs() - startedMs, error: text };
        followed.messages.push(message);
        followed.bytes += bytesOf(message);
      }
      if (cell.extra?.followed === followed) this.#bundle(cell, followed);
    };
    const failed = (error: unknown): void => (Refusal.is(error) ? ended('refused', error.error) : ended('failed', error));
    let result: unknown;
    try {
      result =
        inner === undefined || !inner.sees(sender) ? action.handler(cell.state, input, context) : inner.handle(cell, action, input, context, sender, reply);
    } catch (error) {
      failed(error);
      throw error;
    }
    if (!types.isPromise(result)) {
      ended('handled');
      return result;
    }
    try {
      void Promise.prototype.then.call(result, () => ended('handled'), failed);
    } catch (error) {
      failed(error);
    }
    return result;
  }

  #describe(
    cell: AgentCell,
    followed: FollowedAgent,
    action: ActionEntry,
    input: unknown,
    sender: MessageSender,
    reply: ReplyPort | undefined,
  ): Omit<FollowedMessage, 'outcome' | 'tookMs' | 'error'> {
    const from = senderOf(sender);
    return {
      atMs: this.#host.clock.epochMs(),
      id: followed.id,
      kind: cell.kind.name,
      thread: this.#host.thread,
      action: action.name,
      sender: reply === TIMER_MESSAGE ? '(timer)' : from === undefined ? undefined : describeReference(from),
      isAsk: reply !== undefined && reply !== TIMER_MESSAGE,
      // Before its handler changes it.
      input: textPreview(input, followed.limits.inputBytesMax, describeReference),
    };
  }

  #hasRoom(followed: FollowedAgent, nowMs: number): boolean {
    if (nowMs - followed.windowMs >= WINDOW_MS) {
      followed.windowMs = nowMs;
      followed.inWindow = 0;
    }
    return ++followed.inWindow <= followed.limits.messagesPerSecondMax;
  }

  #bundle(cell: AgentCell, followed: FollowedAgent): void {
    if (followed.messages.length >= BUNDLE_MESSAGES || followed.bytes >= BUNDLE_BYTES) return this.#tell(cell, followed, false);
    this.#cancelBundle ??= this.#host.clock.after(
      BUNDLE_MS,
      () => {
        this.#cancelBundle = undefined;
        for (const each of this.#cells) if (each.extra?.followed !== undefined) this.#tell(each, each.extra.followed, false);
      },
      false,
    );
  }

  #tell(cell: AgentCell, followed: FollowedAgent, isEnded: boolean): void {
    if (followed.told === followed.total && !isEnded) return;
    const { id, session, total, messages } = followed;
    followed.told = total;
    followed.messages = [];
    followed.bytes = 0;
    const { thread, router, observation } = this.#host;
    const report: FollowReport = { id, slot: cell.slot, generation: cell.generation, thread, session, total, messages, isEnded };
    if (thread === 0) observation.onFollowed?.(report);
    else router.call(0, 'followed', report);
  }
}

function bytesOf({ id, kind, action, sender, input, error }: FollowedMessage): number {
  return MESSAGE_BYTES + 2 * (id.length + kind.length + action.length + (sender?.length ?? 0) + input.text.length + (error?.length ?? 0));
}
