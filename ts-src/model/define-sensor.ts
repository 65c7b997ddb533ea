/**
 * Sensors: agents that look at the world, or are told by it, and emit signals. `defineSensor` makes an agent definition, so that a sensor is spawned, supervised,
 * watched and stopped like any other agent. A value only; the sensors that come with Nexus are in `sensors/`.
 */
import { NexusTypeError, quoted, valueText } from '../errors.js';
import type { AgentContext } from './agent-context.js';
import { type AgentDefinition, defineAgent, type Supervision } from './agent-definition.js';
import { unknownField } from './nearest-name.js';
import { type EmitOptions, SIGNAL_SCOPES, type SignalScope } from './signal.js';
import type { Topic } from './topic.js';

export const SENSOR_PERIOD_MS_MAX = 86_400_000;

/** One signal that a sensor found: what is emitted in its name. */
export interface SensedSignal {
  readonly topic: string | Topic;
  readonly data?: unknown;
}

/** What `sense` returns: the signals to emit, or nothing. */
export type Sensed = Iterable<SensedSignal> | undefined;

/** What a source that pushes calls, from outside of handlers. Neither does anything once the sensor has ended or restarted. */
export interface SensorSource {
  emit(topic: string | Topic, data?: unknown): void;
  /** The source has failed: the sensor fails with this error, and supervision decides. */
  fail(error: unknown): void;
}

/** What `defineSensor` takes: a sensor either looks (`sense`, with `periodMs`) or is told (`open`). */
export interface SensorSpecification<K extends string, S, I> {
  readonly kind: K;
  /** Makes the state from `init`, at start and at every restart. Default: `init` itself. */
  readonly state?: (init: I) => S;
  /** Looks: at once after each start, then every `periodMs` from the start of one look to that of the next, never two at a time. What it throws is a failure. */
  readonly sense?: (state: S, ctx: AgentContext) => Sensed | Promise<Sensed>;
  /** With `sense`: 1 to 86,400,000, or a function of the state that gives it. */
  readonly periodMs?: number | ((state: S) => number);
  /** False: the first look comes after one period. A sensor that fails seldom is then stopped late: at every restart its period begins anew. Default true. */
  readonly senseAtStart?: boolean;
  /** Opens a source that pushes. Returns what closes it, which is called when the sensor ends or restarts. */
  readonly open?: (state: S, source: SensorSource, ctx: AgentContext) => Closing | Promise<Closing>;
  /** `node`: its signals stay on the node of a cluster that it runs on. Default: that of each topic, which is `cluster` unless told. */
  readonly scope?: SignalScope;
  /** Default: restart, 5 times within 60 s, after 100 ms at first and 10 s at most; then the sensor ends. */
  readonly supervision?: Supervision;
}

// biome-ignore lint/suspicious/noConfusingVoidType: a function that returns nothing may be given
type Closing = (() => unknown) | void;

/** The agent's own state around that of the sensor. */
interface SensorState<S> {
  readonly sensed: S;
  close: Closing;
}

type SensorAction = (state: SensorState<never>, input: undefined, ctx: AgentContext) => void | Promise<void>;

/** `look` looks now, beside the period. The other two are the sensor's own. */
export interface SensorActions {
  readonly look: SensorAction;
  readonly lookAgain: SensorAction;
  readonly sourceFailed: (state: SensorState<never>, error: unknown) => void;
}

/** A sensor as a kind of agent: it is spawned, supervised and watched like any other. */
export type SensorDefinition<K extends string, I> = AgentDefinition<K, unknown, I, SensorActions>;

const FIELDS = ['kind', 'state', 'sense', 'periodMs', 'senseAtStart', 'open', 'scope', 'supervision'];
const SUPERVISION = { intensity: 5, periodMs: 60_000, backoff: { initialMs: 100, maxMs: 10_000 } };

/**
 * Makes a sensor: an agent that emits what it finds, by looking again and again or by listening to a source that pushes.
 * @throws NexusTypeError NEXUS_DEFINITION_INVALID
 */
