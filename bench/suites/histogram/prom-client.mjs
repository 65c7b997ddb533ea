/** A histogram of prom-client with the bounds that nexus exports, in seconds. */
import { Histogram, Registry } from 'prom-client';
import { CASES } from './durations.mjs';
import { recordNs } from './passes.mjs';

const buckets = Array.from({ length: 29 }, (_, index) => 2 ** (index + 8) / 1e9);

export async function run(size, report) {
  const histogram = new Histogram({ name: 'durations_seconds', help: 'Durations.', buckets, registers: [new Registry()] });
  const counted = async () => (await histogram.get()).values.find(({ metricName }) => metricName === 'durations_seconds_count')?.value ?? 0;
  for (const { title, durations } of CASES)
    report.value(title, 'ns', await recordNs(size, durations, (nanoseconds) => histogram.observe(nanoseconds / 1e9), counted));
}
