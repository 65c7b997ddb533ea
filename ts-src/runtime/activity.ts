/**
 * What a thread sees of its own messages while somebody looks at the nexus: how often each action is called, how long it takes, who sends to whom, which mailboxes are deep, what went wrong
 * last. From a sample whose size does not follow the load (`model/sampling-pace.ts`), in sums, so that several may look without disturbing each other. Made when it is first asked for, and
 * gone when nobody has asked for a minute: then no message passes it. Asked by `system-observer.ts`, shown messages by `thread-observation.ts`.
 */
import { types } from 'node:util';
import type { AgentContext } from '../model/agent-context.js';
import { bucketOfDuration, DURATION_BUCKETS } from '../model/duration-buckets.js';
import { type RecentDeadLetter, type RecentFailure, SNAPSHOT_MAILBOXES_MAX, SNAPSHOT_RECENT_MAX } from '../model/observation.js';
import { Refusal } from '../model/prepared-action.js';
import { SamplingPace } from '../model/sampling-pace.js';
import { SeededRandom } from '../model/seeded-random.js';
import type { ActionTotals, ThreadActivity } from '../model/system-reading.js';
import type { AgentCell } from './agent-cell.js';
import type { DeadLetter } from './dead-letters.js';
import { DeepestMailboxes } from './deepest-mailboxes.js';
import { TIMER_MESSAGE } from './dispatcher.js';
import type { ActionEntry, Kind } from './kind.js';
import { messageOf } from './lifecycle.js';
import { type MessageSender, senderOf } from './mailbox.js';
import type { MessageObserver } from './message-observer.js';
import type { ReplyPort } from './pending-asks.js';
import type { AgentFailure } from './system-calls.js';
import type { ThreadHost } from './thread-host.js';

/** Nobody has asked for so long: it turns itself off. */
export const ACTIVITY_KEPT_MS = 60_000;
/** Of a thread, each: what comes later is not told apart. */
const ACTIONS_MAX = 512;
const FLOWS_MAX = 1024;
const ADJUST_MS = 250;
/** Dead letters and failures that are looked at in each of those periods: describing one costs more than causing it. */
const EVENTS_PER_ADJUSTMENT = 100;
const ERROR_CHARACTERS_MAX = 500;
const OUTSIDE = '(outside)';
const TIMER = '(timer)';

type ActivityHost = Pick<ThreadHost, 'thread' | 'seed' | 'clock' | 'cells' | 'kinds' | 'dispatcher' | 'nameOf' | 'deadLetters' | 'observation'>;

/** What the thread has seen since it was first asked; from now on it looks for another minute. */
export function readActivity(host: ActivityHost): ThreadActivity {
  host.observation.activity ??= new Activity(host);
  return host.observation.activity.read();
}

export class Activity implements MessageObserver {
  readonly #host: ActivityHost;
  readonly #session: number;
  readonly #pace = new SamplingPace(ADJUST_MS);
  readonly #random: SeededRandom;
  /** By index of the kind, then of the action. */
  readonly #actions: (ActionSums | undefined)[][] = [];
  #actionCount = 0;
  readonly #flows = new Map<string, Map<number, number>>();
  #flowCount = 0;
  readonly #deepest: DeepestMailboxes;
  readonly #deadLetters: RecentDeadLetter[] = [];
  readonly #failures: RecentFailure[] = [];
  #eventsLeft = EVENTS_PER_ADJUSTMENT;
  #askedMs: number;
  #adjustedMs: number;
  #handledBefore: number;
  #drainsLeft = 1;
  #messagesLeft = 1;
  #inner: MessageObserver | undefined;
  #cancelAdjust = (): void => undefined;

  constructor(host: ActivityHost) {
    this.#host = host;
    this.#session = host.clock.nowMs();
    this.#askedMs = this.#session;
    this.#adjustedMs = this.#session;
    this.#handledBefore = this.#handled();
    this.#random = new SeededRandom(host.seed, `activity ${host.thread}`);
    this.#deepest = new DeepestMailboxes(host.cells);
    host.deadLetters.watch = (letter) => this.#deadLetter(letter);
    this.#wait();
  }

