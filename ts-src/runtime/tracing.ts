/**
 * Traces of one thread: which messages that leave it belong to one, the span around the handler of a message that does, and around anything else (`inSpan`). The spans are
 * those of OpenTelemetry: parent and child are joined by its context, which a traced handler and all that it awaits run in, so that the user's own spans and
 * instrumentations fit in. A message carries what it needs of that context itself (`model/message-trace.ts`); one that is not traced carries nothing, and its handler runs in
 * the neutral context. There is one in each thread of a nexus that traces, and none in others.
 */
import { MessageTrace, TRACE_HOPS_MAX } from '../model/message-trace.js';
import type { AgentContext, Logger } from '../model/agent-context.js';
import { errorForCaller, Refusal } from '../model/prepared-action.js';
import { TraceSampling } from '../model/trace-sampling.js';
import type { ResolvedTracing } from '../model/tracing-options.js';
import { FLAG_SAMPLED, type Span, type SpanAttributes, SpanKind, STATUS_ERROR, type TraceScope, type TracingApi } from '../ports/tracing-api.js';
import type { Clock } from '../ports/clock.js';
import type { AgentCell } from './agent-cell.js';
import type { AgentReference } from './agent-reference.js';
import type { ActionEntry } from './kind.js';
import { type MessageSender, TracedTell, traceOf } from './mailbox.js';
import type { MessageObserver } from './message-observer.js';
import { inNeutralContext } from './neutral-context.js';
import type { ReplyPort } from './pending-asks.js';

/** What a collector that does not answer may hold up the end of a thread. */
const FLUSH_TIMEOUT_MS = 3000;

export interface TracingNeeds {
  readonly api: TracingApi;
  readonly options: ResolvedTracing;
  readonly thread: number;
  readonly logger: Logger;
  readonly clock: Clock;
  /** Seeded. */
  random(): number;
  idOf(cell: AgentCell): string;
  /** In the place of the reply of a message of a timer. */
  readonly timerMessage: ReplyPort;
}

/** Ids of the span that the calling code runs in, under the names by which log collectors know them. */
export interface TraceIds {
  readonly trace_id: string;
  readonly span_id: string;
}

export class Tracing implements MessageObserver {
  readonly #needs: TracingNeeds;
  readonly #api: TracingApi;
  readonly #tracer: ReturnType<TracingApi['trace']['getTracer']>;
  readonly #sampling: TraceSampling;
  readonly #hopsKey: symbol;
  /** What is active where nothing is: that of whoever imported this package. */
  readonly #neutral: TraceScope;
  /** The handler of a traced message, or code that is traced otherwise, is on the stack: who asks OpenTelemetry for its context finds one. */
  #isInside = false;
  /** Handlers run now: what is sent is sent by one of them. */
  #isDraining = false;
  /** Handlers run now, and that of a message that is not traced: there is no trace to look for, which is the dear part. */
  #isPlain = false;
  /** Asked for its context: looked up once a drain. */
  #manager: { active(): TraceScope };
  #hasSaid = false;

  constructor(needs: TracingNeeds) {
    this.#needs = needs;
    this.#api = needs.api;
    this.#tracer = needs.api.trace.getTracer('nexus-agents');
    this.#sampling = new TraceSampling(needs.options.ratio, needs.options.tracesPerSecondMax, needs.random);
    this.#hopsKey = needs.api.createContextKey('nexus-agents hops');
    let neutral = needs.api.ROOT_CONTEXT;
    inNeutralContext(() => {
      neutral = needs.api.context.active();
    });
    this.#neutral = neutral;
    this.#manager = needs.api.contextManager();
  }

  drainBegins(): void {
    this.#isDraining = true;
    this.#isPlain = !this.#isInside;
    this.#manager = this.#api.contextManager();
  }

  drainEnds(): void {
    this.#isDraining = false;
    this.#isPlain = false;
  }

