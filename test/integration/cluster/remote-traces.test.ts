/** Traces go with messages to other nodes, as they do to other threads: in a process of its own, because OpenTelemetry has one provider in each. */
import { trace } from '@opentelemetry/api';
import { InMemorySpanExporter, NodeTracerProvider, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-node';
import type { TestNode } from 'nexus-agents/testing';
import { expect, test } from 'vitest';
import { carried, clusterOf, Probe } from './remote-world.js';

const exporter = new InMemorySpanExporter();
new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }).register();

test('a message to an agent of another node is handled in a span below that of whoever sent it, from and on every thread', async () => {
  for (const [from, to] of [
    [0, 0],
    [1, 1],
  ]) {
    const cluster = await clusterOf({ tracing: {}, threads: 1 });
    const [a, b] = cluster.nodes as readonly [TestNode, TestNode];
    const there = await cluster.settle(b.nexus.spawn(Probe, { id: 'there', thread: to as number }));
    const here = await cluster.settle(a.nexus.spawn(Probe, { id: 'here', thread: from as number }));
    await cluster.settle(here.ask('meet', carried(there, b, a)));
    exporter.reset();
    const { answer, traceId } = trace.getTracer('test').startActiveSpan('outside', (span) => {
      const asked = here.ask('ask', { action: 'see', what: 1 });
      here.tell('tell', 2);
      span.end();
      return { answer: asked, traceId: span.spanContext().traceId };
    });
    expect(await cluster.settle(answer)).toBe(1);
    await cluster.advance(100);
    const spans = exporter.getFinishedSpans().filter((span) => span.spanContext().traceId === traceId);
    const below = (name: string, parent: string): boolean =>
      spans.some((span) => span.name === name && spans.some((other) => other.name === parent && other.spanContext().spanId === span.parentSpanContext?.spanId));
    expect(spans.filter(({ name }) => name.endsWith('see'))).toHaveLength(2);
    const names = spans.map(({ name }) => name);
    const [asking, seeing] = [names.find((name) => name.endsWith('ask')), names.find((name) => name.endsWith('see'))] as [string, string];
    expect(below(seeing, asking)).toBe(true);
    cluster.close();
  }
});
