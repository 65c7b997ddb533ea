/** A histogram of the nexus by its name, from shared memory: no thread is stopped or asked. For `nexus.histogram`. */
import type { SharedMemory } from '../../bindings/shared-memory.js';
import { NexusTypeError, optionError, valueText } from '../errors.js';
import { HISTOGRAM_KEYS, type HistogramName, HistogramSnapshot } from '../model/histogram.js';
import { didYouMean, misspelt } from '../model/nearest-name.js';
import { HistogramShard } from './histogram-shard.js';

/** @param thread undefined: all together. @throws NexusTypeError NEXUS_OPTION_INVALID, NEXUS_THREAD_UNKNOWN */
export function readHistogram(shared: SharedMemory, name: HistogramName, thread: number | undefined): HistogramSnapshot {
  const index = HISTOGRAM_KEYS.indexOf(name);
  if (index < 0)
    throw optionError(
      'name',
      `${valueText(name)} is not a histogram${didYouMean(name, HISTOGRAM_KEYS)} Histograms are ${HISTOGRAM_KEYS.join(', ')}`,
      misspelt(name, HISTOGRAM_KEYS),
    );
  if (thread !== undefined && !(Number.isInteger(thread) && thread >= 0 && thread < shared.threadCount))
    throw new NexusTypeError('NEXUS_THREAD_UNKNOWN', `there is no thread ${valueText(thread)}; threads are 0 to ${shared.threadCount - 1}`, { thread });
  if (thread !== undefined) return new HistogramShard(shared, thread, index).read();
  return HistogramSnapshot.merge(Array.from({ length: shared.threadCount }, (_, each) => new HistogramShard(shared, each, index).read()));
}
