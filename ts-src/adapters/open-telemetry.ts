/** `@opentelemetry/api` for the runtime: loaded when a nexus traces, on each of its threads, and not before. */
import { NexusError } from '../errors.js';
import type { TraceScope, TracingApi } from '../ports/tracing-api.js';

/** @throws NexusError NEXUS_TRACING_UNAVAILABLE */
export async function openTelemetry(): Promise<TracingApi> {
  try {
    // What the runtime uses of it is a part of what it has; its types say more than the port wants to know.
    const api = (await import('@opentelemetry/api')) as unknown as Omit<TracingApi, 'contextManager'>;
    const { context, trace, propagation, ROOT_CONTEXT, createContextKey } = api;
    // The package finds its manager anew for each question, which takes half the time of the answer. Not a part of its public types: without it the package is asked.
    const { _getContextManager } = context as { _getContextManager?: () => { active(): TraceScope } };
    return { context, trace, propagation, ROOT_CONTEXT, createContextKey, contextManager: () => _getContextManager?.call(context) ?? context };
  } catch (cause) {
    throw new NexusError(
      'NEXUS_TRACING_UNAVAILABLE',
      `the option tracing needs the package @opentelemetry/api, which does not load (${cause instanceof Error ? cause.message : String(cause)}); add it to the dependencies of your service: npm install @opentelemetry/api`,
      { cause },
    );
  }
}
