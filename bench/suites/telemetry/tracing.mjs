/** One message of a hundred begins a trace, at most 100 a second (the default); spans are made by the SDK of OpenTelemetry and thrown away. */
import { NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import { tellWatched } from './telling.mjs';

export function run(size, report) {
  new NodeTracerProvider().register();
  return tellWatched(size, report, { tracing: { ratio: 0.01 } });
}
