/** The cases of `resilience`, in one place because bars are matched by them. */
export const ASK = 'ask';
export const ASK_BREAKER = 'ask, closed breaker';
export const ASK_RATE = 'ask, closed breaker by rate';
export const ASK_BULKHEAD = 'ask, bulkhead';
export const ASK_RETRY = 'ask, retry';
export const ASK_TIMEOUT = 'ask, timeout';
export const FUNCTION = 'async function';
export const FUNCTION_BREAKER = 'async function, closed breaker';