export function defineSensor<const K extends string, S = undefined, I = undefined>(specification: SensorSpecification<K, S, I>): SensorDefinition<K, I> {
  check(specification as unknown as Record<string, unknown>);
  const { kind, state, sense, open, periodMs = 0, senseAtStart = true, scope, supervision } = specification;
  const emitting: EmitOptions | undefined = scope === undefined ? undefined : { scope };
  const look = (own: SensorState<S>, ctx: AgentContext): void | Promise<void> => {
    const sensed = sense?.(own.sensed, ctx);
    return sensed instanceof Promise ? sensed.then((signals) => emitAll(ctx, signals, emitting)) : emitAll(ctx, sensed, emitting);
  };
  const lookAfter = (own: SensorState<S>, ctx: AgentContext, elapsedMs: number): void => {
    const ms = checkedPeriod(kind, typeof periodMs === 'function' ? periodMs(own.sensed) : periodMs);
    ctx.timers.after(Math.max(0, ms - elapsedMs), 'lookAgain');
  };
  return defineAgent({
    kind,
    state: (init: I): SensorState<S> => ({ sensed: state === undefined ? (init as unknown as S) : state(init), close: undefined }),
    actions: {
      look: (own: SensorState<S>, _input: undefined, ctx: AgentContext) => look(own, ctx),
      lookAgain(own: SensorState<S>, _input: undefined, ctx: AgentContext) {
        const startedMs = ctx.clock.nowMs();
        // Also after a failure that supervision resumes from; a restart cancels it.
        const again = (): void => lookAfter(own, ctx, ctx.clock.nowMs() - startedMs);
        let looking: void | Promise<void>;
        try {
          looking = look(own, ctx);
        } catch (error) {
          again();
          throw error;
        }
        if (looking instanceof Promise) return looking.finally(again);
        return again();
      },
      sourceFailed(_own: SensorState<S>, error: unknown) {
        throw error;
      },
    },
    supervision: { ...SUPERVISION, ...supervision, backoff: { ...SUPERVISION.backoff, ...supervision?.backoff } },
    onStart(own, ctx) {
      const begin = (): void => {
        if (sense === undefined) return;
        if (senseAtStart) ctx.timers.after(0, 'lookAgain');
        else lookAfter(own, ctx, 0);
      };
      if (open === undefined) return begin();
      const opened = open(own.sensed, sourceOf(ctx, emitting), ctx);
      const keep = (close: Closing): void => {
        own.close = close;
        // It has ended while the source was being opened: nobody else will close it.
        if (ctx.signal.aborted) closeOf(own)?.();
        else begin();
      };
      return opened instanceof Promise ? opened.then(keep) : keep(opened);
    },
    scope: 'node',
    onStop: (own) => closeOf(own)?.(),
  }) as unknown as SensorDefinition<K, I>;
}

function sourceOf(ctx: AgentContext, emitting: EmitOptions | undefined): SensorSource {
  return {
    emit: (topic, data) => ctx.emit(topic as string, data, emitting),
    fail(error) {
      if (!ctx.signal.aborted) (ctx.self.tell as (action: string, input: unknown) => unknown).call(ctx.self, 'sourceFailed', error);
    },
  };
}

/** What closes the source, once. */
function closeOf<S>(own: SensorState<S>): (() => unknown) | undefined {
  const { close } = own;
  own.close = undefined;
  return typeof close === 'function' ? close : undefined;
}

function emitAll(ctx: AgentContext, sensed: Sensed, emitting: EmitOptions | undefined): void {
  for (const { topic, data } of sensed ?? []) ctx.emit(topic as string, data, emitting);
}

function checkedPeriod(kind: string, periodMs: number): number {
  if (typeof periodMs === 'number' && periodMs >= 1 && periodMs <= SENSOR_PERIOD_MS_MAX) return periodMs;
  throw invalid(`periodMs of '${kind}' is ${valueText(periodMs)}; it must be from 1 to ${SENSOR_PERIOD_MS_MAX}`);
}

function check(specification: Record<string, unknown>): void {
  if (typeof specification !== 'object' || specification === null) throw invalid('expected an object with kind, and sense or open');
  const kind = typeof specification['kind'] === 'string' ? specification['kind'] : '';
  for (const name of Object.keys(specification)) if (!FIELDS.includes(name)) throw unknownField('defineSensor', quoted(kind), name, FIELDS);
  const { sense, open, state, periodMs, senseAtStart, scope } = specification;
  if (sense === undefined && open === undefined) throw invalid(`'${kind}' needs sense: (state, ctx) => signals, or open: (state, source, ctx) => close`);
  for (const [name, value] of Object.entries({ sense, open, state }))
    if (value !== undefined && typeof value !== 'function') throw invalid(`${name} of '${kind}' must be a function`);
  if (sense === undefined && periodMs !== undefined) throw invalid(`'${kind}' has a periodMs, which is for sense`);
  if (sense !== undefined && typeof periodMs !== 'function') checkedPeriod(kind, periodMs as number);
  if (senseAtStart !== undefined && typeof senseAtStart !== 'boolean') throw invalid(`senseAtStart of '${kind}' must be true or false`);
  if (scope !== undefined && !SIGNAL_SCOPES.includes(scope as SignalScope))
    throw invalid(`scope of '${kind}' is ${valueText(scope)}; it must be 'cluster' or 'node'`);
}

function invalid(message: string): NexusTypeError {
  return new NexusTypeError('NEXUS_DEFINITION_INVALID', `defineSensor: ${message}`);
}
