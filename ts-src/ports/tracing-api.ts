/**
 * What the runtime uses of `@opentelemetry/api`, in its words: the runtime itself loads without that package. The one implementation is the package, loaded by
 * `adapters/open-telemetry.ts` on each thread of a nexus that traces; what is behind it (sampler, processors, exporters) is the SDK that the user has set up on that thread.
 */

/** An immutable set of values that goes with an execution; OpenTelemetry calls it Context. */
export interface TraceScope {
  getValue(key: symbol): unknown;
  setValue(key: symbol, value: unknown): TraceScope;
}

export interface SpanContext {
  /** 32 hexadecimal digits. */
  readonly traceId: string;
  /** 16 hexadecimal digits. */
  readonly spanId: string;
  /** Bit 0: sampled. */
  readonly traceFlags: number;
  readonly isRemote?: boolean;
}

export type SpanAttributes = Readonly<Record<string, string | number | boolean>>;

export interface Span {
  spanContext(): SpanContext;
  setAttribute(name: string, value: string | number | boolean): unknown;
  setStatus(status: { readonly code: number; readonly message?: string }): unknown;
  recordException(exception: Error | string): void;
  end(): void;
}

/** As numbered by OpenTelemetry. */
export const SpanKind = { internal: 0, server: 1, consumer: 4 } as const;
export const STATUS_ERROR = 2;
export const FLAG_SAMPLED = 1;

export interface TracingApi {
  readonly ROOT_CONTEXT: TraceScope;
  readonly context: {
    active(): TraceScope;
    with<T>(scope: TraceScope, call: () => T): T;
  };
  readonly trace: {
    getTracer(name: string): {
      startSpan(name: string, options: { readonly kind: number; readonly attributes: SpanAttributes; readonly root?: boolean }, scope: TraceScope): Span;
    };
    /** Of the package: what it was given by an SDK, behind what it gives out before. */
    getTracerProvider(): { getDelegateTracer?(name: string): unknown; getDelegate?(): { forceFlush?(): Promise<void> } };
    getSpanContext(scope: TraceScope): SpanContext | undefined;
    setSpan(scope: TraceScope, span: Span): TraceScope;
    setSpanContext(scope: TraceScope, spanContext: SpanContext): TraceScope;
    isSpanContextValid(spanContext: SpanContext): boolean;
  };
  /** What `context.active` asks, for who asks often. Another one after an SDK was set up anew. */
  contextManager(): { active(): TraceScope };
  readonly propagation: { extract(scope: TraceScope, carrier: unknown): TraceScope };
  createContextKey(description: string): symbol;
}
