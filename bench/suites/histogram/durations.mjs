/** What is recorded, the same for all: durations in whole nanoseconds, in no order, made before anything is measured. */
export const SHORT = 'record, 0.2 µs to 1 ms';
export const LONG = 'record, 3 s to 1 h';

const COUNT = 4096;

/** As many of one size as of another. */
function spread(least, greatest) {
  let state = 12345;
  return Float64Array.from({ length: COUNT }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.round(least * (greatest / least) ** (state / 2 ** 32));
  });
}

export const CASES = [
  { title: SHORT, durations: spread(200, 1e6) },
  { title: LONG, durations: spread(3e9, 3.6e12) },
];
