/** Medians and percentiles. */

/** @param {ArrayLike<number>} values */
export function sorted(values) {
  return Float64Array.from(values).sort();
}

/** The nearest rank of values in ascending order. `share` from 0 to 1. */
export function percentile(ascending, share) {
  return ascending[Math.min(ascending.length - 1, Math.max(0, Math.ceil(share * ascending.length) - 1))];
}

/** Median (of an even number the mean of the middle two), least, greatest and number of values. */
export function summary(values) {
  const ascending = sorted(values);
  const n = ascending.length;
  const middle = n >> 1;
  const median = n % 2 === 1 ? ascending[middle] : (ascending[middle - 1] + ascending[middle]) / 2;
  return { median, min: ascending[0], max: ascending[n - 1], n };
}
