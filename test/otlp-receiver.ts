/** A receiver of OTLP/HTTP, as a collector is one: keeps the spans that are posted to `/v1/traces` as JSON, and can wait for some. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import { until } from './until.js';

export interface ReceivedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string | undefined;
  readonly name: string;
  readonly kind: number;
  readonly status: { readonly code?: number };
  readonly attributes: Readonly<Record<string, unknown>>;
}

interface Attribute {
  readonly key: string;
  readonly value: Readonly<Record<string, unknown>>;
}

interface Exported {
  readonly resourceSpans: readonly {
    readonly scopeSpans: readonly { readonly spans: readonly (ReceivedSpan & { readonly attributes: readonly Attribute[] })[] }[];
  }[];
}

export async function otlpReceiver(): Promise<{ readonly url: string; spansOf(traceId: string, count: number): Promise<readonly ReceivedSpan[]> }> {
  const spans: ReceivedSpan[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      if (request.method !== 'POST' || request.url !== '/v1/traces' || request.headers['content-type'] !== 'application/json') {
        response.writeHead(400).end();
        return;
      }
      const { resourceSpans } = JSON.parse(Buffer.concat(chunks).toString()) as Exported;
      for (const { scopeSpans } of resourceSpans)
        for (const scope of scopeSpans)
          for (const span of scope.spans)
            spans.push({
              ...span,
              parentSpanId: span.parentSpanId === '' ? undefined : span.parentSpanId,
              attributes: Object.fromEntries(span.attributes.map(({ key, value }) => [key, Object.values(value)[0]])),
            });
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/traces`,
    async spansOf(traceId, count) {
      const of = (): ReceivedSpan[] => spans.filter((span) => span.traceId === traceId);
      await until(() => of().length >= count);
      return of();
    },
  };
}
