/**
 * One agent alone: it runs in a thread of the runtime, with a manual clock and seeded random numbers; everybody it talks to is a stub, whose answers the test gives; what
 * it does is a list of effects. Start, supervision, timers, shapes, order and async handlers are those of production, because it is the runtime that performs them.
 *
 * Not here: what an agent does to others that run too (`test-nexus.ts`), and messages as others see them (`probe.ts`).
 */
import { createSharedMemory } from '../../bindings/shared-memory.js';
import { optionError, valueText } from '../errors.js';
import type { InputOf, ReplyOf } from '../model/action.js';
import { type AnyAgent, isAgentDefinition, type Terminated } from '../model/agent-definition.js';
import type { ActionName, ActionsOf, AgentRef, TellOutcome } from '../model/agent-ref.js';
import { checkNames } from '../model/nearest-name.js';
import { SeededRandom } from '../model/seeded-random.js';
import type { InitOf } from '../model/spawn-options.js';
import { type AgentCell, Status } from '../runtime/agent-cell.js';
import type { AgentReference } from '../runtime/agent-reference.js';
import { type Kind, outlineOf } from '../runtime/kind.js';
import { runtimeCalls } from '../runtime/runtime-calls.js';
import type { AgentFailure } from '../runtime/system-calls.js';
import { type Answers, type Asked, type Effect, type EffectOf, type Spawned, UNANSWERED } from './effects.js';
import { DeferredAnswer } from './deferred-answer.js';
import { type ManualClock, SteppedClock } from './manual-clock.js';
import { type HostObserver, ObservedHost } from './observed-host.js';
import { Schedule, ThreadGroup, type ThreadLife } from './schedule.js';
import { seedOf } from './seed.js';
import { openSimulatedThread } from './simulated-engine.js';

const STEPS_MAX = 1_000_000;
const TIMEOUT_MS = 5000;
const EFFECTS_MAX = 100_000;
const OPTIONS = ['id', 'init', 'seed', 'epochMs', 'startTimeoutMs', 'answers'];
/** By the numbers of `Status`. An agent alone has nowhere to move to. */
const STATUS = ['starting', 'ready', 'busy', 'restarting', 'held', 'arriving', 'stopping', 'stopped', 'moved'] as const;

/** Options of `testAgent`. */
export interface TestAgentOptions<I = unknown> {
  /** Default `the kind + ' under test'`. */
  readonly id?: string;
  readonly init?: I;
  /** Of `ctx.random` and of jitter. NEXUS_TEST_SEED takes its place. Default 1. */
  readonly seed?: number;
  /** What `ctx.clock.epochMs()` begins with. Default 1,767,225,600,000, the beginning of 2026. */
  readonly epochMs?: number;
  /** Default 30,000. */
  readonly startTimeoutMs?: number;
  readonly answers?: Answers;
}

/** Of a message of the test. */
export interface SendingOptions {
  /** `ctx.sender` of the handler: a stub. */
  readonly sender?: AgentRef;
}

type Rest<A, O> = undefined extends InputOf<A> ? [input?: InputOf<A>, options?: O] : [input: InputOf<A>, options?: O];
// biome-ignore lint/suspicious/noExplicitAny: types are taken apart here
type StateOf<D extends AnyAgent> = D extends { readonly state: (init: any) => infer S } ? S : never;

/** One agent alone, with everybody else a stub, as `testAgent` makes it. */
export interface TestAgent<D extends AnyAgent = AnyAgent> {
  readonly ref: AgentRef<D>;
  readonly seed: number;
  readonly clock: ManualClock;
  /** The state itself, not a copy; undefined when the agent has ended. */
  readonly state: StateOf<D>;
  /** `busy`: an async handler runs. `restarting`: it waits for its restart. */
  readonly status: (typeof STATUS)[number];
  /** How often it has been restarted. */
  readonly restarts: number;
  /** What it did so far, in order; at most the first 100,000. */
  readonly effects: readonly Effect[];
  /** Those of one type. */
  effectsOf<T extends Effect['type']>(type: T): EffectOf<T>[];
  /** What it did since this was called last. */
  takeEffects(): Effect[];
  /** Sends a message, and resolves when all it led to at this time is done. */
  tell<N extends ActionName<D>>(action: N, ...rest: Rest<ActionsOf<D>[N], SendingOptions>): Promise<TellOutcome>;
  /** Resolves with the reply. While the agent waits for an answer or for time, that is for the test to give. `timeoutMs` (default 5,000) is of the manual clock. */
  ask<N extends ActionName<D>>(action: N, ...rest: Rest<ActionsOf<D>[N], SendingOptions & { readonly timeoutMs?: number }>): Promise<ReplyOf<ActionsOf<D>[N]>>;
  /** An agent of another kind, as far as this one can tell. What is told to it, and asked, is an effect. It is found by its id, and can be stopped. */
  stub<E extends AnyAgent>(definition: E, id?: string): AgentRef<E>;
  /** Moves the time on: timers fire, asks time out, restarts happen. */
  advance(byMs: number): Promise<void>;
  /** Resolves when nothing more happens at this time. */
  run(): Promise<void>;
  /** Ends it as `ref.stop`, and then its thread. Asks of the test that wait are rejected with NEXUS_STOPPED. */
  stop(): Promise<void>;
}

