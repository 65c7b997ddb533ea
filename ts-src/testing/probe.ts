/**
 * A probe is an agent of some kind as far as anybody can tell from outside: it has that kind's name and takes its actions and shapes. It handles nothing; the test looks at
 * what it received, waits for it, and answers. It runs on the calling thread, so that the test has it at hand, and can be reached from every thread.
 *
 * Deadlines are real time for a real nexus; for a test nexus waiting lets it run and moves its time on.
 */
import { NexusError, optionError, valueText } from '../errors.js';
import type { InputOf } from '../model/action.js';
import type { AgentContext } from '../model/agent-context.js';
import type { AnyAgent, Terminated } from '../model/agent-definition.js';
import type { ActionName, ActionsOf, AgentRef } from '../model/agent-ref.js';
import { checkNames } from '../model/nearest-name.js';
import { type Nexus, partsOf } from '../nexus.js';
import type { AgentReference } from '../runtime/agent-reference.js';
import { nexusStopped } from '../runtime/failures.js';
import { safeText } from '../runtime/remote-reply.js';
import { DeferredAnswer } from './deferred-answer.js';
import { TestNexus } from './test-nexus.js';

/** Messages of one probe that nobody has taken; it refuses more. */
const UNTAKEN_MAX = 100_000;
/** Messages that a failure lists. */
const LISTED_MAX = 50;
const TIMEOUT_MS = 1000;
const TIMEOUT_MS_MAX = 86_400_000;
const TEXT_LENGTH_MAX = 200;

/** Options of `createProbe`. */
export interface ProbeOptions {
  /** Default: one that nobody has. */
  readonly id?: string;
}

/** How long a probe waits. */
export interface WaitOptions {
  /** Default 1,000; 0 looks only at what is there. At most 86,400,000. */
  readonly timeoutMs?: number;
}

/** A message that a probe has received. */
export type Received<D extends AnyAgent> = {
  [N in ActionName<D>]: {
    readonly action: N;
    readonly input: InputOf<ActionsOf<D>[N]>;
    /** Who sent it with `ctx.tell` or `ctx.ask`. */
    readonly sender: AgentRef | undefined;
    /** Whoever sent it waits for an answer. */
    readonly isAsk: boolean;
    /** Answers, if it was an ask; only the first answer counts. */
    reply(value?: unknown): void;
    /** Rejects the ask with this error. */
    fail(error: unknown): void;
  };
}[ActionName<D>];

/** One of one action. */
export type ReceivedOf<D extends AnyAgent, N extends ActionName<D>> = Extract<Received<D>, { readonly action: N }>;

/** An agent that handles nothing and lets the test answer, as `createProbe` makes it. */
export interface Probe<D extends AnyAgent = AnyAgent> {
  /** To be given to whoever should talk to it. */
  readonly ref: AgentRef<D>;
  /** All it has received so far, taken or not. */
  readonly received: readonly Received<D>[];
  /** Takes the next message. Rejects with NEXUS_EXPECTATION_FAILED when none comes in time. */
  receive(options?: WaitOptions): Promise<Received<D>>;
  /** Takes the next message, which must be of this action, and of which the predicate must hold. Rejects with NEXUS_EXPECTATION_FAILED, which lists all it has received. */
  expect<N extends ActionName<D>>(
    action: N,
    predicate?: ((input: InputOf<ActionsOf<D>[N]>) => boolean) | undefined,
    options?: WaitOptions,
  ): Promise<ReceivedOf<D, N>>;
  /** Nothing is there that was not taken, and nothing comes for so long. Rejects with NEXUS_EXPECTATION_FAILED. */
  expectNone(forMs?: number): Promise<void>;
  /** As `ctx.watch`: from now on it is told of the end of this agent. */
  watch(ref: AgentRef): void;
  /** Resolves when an agent has ended, which it watches if it does not yet. Rejects with NEXUS_EXPECTATION_FAILED when it has not in time. */
  expectTerminated(ref: AgentRef, options?: WaitOptions): Promise<Terminated>;
  /** Asks that wait are rejected with NEXUS_AGENT_STOPPED. */
  stop(): Promise<void>;
}

