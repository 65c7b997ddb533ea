/** Names of the cases, by which rows are matched; `bars.mjs` has them too. */
export const LEAVE = 'a node leaves: known to all others';
export const STALLED = 'its event loop is blocked: known to all others';
export const KILLED = 'kill -9: known to all others';
export const REMOVED = 'kill -9: removed, its lease has run out';
export const JOINED = 'a node joins: known to all others';
