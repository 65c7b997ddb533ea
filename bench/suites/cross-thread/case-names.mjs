/** The cases of `cross-thread` that are not tells, in one place because rows are matched by them. The names of tells are in `messages.mjs`. */
export const ASK_HOT_P50 = 'ask hot, p50';
export const ASK_DECLARED_HOT_P50 = 'ask hot, declared, p50';
export const ASK_HOT_MEAN = 'ask hot, mean';
export const ASK_PARKED_P50 = 'ask parked, p50';
/** Where threads can be put on cores. */
export const ASK_PARKED_APART_P50 = 'ask parked, threads on two cores, p50';
export const ASK_PIPELINED = 'ask, 64 outstanding';
export const OPEN_LOOP_P50 = 'ask at 20 % of own capacity, p50';
export const OPEN_LOOP_P99 = 'ask at 20 % of own capacity, p99';
export const OPEN_LOOP_P999 = 'ask at 20 % of own capacity, p99.9';

export const OUTSTANDING = 64;
export const OPEN_LOOP_SHARE = 0.2;
