/** Names of the cases, by which rows are matched; `bars.mjs` has them too. */
export const REMOVED = 'kill -9 of one of five: removed from the view';
export const HALF = 'kill -9 of one of five: half of its agents have answered elsewhere';
export const ALL = 'kill -9 of one of five: all of its agents have answered elsewhere';