  /** For a drain that begins: itself if messages of that drain are to be seen, else `inner`, which sees them anyway. */
  observer(inner: MessageObserver | undefined): MessageObserver | undefined {
    if (--this.#drainsLeft > 0) return inner;
    this.#drainsLeft = this.#pace.gap(this.#pace.drainPeriod, this.#pace.drainPeriod === 1 ? 0 : this.#random.next());
    this.#inner = inner;
    return this;
  }

  /** Counts: the next one to be timed, or one that `inner` is for. */
  sees(sender: MessageSender): boolean {
    return --this.#messagesLeft <= 0 || this.#inner?.sees(sender) === true;
  }

  handle(cell: AgentCell, action: ActionEntry, input: unknown, context: AgentContext, sender: MessageSender, reply: ReplyPort | undefined): unknown {
    if (this.#messagesLeft <= 0) return this.#timed(cell, action, input, context, sender, reply);
    return (this.#inner as MessageObserver).handle(cell, action, input, context, sender, reply);
  }

  /** The mailbox of this agent holds much. */
  congested(cell: AgentCell): void {
    this.#deepest.note(cell);
  }

  failed(failure: AgentFailure): void {
    if (--this.#eventsLeft < 0) return;
    const { id, kind, action, thread, error } = failure;
    keep(this.#failures, { atMs: this.#host.clock.epochMs(), kind, id, action, thread, error: messageOf(error).slice(0, ERROR_CHARACTERS_MAX) });
  }

  read(): ThreadActivity {
    const { clock, cells, kinds, thread, nameOf } = this.#host;
    this.#askedMs = clock.nowMs();
    const agents: ThreadActivity['kinds'][number][] = [];
    cells.countsByKind.forEach((count, index) => {
      if (count > 0) agents.push({ kind: kinds.byIndex(index).name, agents: count });
    });
    const mailboxes: ThreadActivity['mailboxes'][number][] = [];
    for (const cell of this.#deepest.find(SNAPSHOT_MAILBOXES_MAX)) {
      const id = nameOf.call(this.#host, cell.slot, cell.generation);
      if (id !== undefined) mailboxes.push({ id, kind: cell.kind.name, thread, waiting: cell.mailbox?.size ?? 0, capacity: cell.kind.capacity });
    }
    return {
      session: this.#session,
      kinds: agents,
      actions: this.#actions.flatMap((ofKind) => ofKind.filter((sums) => sums !== undefined).map((sums) => sums.read())),
      flows: [...this.#flows].flatMap(([from, counts]) => [...counts].map(([to, count]) => ({ from, to: kinds.byIndex(to).name, count }))),
      mailboxes,
      deadLetters: [...this.#deadLetters],
      failures: [...this.#failures],
    };
  }

  /** Nobody looks any more. What it holds of the thread can go. */
  close(): void {
    this.#cancelAdjust();
    this.#host.deadLetters.watch = undefined;
  }

  #timed(cell: AgentCell, action: ActionEntry, input: unknown, context: AgentContext, sender: MessageSender, reply: ReplyPort | undefined): unknown {
    const { clock } = this.#host;
    const weight = this.#pace.weight;
    this.#pace.took();
    this.#messagesLeft = this.#pace.gap(this.#pace.messagePeriod, this.#pace.messagePeriod === 1 ? 0 : this.#random.next());
    const sums = this.#sumsOf(cell.kind, action);
    const box = cell.mailbox;
    this.#flow(reply === TIMER_MESSAGE ? TIMER : (senderOf(sender)?.kind ?? OUTSIDE), cell.kind.index, weight);
    if (box !== undefined && box.size > 1) this.#deepest.note(cell);
    const inner = this.#inner;
    const startedMs = clock.nowMs();
    let result: unknown;
    try {
      result =
        inner === undefined || !inner.sees(sender) ? action.handler(cell.state, input, context) : inner.handle(cell, action, input, context, sender, reply);
    } catch (error) {
      sums?.took(clock.nowMs() - startedMs, weight, !Refusal.is(error));
      throw error;
    }
    if (sums === undefined) return result;
    if (types.isPromise(result)) this.#whenSettled(result, sums, startedMs, weight);
    else sums.took(clock.nowMs() - startedMs, weight, false);
    return result;
  }

  /** Only what is a promise of the language: `then` of anything else may do its work once more. */
  #whenSettled(result: Promise<unknown>, sums: ActionSums, startedMs: number, weight: number): void {
    const { clock } = this.#host;
    const settled = (failed: boolean): void => sums.took(clock.nowMs() - startedMs, weight, failed);
    try {
      void Promise.prototype.then.call(
        result,
        () => settled(false),
        (error: unknown) => settled(!Refusal.is(error)),
      );
    } catch {
      // Its class makes promises that cannot be made: it is counted as it is now.
      settled(false);
    }
  }

  #sumsOf(kind: Kind, action: ActionEntry): ActionSums | undefined {
    let ofKind = this.#actions[kind.index];
    if (ofKind === undefined) {
      while (this.#actions.length <= kind.index) this.#actions.push([]);
      ofKind = this.#actions[kind.index] as (ActionSums | undefined)[];
    }
    const known = ofKind[action.index];
    if (known !== undefined || this.#actionCount >= ACTIONS_MAX) return known;
    this.#actionCount++;
    const sums = new ActionSums(kind.name, action.name);
    ofKind[action.index] = sums;
    return sums;
  }

  #flow(from: string, to: number, weight: number): void {
    let counts = this.#flows.get(from);
    if (counts === undefined) {
      counts = new Map();
      this.#flows.set(from, counts);
    }
    const count = counts.get(to);
    if (count === undefined && this.#flowCount >= FLOWS_MAX) return;
    if (count === undefined) this.#flowCount++;
    counts.set(to, (count ?? 0) + weight);
  }

  #deadLetter({ reason, kind, id, action, thread }: DeadLetter): void {
    keep(this.#deadLetters, { atMs: this.#host.clock.epochMs(), reason, kind, id, action, thread });
  }

  #handled(): number {
    const { dispatcher } = this.#host;
    return dispatcher.handled + dispatcher.failures + dispatcher.running;
  }

  #wait(): void {
    this.#cancelAdjust = this.#host.clock.after(ADJUST_MS, () => this.#adjust(), false);
  }

  #adjust(): void {
    const { clock, observation } = this.#host;
    const nowMs = clock.nowMs();
    if (nowMs - this.#askedMs >= ACTIVITY_KEPT_MS) {
      observation.activity = undefined;
      return this.close();
    }
    const handled = this.#handled();
    this.#pace.adjust(handled - this.#handledBefore, nowMs - this.#adjustedMs);
    this.#handledBefore = handled;
    this.#adjustedMs = nowMs;
    // A gap of a time in which there was more to pass over is not waited out.
    this.#drainsLeft = Math.min(this.#drainsLeft, 2 * this.#pace.drainPeriod);
    this.#messagesLeft = Math.min(this.#messagesLeft, 2 * this.#pace.messagePeriod);
    this.#eventsLeft = EVENTS_PER_ADJUSTMENT;
    this.#host.deadLetters.watchedLeft = EVENTS_PER_ADJUSTMENT;
    this.#wait();
  }
}

/** One action of a kind. */
class ActionSums {
  #count = 0;
  #failed = 0;
  #samples = 0;
  #sumMs = 0;
  #maxMs = 0;
  readonly #buckets = new Float64Array(DURATION_BUCKETS);

  constructor(
    readonly kind: string,
    readonly action: string,
  ) {}

  took(durationMs: number, weight: number, failed: boolean): void {
    this.#count += weight;
    if (failed) this.#failed += weight;
    this.#samples++;
    this.#sumMs += durationMs * weight;
    if (durationMs > this.#maxMs) this.#maxMs = durationMs;
    const bucket = bucketOfDuration(durationMs);
    this.#buckets[bucket] = (this.#buckets[bucket] as number) + weight;
  }

  read(): ActionTotals {
    const buckets: number[] = [];
    this.#buckets.forEach((weight, bucket) => {
      if (weight > 0) buckets.push(bucket, weight);
    });
    const count = this.#count;
    return { kind: this.kind, action: this.action, count, failed: this.#failed, samples: this.#samples, sumMs: this.#sumMs, maxMs: this.#maxMs, buckets };
  }
}

/** The latest ones, oldest first. */
function keep<T>(recent: T[], event: T): void {
  recent.push(event);
  if (recent.length > SNAPSHOT_RECENT_MAX) recent.shift();
}
