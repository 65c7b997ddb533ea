/** `@opentelemetry/api` for the runtime: loaded when a nexus traces, on each of its threads, and not before. */
import { NexusError } from '../errors.js';
import type { TracingApi } from '../ports/tracing-api.js';

/** @throws NexusError NEXUS_TRACING_UNAVAILABLE */
export async function openTelemetry(): Promise<TracingApi> {
  try {
    // What the runtime uses of it is a part of what it has; its types say more than the port wants to know.
    return (await import('@opentelemetry/api')) as unknown as TracingApi;
  } catch (cause) {
    throw new NexusError(
      'NEXUS_TRACING_UNAVAILABLE',
      `the option tracing needs the package @opentelemetry/api, which does not load (${cause instanceof Error ? cause.message : String(cause)}); add it to the dependencies of your service: npm install @opentelemetry/api`,
      { cause },
    );
  }
}