/**
 * Starts one agent alone. Resolves when it has started; or, if its start hook waits for an answer or for time, when nothing more happens without that.
 * Rejects with NexusError NEXUS_START_FAILED; NexusTypeError NEXUS_OPTION_INVALID, NEXUS_OPTION_UNKNOWN, NEXUS_DEFINITION_INVALID.
 */
export async function testAgent<D extends AnyAgent>(definition: D, options: TestAgentOptions<InitOf<D>> = {}): Promise<TestAgent<D>> {
  checkNames('testAgent', options, OPTIONS);
  if (!isAgentDefinition(definition)) throw optionError('definition', `must be what defineAgent returns, not ${valueText(definition)}`);
  const agent = new LoneAgent(definition, options);
  await agent.start();
  return agent as unknown as TestAgent<D>;
}

/** An ask on its way to a stub. */
interface Expected {
  readonly to: AgentReference;
  readonly asked: Asked;
  readonly answered: (answer: DeferredAnswer) => void;
}

class LoneAgent implements HostObserver {
  readonly seed: number;
  readonly clock: SteppedClock;
  readonly effects: Effect[] = [];
  readonly #host: ObservedHost;
  readonly #schedule: Schedule;
  readonly #life: ThreadLife;
  readonly #options: TestAgentOptions;
  readonly #definition: AnyAgent;
  readonly #expected: Expected[] = [];
  /** Only the agent under test is of this very kind; others of its name are stubs. */
  #kind: Kind | undefined;
  #cell: AgentCell | undefined;
  #ref: AgentReference | undefined;
  #taken = 0;
  #named = 0;

