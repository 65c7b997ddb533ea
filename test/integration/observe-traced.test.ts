/** Operations in a nexus that traces, with the SDK of OpenTelemetry on the calling thread. In a file of its own: the SDK is set up for the whole process. */
import { InMemorySpanExporter, NodeTracerProvider, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-node';
import { expect, test } from 'vitest';
import { recorder, startNexus } from '../start-nexus.js';

const exporter = new InMemorySpanExporter();
new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }).register();

test('an operation that is traced has a span with its attributes, and its lines have the id of the trace', async () => {
  const logger = recorder();
  const nexus = await startNexus({ agents: [], threads: 0, logger, tracing: { ratio: 1, tracesPerSecondMax: 1_000_000 } });
  const ids = await nexus.observe('outer', async (outer) => [outer.correlationId, nexus.observe('inner', (inner) => inner.correlationId)], {
    attributes: { order: 'o-17' },
  });
  await nexus.observe('fails', () => Promise.reject(new Error('no'))).catch(() => undefined);
  const spans = exporter.getFinishedSpans();
  const [inner, outer, fails] = ['inner', 'outer', 'fails'].map((name) => spans.find((span) => span.name === name));
  expect(outer?.attributes).toMatchObject({ order: 'o-17' });
  expect(inner?.parentSpanContext?.spanId).toBe(outer?.spanContext().spanId);
  expect(ids).toEqual([outer?.spanContext().traceId, outer?.spanContext().traceId]);
  expect(fails?.status.code).toBe(2);
  const lines = logger.lines
    .filter(({ data }) => data['operation'] !== undefined)
    .map(({ data }) => [data['operation'], data['correlationId'], data['span_id']]);
  expect(lines).toEqual([inner, outer, fails].map((span) => [span?.name, span?.spanContext().traceId, span?.spanContext().spanId]));
});