/**
 * Makes a probe that stands for an agent of this kind, which must be one of the nexus.
 * Rejects with NexusError NEXUS_KIND_UNKNOWN, NEXUS_ID_DUPLICATE, NEXUS_STOPPED; NexusTypeError NEXUS_OPTION_UNKNOWN.
 */
export async function createProbe<D extends AnyAgent>(nexus: Nexus, definition: D, options: ProbeOptions = {}): Promise<Probe<D>> {
  checkNames('createProbe', options, ['id']);
  const probe = new MailProbe(nexus, definition, options.id);
  return probe as unknown as Probe<D>;
}

interface Letter {
  readonly action: string;
  readonly input: unknown;
  readonly sender: AgentRef | undefined;
  readonly isAsk: boolean;
  reply(value?: unknown): void;
  fail(error: unknown): void;
}

let named = 0;

class MailProbe {
  readonly ref: AgentReference;
  readonly received: Letter[] = [];
  readonly #nexus: Nexus;
  #taken = 0;
  readonly #open = new Set<DeferredAnswer>();
  readonly #terminated: Terminated[] = [];
  readonly #waiting = new Set<() => void>();

  constructor(nexus: Nexus, { kind }: AnyAgent, id: string | undefined) {
    this.#nexus = nexus;
    const { host, onStopping } = partsOf(nexus);
    if (nexus.isStopping) throw nexusStopped();
    const actions = host.kinds.byName(kind).actions.map(({ name }) => {
      const handler = (_state: unknown, input: unknown, ctx: AgentContext): Promise<unknown> | undefined => this.#receive(name, input, ctx.sender);
      return [name, { handler, concurrent: true }] as const;
    });
    const standIn = host.kinds.standIn(kind, {
      kind,
      state: () => undefined,
      actions: Object.fromEntries(actions),
      onTerminated: (_state, ended) => this.#ended(ended),
      onStop: () => this.#failOpen(new NexusError('NEXUS_AGENT_STOPPED', `the probe of '${kind}' has ended before what was expected came`, { data: { kind } })),
      // It is the test's to say what a failure leads to.
      supervision: { onFailure: 'resume' },
    });
    named++;
    this.ref = host.spawnHere(standIn, id ?? `probe ${named} of ${kind}`, undefined, undefined, TIMEOUT_MS) as AgentReference;
    onStopping(() => this.#failOpen(nexusStopped()));
  }

  async receive(options: WaitOptions = {}): Promise<Letter> {
    return this.#next('a message', timeoutOf('receive', options));
  }

  async expect(action: string, predicate?: (input: never) => boolean, options: WaitOptions = {}): Promise<Letter> {
    const timeoutMs = timeoutOf('expect', options);
    // A mistake in the test, not a message that does not come.
    this.ref.kindEntry.action(action);
    const letter = await this.#next(`'${action}'`, timeoutMs);
    if (letter.action !== action) throw this.#failure(`expected '${action}', and received ${textOf(letter)}`);
    if (predicate !== undefined && !predicate(letter.input as never)) throw this.#failure(`the predicate does not hold of ${textOf(letter)}`);
    return letter;
  }

  async expectNone(forMs = 100): Promise<void> {
    const timeoutMs = timeoutOf('expectNone', { timeoutMs: forMs });
    if (await this.#until(() => this.#taken < this.received.length, timeoutMs))
      throw this.#failure(`expected nothing for ${forMs} ms, and received ${textOf(this.received[this.#taken] as Letter)}`);
  }

  watch(ref: AgentRef): void {
    const { cell } = this.ref;
    if (cell !== undefined) partsOf(this.#nexus).host.watch(cell, ref as unknown as AgentReference);
  }

  async expectTerminated(ref: AgentRef, options: WaitOptions = {}): Promise<Terminated> {
    const timeoutMs = timeoutOf('expectTerminated', options);
    const find = (): Terminated | undefined => this.#terminated.find((ended) => ended.ref.equals(ref));
    if (find() === undefined) this.watch(ref);
    if (await this.#until(() => find() !== undefined, timeoutMs)) return find() as Terminated;
    throw this.#failure(`${ref.kind} '${ref.id}' has not ended within ${timeoutMs} ms`);
  }

  async stop(): Promise<void> {
    const stopped = this.ref.stop();
    await (this.#nexus instanceof TestNexus ? this.#nexus.settle(stopped) : stopped);
  }

  async #next(what: string, timeoutMs: number): Promise<Letter> {
    const { received } = this;
    if (!(await this.#until(() => this.#taken < received.length, timeoutMs)))
      throw this.#failure(`expected ${what} within ${timeoutMs} ms, and received nothing`);
    return received[this.#taken++] as Letter;
  }

  #receive(action: string, input: unknown, sender: AgentRef | undefined): Promise<unknown> | undefined {
    if (this.received.length - this.#taken >= UNTAKEN_MAX)
      throw new NexusError('NEXUS_MAILBOX_FULL', `${UNTAKEN_MAX} messages of this probe have not been taken: take them with expect or receive`, {
        data: { capacity: UNTAKEN_MAX },
      });
    const answer = new DeferredAnswer(this.ref.cell?.mailbox?.reply);
    const { isAsk } = answer;
    const letter: Letter = { action, input, sender, isAsk, reply: (value) => answer.reply(value), fail: (error) => answer.fail(error) };
    this.received.push(letter);
    this.#notify();
    if (!isAsk) return undefined;
    this.#open.add(answer);
    void answer.given.then(() => this.#open.delete(answer));
    return answer.given;
  }

  #ended(ended: Terminated): void {
    this.#terminated.push(ended);
    this.#notify();
  }

  #notify(): void {
    for (const notify of this.#waiting) notify();
  }

  /** Nobody will answer any more. */
  #failOpen(error: Error): void {
    for (const answer of this.#open) answer.fail(error);
  }

  #until(condition: () => boolean, timeoutMs: number): Promise<boolean> {
    if (condition()) return Promise.resolve(true);
    if (this.#nexus instanceof TestNexus) return this.#nexus.until(condition, timeoutMs);
    if (timeoutMs === 0) return Promise.resolve(false);
    return new Promise((resolve) => {
      const done = (holds: boolean): void => {
        cancel();
        this.#waiting.delete(look);
        resolve(holds);
      };
      const look = (): void => {
        if (condition()) done(true);
      };
      const cancel = partsOf(this.#nexus).host.clock.after(timeoutMs, () => done(condition()));
      this.#waiting.add(look);
    });
  }

  #failure(what: string): NexusError {
    const first = Math.max(0, this.received.length - LISTED_MAX);
    const listed = this.received
      .slice(first)
      .map((letter, index) => `  ${first + index + 1}. ${textOf(letter)}${first + index >= this.#taken ? ' (not taken)' : ''}`);
    const seed = this.#nexus instanceof TestNexus ? `\nNEXUS_TEST_SEED=${this.#nexus.seed}` : '';
    const all = listed.length === 0 ? 'nothing' : `${this.received.length} messages\n${listed.join('\n')}`;
    return new NexusError('NEXUS_EXPECTATION_FAILED', `probe '${this.ref.id}' of '${this.ref.kind}': ${what}; it has received ${all}${seed}`, {
      data: { received: this.received.map(({ action, input }) => ({ action, input })) },
    });
  }
}

function textOf({ action, input, sender }: Letter): string {
  const text = input === undefined ? '' : ` ${safeText(input)}`;
  return `'${action}'${text.length <= TEXT_LENGTH_MAX ? text : `${text.slice(0, TEXT_LENGTH_MAX)}...`}${sender === undefined ? '' : ` from ${sender.kind} '${sender.id}'`}`;
}

function timeoutOf(call: string, options: WaitOptions): number {
  checkNames(call, options, ['timeoutMs']);
  const { timeoutMs = TIMEOUT_MS } = options;
  if (typeof timeoutMs === 'number' && timeoutMs >= 0 && timeoutMs <= TIMEOUT_MS_MAX) return timeoutMs;
  throw optionError('timeoutMs', `is ${valueText(timeoutMs)}; it must be from 0 to ${TIMEOUT_MS_MAX}`);
}