  constructor(definition: AnyAgent, options: TestAgentOptions) {
    this.#definition = definition;
    this.#options = options;
    this.seed = seedOf(options.seed ?? 1);
    this.#schedule = new Schedule(() => undefined);
    const threads = new ThreadGroup(this.#schedule, 0, new SeededRandom(this.seed, 'schedule'));
    this.clock = new SteppedClock(options.epochMs === undefined ? {} : { epochMs: options.epochMs }, () => this.#schedule.rest(STEPS_MAX));
    const life = threads.begin(0, this.clock);
    this.#life = life;
    const shared = createSharedMemory({ threadCount: 1, recordCapacity: 4096, ringBytes: 16_384 }, [this.seed, this.seed]);
    const logger = { debug: (data: object, message: string) => this.#restarting(data, message), info: ignore, warn: ignore, error: ignore };
    this.#host = new ObservedHost(
      this,
      { thread: 0, incarnation: 0, askTimeoutMs: TIMEOUT_MS, messageBytesMax: 1 << 26, seed: this.seed, tracing: undefined },
      shared,
      openSimulatedThread(shared, life),
      { outlines: [], definitions: new Map() },
      life.clock,
      logger,
      {
        deadLetter: ignore,
        signal: ignore,
        agentFailed: (failure) => this.#failed(failure),
        escalated: ({ error }) => this.did({ type: 'escalated', error }),
      },
      life.turns,
    );
    this.#host.open(runtimeCalls(this.#host, { deadLetter: ignore, log: ignore, agentFailed: ignore }));
  }

  async start(): Promise<void> {
    const { id = `${this.#definition.kind} under test`, init, startTimeoutMs = 30_000 } = this.#options;
    const host = this.#host;
    this.#addStubKind(this.#definition);
    const kind = host.kinds.standIn(this.#definition.kind, this.#definition);
    this.#kind = kind;
    // It may fail at once, or wait for what the test does next.
    const observer = this.#observer();
    let failure: { readonly error: unknown } | undefined;
    const failed = (error: unknown): void => {
      failure = { error };
    };
    try {
      const spawned = host.spawnHere(kind, id, init, undefined, startTimeoutMs);
      if (spawned instanceof Promise) spawned.catch(failed);
      this.#cell = [...host.cells].find((cell) => cell.kind === kind);
      this.#ref = this.#cell === undefined ? undefined : host.referenceOf(this.#cell);
    } catch (error) {
      failed(error);
    }
    if (this.#ref !== undefined) host.watch(observer.cell as AgentCell, this.#ref);
    await this.run();
    if (failure === undefined) return;
    host.close();
    throw failure.error;
  }

  get ref(): AgentReference {
    return this.#ref as AgentReference;
  }

  get state(): unknown {
    return this.#cell?.state;
  }

  get status(): (typeof STATUS)[number] {
    return STATUS[this.#cell?.status ?? Status.stopped] as (typeof STATUS)[number];
  }

  get restarts(): number {
    return this.#host.lifecycle.restarted;
  }

  effectsOf(type: Effect['type']): Effect[] {
    return this.effects.filter((effect) => effect.type === type);
  }

  takeEffects(): Effect[] {
    const taken = this.effects.slice(this.#taken);
    this.#taken = this.effects.length;
    return taken;
  }

  async tell(action: string, input?: unknown, options: SendingOptions = {}): Promise<TellOutcome> {
    checkNames('tell', options, ['sender']);
    const outcome = this.#host.router.tellFrom(options.sender as unknown as AgentReference | undefined, this.ref, action, input);
    await this.run();
    return outcome;
  }

  ask(action: string, input?: unknown, options: SendingOptions & { readonly timeoutMs?: number } = {}): Promise<unknown> {
    return new Promise((resolve, reject) => {
      checkNames('ask', options, ['sender', 'timeoutMs']);
      const { timeoutMs = TIMEOUT_MS, sender } = options;
      const ref = this.ref;
      const entry = ref.kindEntry.action(action);
      const replied = (value: unknown): void => {
        this.did({ type: 'replied', action, value });
        resolve(value);
      };
      const rejected = (error: unknown): void => {
        this.did({ type: 'rejected', action, error });
        reject(error);
      };
      // As the router does it, with the outcome seen at the moment it comes about: a promise would say it after the next message has been handled.
      const ask = this.#host.asks.open(replied, rejected, ref, action, timeoutMs, entry.reply);
      try {
        entry.input?.check(input);
      } catch (error) {
        return ask.fail(error);
      }
      this.#host.dispatcher.enqueue(ref.cell as AgentCell, entry, input, ask, sender as unknown as AgentReference | undefined);
    });
  }

  stub(definition: AnyAgent, id?: string): AgentReference {
    this.#addStubKind(definition);
    this.#named++;
    return this.#host.spawnHere(
      this.#host.kinds.byName(definition.kind),
      id ?? `stub ${this.#named} of ${definition.kind}`,
      undefined,
      undefined,
      TIMEOUT_MS,
    ) as AgentReference;
  }

  advance(byMs: number): Promise<void> {
    return this.clock.advance(byMs);
  }

  run(): Promise<void> {
    return this.#schedule.rest(STEPS_MAX);
  }

  async stop(): Promise<void> {
    let isStopped = false;
    void this.ref.stop().then(
      () => (isStopped = true),
      () => (isStopped = true),
    );
    // A stop hook may wait for time; whatever it waits for, the stop has a deadline.
    for (await this.run(); !isStopped && this.clock.nextDueMs !== undefined; ) await this.clock.advanceTo(Math.max(this.clock.nextDueMs, this.clock.nowMs()));
    this.#host.close();
    this.#life.end();
  }

  isOf(cell: AgentCell): boolean {
    return cell.kind === this.#kind;
  }

  did(effect: Effect): void {
    if (this.effects.length < EFFECTS_MAX) this.effects.push(effect);
  }

  asks(to: AgentReference, action: string, input: unknown, timeoutMs: number | undefined): void {
    const { asked, answered } = this.#newAsked(to, action, input, timeoutMs);
    this.#expected.push({ to, asked, answered });
  }

  spawns(definition: AnyAgent, spawned: Spawned): void {
    this.did(spawned);
    this.#options.answers?.spawn?.(spawned);
    if (isAgentDefinition(definition)) this.#addStubKind(definition);
  }

  finds(id: string): void {
    const definition = this.#options.answers?.find?.(id);
    if (definition !== undefined) this.stub(definition, id);
  }

  #newAsked(to: AgentReference, action: string, input: unknown, timeoutMs: number | undefined): Pick<Expected, 'asked' | 'answered'> {
    // The test may answer before the message has arrived.
    let answer: DeferredAnswer | undefined;
    let early: ((answer: DeferredAnswer) => void) | undefined;
    const give = (how: (answer: DeferredAnswer) => void): void => {
      if (answer !== undefined) how(answer);
      else early ??= how;
    };
    const asked: Asked = {
      type: 'asked',
      to,
      action,
      input,
      timeoutMs,
      get isAnswered() {
        return answer?.isGiven ?? early !== undefined;
      },
      reply: (value) => give((each) => each.reply(value)),
      fail: (error) => give((each) => each.fail(error)),
    };
    this.did(asked);
    return {
      asked,
      answered: (arrived) => {
        answer = arrived;
        early?.(arrived);
      },
    };
  }

  /** From now on agents of this kind, but the one under test, are stubs. */
  #addStubKind(definition: AnyAgent): void {
    const { kinds } = this.#host;
    if (kinds.has(definition.kind)) return;
    const outline = outlineOf(definition, true);
    const actions = outline.actions.map(({ name }) => [
      name,
      {
        concurrent: true,
        handler: (_state: unknown, input: unknown, { self, sender }: { self: AgentRef; sender: AgentRef | undefined }) =>
          this.#arrived(self as unknown as AgentReference, name, input, sender),
      },
    ]);
    kinds.add(outline, { kind: definition.kind, state: () => undefined, actions: Object.fromEntries(actions), supervision: { onFailure: 'resume' } });
  }

  #arrived(stub: AgentReference, action: string, input: unknown, sender: AgentRef | undefined): Promise<unknown> | undefined {
    const answer = new DeferredAnswer(stub.cell?.mailbox?.reply);
    if (!answer.isAsk) {
      if (sender === undefined) this.did({ type: 'told', to: stub, action, input, outcome: 'accepted' });
      return undefined;
    }
    const place = sender === undefined ? -1 : this.#expected.findIndex(({ to, asked }) => to.equals(stub) && asked.action === action && asked.input === input);
    const { asked, answered } = place < 0 ? this.#newAsked(stub, action, input, undefined) : (this.#expected.splice(place, 1)[0] as Expected);
    answered(answer);
    this.#answer(asked);
    return answer.given;
  }

  #answer(asked: Asked): void {
    const answering = this.#options.answers?.ask;
    if (answering === undefined || asked.isAnswered) return;
    try {
      const value = answering(asked);
      if (value === UNANSWERED) return;
      if (!(value instanceof Promise)) return asked.reply(value);
      value.then(asked.reply, asked.fail);
    } catch (error) {
      asked.fail(error);
    }
  }

  /** An agent that watches the one under test. */
  #observer(): AgentReference {
    const kind = 'observer of the test';
    const observer: AnyAgent = {
      kind,
      state: () => undefined,
      actions: {},
      onTerminated: (_state, { reason }: Terminated) => this.did({ type: 'stopped', reason }),
    };
    this.#host.kinds.add(outlineOf(observer, true), observer);
    return this.#host.spawnHere(this.#host.kinds.byName(kind), kind, undefined, undefined, TIMEOUT_MS) as AgentReference;
  }

  #failed({ action, error, kind, id }: AgentFailure): void {
    if (kind === this.#definition.kind && id === (this.#options.id ?? `${kind} under test`)) this.did({ type: 'failed', action, error });
  }

  /** The one place where a restart and its delay can be seen. */
  #restarting(data: object, message: string): void {
    const { kind, delayMs } = data as { readonly kind?: string; readonly delayMs?: number };
    if (message === 'agent restarts' && kind === this.#definition.kind && delayMs !== undefined) this.did({ type: 'restarting', delayMs });
  }
}

function ignore(): void {}
