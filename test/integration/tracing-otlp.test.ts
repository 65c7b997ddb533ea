/** A trace as an operator sees it: from an HTTP request over agents on several threads and a timer to a receiver of OTLP, which gets it from the SDK of each thread. */
import { startGateway } from 'nexus-agents/gateway';
import { expect, onTestFinished, test } from 'vitest';
import { otlpReceiver, type ReceivedSpan } from '../otlp-receiver.js';
import { fixture, recorder, startNexus } from '../start-nexus.js';

const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';
const CALLER = 'b7ad6b7169203331';

test('a trace that crosses the gateway, three agents on two threads and a timer arrives complete at the OTLP receiver', async () => {
  const receiver = await otlpReceiver();
  process.env['NEXUS_TEST_OTLP_URL'] = receiver.url;
  const logger = recorder();
  const nexus = await startNexus({ agents: [fixture('traced-on-threads.mjs')], threads: 2, tracing: {}, logger });
  const { Front, Middle, Back } = (await import('../fixtures/traced-on-threads.mjs')) as Record<'Front' | 'Middle' | 'Back', never>;
  await nexus.spawn(Front, { id: 'front', thread: 1 } as never);
  await nexus.spawn(Middle, { id: 'middle', thread: 2 } as never);
  await nexus.spawn(Back, { id: 'back', thread: 1 } as never);
  const gateway = await startGateway(nexus, { port: 0, logger });
  onTestFinished(async () => {
    await gateway.stop({ deadlineMs: 1000 });
  });
  const call = (headers: Record<string, string>): Promise<Response> => fetch(`${gateway.url}/agents/front/buy`, { method: 'POST', headers });
  // One without a trace, and one of a trace that is not sampled: nothing of them arrives.
  expect((await call({})).status).toBe(200);
  expect((await call({ traceparent: `00-${'1'.repeat(32)}-${CALLER}-00` })).status).toBe(200);
  const response = await call({ traceparent: `00-${TRACE_ID}-${CALLER}-01` });
  expect(await response.json()).toEqual({ reply: 'reserved' });
  const spans = await receiver.spansOf(TRACE_ID, 5);
  const named = (name: string): ReceivedSpan => spans.find((span) => span.name === name) as ReceivedSpan;
  const tree = (name: string): unknown[] => [named(name)?.parentSpanId, Number(named(name)?.attributes['nexus.thread']), named(name)?.kind];
  expect(spans.map(({ name }) => name).sort()).toEqual(['POST /agents/:id/:action', 'back note', 'front buy', 'middle confirm', 'middle reserve']);
  const server = named('POST /agents/:id/:action');
  // OTLP counts kinds from 1: 2 is a server, 5 a consumer, 1 internal.
  expect([server.parentSpanId, server.kind, Number(server.attributes['http.response.status_code'])]).toEqual([CALLER, 2, 200]);
  expect(tree('front buy')).toEqual([server.spanId, 1, 5]);
  expect(tree('middle reserve')).toEqual([named('front buy').spanId, 2, 5]);
  expect(tree('middle confirm')).toEqual([named('middle reserve').spanId, 2, 1]);
  expect(tree('back note')).toEqual([named('middle confirm').spanId, 1, 5]);
  // All others that were asked meanwhile left nothing: the next span is of this trace too.
  expect((await call({ traceparent: `00-${TRACE_ID}-${CALLER}-01` })).status).toBe(200);
  expect((await receiver.spansOf(TRACE_ID, 10)).length).toBe(10);
  expect(await receiver.spansOf('1'.repeat(32), 0)).toEqual([]);
  // A mistake of the client is no error of the server.
  const mistaken = await fetch(`${gateway.url}/agents/nobody/buy`, { method: 'POST', headers: { traceparent: `00-${'2'.repeat(32)}-${CALLER}-01` } });
  expect(mistaken.status).toBe(404);
  const [refused] = (await receiver.spansOf('2'.repeat(32), 1)) as [ReceivedSpan];
  expect([refused.name, Number(refused.attributes['http.response.status_code']), refused.status.code ?? 0]).toEqual(['POST /agents/:id/:action', 404, 0]);
  expect(logger.lines.filter(({ message }) => /tracing|OpenTelemetry/.test(message))).toEqual([]);
});
