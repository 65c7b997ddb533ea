/** One message of a hundred begins a trace, however many that are. */
import { NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import { tellWatched } from './telling.mjs';

export function run(size, report) {
  new NodeTracerProvider().register();
  return tellWatched(size, report, { tracing: { ratio: 0.01, tracesPerSecondMax: 1_000_000 } });
}
