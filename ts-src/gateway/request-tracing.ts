/**
 * Spans for requests: one that comes with a `traceparent` is a part of that trace, another one begins a trace with the chance that a message has. What the request asks of agents is
 * below its span. Nothing in a nexus that does not trace. Names and attributes are those of OpenTelemetry for HTTP servers.
 */
import { type Nexus, tracingOf } from '../nexus.js';
import { errorAnswer } from './error-answer.js';
import type { ExchangeNeeds } from './exchange.js';

export function requestTracing(nexus: Nexus): ExchangeNeeds['traced'] {
  const tracing = tracingOf(nexus);
  if (tracing === undefined) return async (_request, serve) => serve();
  return async ({ method, path, route, headers }, serve) => {
    const attributes = { 'http.request.method': method, 'http.route': route, 'url.path': path, 'url.scheme': 'http' };
    const outcome = await tracing.inServerSpan(`${method} ${route}`, attributes, headers, async (span) => {
      try {
        const answer = await serve();
        span?.setAttribute('http.response.status_code', answer.status);
        return { answer };
      } catch (error) {
        const status = errorAnswer(error)?.status ?? 500;
        span?.setAttribute('http.response.status_code', status);
        // A mistake of the client is no error of the server.
        if (status < 500) return { error };
        throw error;
      }
    });
    if (outcome.answer === undefined) throw outcome.error;
    return outcome.answer;
  };
}