  /** In the place of the sender of a tell that leaves now: the sender alone, where it is not traced. */
  mark(sender: MessageSender): MessageSender {
    if (!this.#isPlain) return this.#marked(sender, this.outgoing());
    return this.#sampling.take() ? this.#marked(sender, this.#begun()) : sender;
  }

  /** The trace of a message that leaves now, or of work that is handed on. */
  outgoing(): MessageTrace | undefined {
    const trace = this.#isPlain ? undefined : this.#active();
    return trace === undefined ? this.beginning() : (trace ?? undefined);
  }

  /** The trace of a message that nothing traced has caused: mostly none. */
  beginning(): MessageTrace | undefined {
    return this.#sampling.take() ? this.#begun() : undefined;
  }

  /** The trace of what is sent because of something that is traced, and of nothing else: a message that comes later. */
  continued(): MessageTrace | undefined {
    return this.#isPlain ? undefined : (this.#active() ?? undefined);
  }

  sees(sender: MessageSender): boolean {
    return sender !== undefined && 'deadlineMs' in sender && sender.trace !== undefined;
  }

  handle(cell: AgentCell, action: ActionEntry, input: unknown, context: AgentContext, sender: MessageSender, reply: ReplyPort | undefined): unknown {
    const trace = traceOf(sender);
    if (trace === undefined) return action.handler(cell.state, input, context);
    const { clock, thread, idOf, timerMessage } = this.#needs;
    const attributes = {
      'messaging.system': 'nexus',
      'messaging.operation.type': 'process',
      'messaging.operation.name': action.name,
      'messaging.destination.name': cell.kind.name,
      'nexus.agent.id': idOf(cell),
      'nexus.agent.kind': cell.kind.name,
      'nexus.action': action.name,
      'nexus.thread': thread,
      'nexus.message.wait_ms': Math.max(0, clock.nowMs() - trace.sentMs),
    };
    const kind = reply === timerMessage ? SpanKind.internal : SpanKind.consumer;
    return this.#inSpan(`${cell.kind.name} ${action.name}`, kind, attributes, this.#scopeOf(trace), trace.hops, () =>
      action.handler(cell.state, input, context),
    );
  }

  /** Runs a call that another thread, or a time before, has handed on, in the context that it was handed on in. */
  inScopeOf<T>(trace: MessageTrace, call: () => T): T {
    return this.#inside(this.#scopeOf(trace).setValue(this.#hopsKey, trace.hops), call);
  }

  /**
   * Calls `call` in a span of its own, below the one that is active; where none is, the call begins a trace with the chance that a message has, or is called without a
   * span. The span ends when the call returns, or when the promise that it returns settles. Returns what `call` returns (of what looks like a promise: a promise of the same
   * outcome); an error is noted in the span and thrown on.
   */
  inSpan<T>(name: string, attributes: SpanAttributes, call: () => T): T {
    const trace = this.outgoing();
    return trace === undefined ? call() : this.#inSpan(name, SpanKind.internal, attributes, this.#api.context.active(), trace.hops, call);
  }

  /** As `inSpan`, for a request from outside whose headers may name the trace that it belongs to. `call` is given the span, if there is one. */
  inServerSpan<T>(name: string, attributes: SpanAttributes, headers: unknown, call: (span: Span | undefined) => T): T {
    const { api } = this.#needs;
    // An instrumentation of the HTTP server has been there before.
    if (api.trace.getSpanContext(api.context.active()) !== undefined) return call(undefined);
    const scope = api.propagation.extract(api.ROOT_CONTEXT, headers);
    const parent = api.trace.getSpanContext(scope);
    if (parent === undefined) {
      if (this.beginning() === undefined) return call(undefined);
    } else if ((parent.traceFlags & FLAG_SAMPLED) === 0) return this.#inside(scope, () => call(undefined));
    return this.#inSpan(name, SpanKind.server, attributes, scope, 0, call);
  }

