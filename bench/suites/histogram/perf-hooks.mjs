/** The histogram of Node.js: HdrHistogram in C, with three significant digits. */
import { createHistogram } from 'node:perf_hooks';
import { CASES } from './durations.mjs';
import { recordNs } from './passes.mjs';

export async function run(size, report) {
  const histogram = createHistogram({ lowest: 1, highest: 3_600_000_000_000, figures: 3 });
  for (const { title, durations } of CASES) {
    const ns = await recordNs(
      size,
      durations,
      (nanoseconds) => histogram.record(nanoseconds),
      () => histogram.count,
    );
    report.value(title, 'ns', ns);
  }
}
