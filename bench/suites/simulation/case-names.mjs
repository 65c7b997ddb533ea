/** Names of the cases, by which rows are matched; `bars.mjs` has them too. */
export const IDLE_MEMBERSHIPS = '5 memberships, nothing happens';
export const IDLE_NEXUSES = '5 whole nexuses, nothing happens';
export const FAULTY_RUNS = '5 memberships, ten minutes of drawn faults';