  /** Of the span that the calling code runs in, if it is traced. */
  ids(): TraceIds | undefined {
    if (this.#isPlain) return undefined;
    const span = this.#api.trace.getSpanContext(this.#api.context.active());
    return span === undefined || !this.#api.trace.isSpanContextValid(span) ? undefined : { trace_id: span.traceId, span_id: span.spanId };
  }

  /** Of what leaves now by the context of OpenTelemetry; undefined where there is none, null where there is one that is not traced. */
  #active(): MessageTrace | null | undefined {
    const scope = this.#manager.active();
    if (scope === this.#neutral || scope === this.#api.ROOT_CONTEXT) return undefined;
    const parent = this.#api.trace.getSpanContext(scope);
    if (parent === undefined || !this.#api.trace.isSpanContextValid(parent)) return undefined;
    // Whoever began it has decided that it is not traced: no part of it is.
    if ((parent.traceFlags & FLAG_SAMPLED) === 0) return null;
    const hops = (scope.getValue(this.#hopsKey) as number | undefined) ?? 0;
    return hops >= TRACE_HOPS_MAX ? null : new MessageTrace(parent.traceId, parent.spanId, parent.traceFlags, hops + 1, this.#needs.clock.nowMs(), false);
  }

  /** Before the thread ends: has the SDK send what it has gathered. Resolves when it has, or has failed, or takes too long. */
  async flush(): Promise<void> {
    const { clock, logger, thread } = this.#needs;
    let cancel = (): void => undefined;
    const late = new Promise<void>((_resolve, reject) => {
      cancel = clock.after(FLUSH_TIMEOUT_MS, () =>
        reject(new Error(`not within ${FLUSH_TIMEOUT_MS} ms; look whether what the exporter sends to can be reached`)),
      );
    });
    try {
      await Promise.race([this.#api.trace.getTracerProvider().getDelegate?.().forceFlush?.(), late]);
    } catch (error) {
      logger.warn({ error, thread }, 'the OpenTelemetry SDK of this thread did not send its last spans');
    } finally {
      cancel();
    }
  }

  /** Whether an SDK is set up on this thread: what makes spans, and what carries the context along. Without one everything is asked of the package and thrown away. */
  hasSdk(): boolean {
    const { context, trace, ROOT_CONTEXT } = this.#api;
    const carries = context.with(ROOT_CONTEXT.setValue(this.#hopsKey, 1), () => context.active().getValue(this.#hopsKey) === 1);
    const provider = trace.getTracerProvider();
    return carries && (provider.getDelegateTracer === undefined || provider.getDelegateTracer('nexus-agents') !== undefined);
  }

  #marked(sender: MessageSender, trace: MessageTrace | undefined): MessageSender {
    // One that was marked before, on its way to an agent that has moved, stays what it was.
    return trace === undefined || (sender !== undefined && 'deadlineMs' in sender) ? sender : new TracedTell(sender as AgentReference | undefined, trace);
  }

  #begun(): MessageTrace | undefined {
    const nowMs = this.#needs.clock.nowMs();
    return this.#sampling.mayBegin(nowMs) ? new MessageTrace('', '', FLAG_SAMPLED, 0, nowMs, false) : undefined;
  }

  #scopeOf({ begins, traceId, spanId, flags, isRemote }: MessageTrace): TraceScope {
    const { ROOT_CONTEXT, trace } = this.#api;
    return begins ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags: flags, isRemote });
  }

  #inSpan<T>(name: string, kind: number, attributes: SpanAttributes, parent: TraceScope, hops: number, call: (span: Span | undefined) => T): T {
    const span = this.#started(name, kind, attributes, parent);
    if (span === undefined) return call(undefined);
    const scope = this.#api.trace.setSpan(parent, span).setValue(this.#hopsKey, hops);
    let result: T;
    try {
      result = this.#inside(scope, () => call(span));
      if (typeof result !== 'object' || result === null || typeof (result as unknown as PromiseLike<unknown>).then !== 'function') {
        this.#end(span, undefined, false);
        return result;
      }
    } catch (error) {
      this.#end(span, error, true);
      throw error;
    }
    const promise = Promise.resolve(result);
    promise.then(
      () => this.#end(span, undefined, false),
      (error: unknown) => this.#end(span, error, true),
    );
    return promise as T;
  }

  #inside<T>(scope: TraceScope, call: () => T): T {
    const was = this.#isInside;
    this.#isInside = true;
    this.#isPlain = false;
    try {
      return this.#api.context.with(scope, call);
    } finally {
      this.#isInside = was;
      this.#isPlain = this.#isDraining && !was;
    }
  }

  /** What the user's SDK does wrong must not become a failure of the agent. */
  #started(name: string, kind: number, attributes: SpanAttributes, parent: TraceScope): Span | undefined {
    try {
      return this.#tracer.startSpan(name, { kind, attributes }, parent);
    } catch (error) {
      this.#say(error);
      return undefined;
    }
  }

  #end(span: Span, thrown: unknown, isFailure: boolean): void {
    try {
      span.setAttribute('nexus.outcome', isFailure ? (Refusal.is(thrown) ? 'refused' : 'failed') : 'handled');
      if (isFailure) {
        const error = errorForCaller(thrown);
        const exception = error instanceof Error ? error : String(error);
        span.recordException(exception);
        span.setStatus({ code: STATUS_ERROR, message: error instanceof Error ? error.message : String(error) });
      }
      span.end();
    } catch (error) {
      this.#say(error);
    }
  }

  /** Once: it may happen with every message. */
  #say(error: unknown): void {
    if (this.#hasSaid) return;
    this.#hasSaid = true;
    this.#needs.logger.error({ error, thread: this.#needs.thread }, 'the OpenTelemetry SDK of this thread failed; this is said once');
  }
}
