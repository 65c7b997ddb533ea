/** Names of the cases, by which rows are matched; `bars.mjs` has them too. */
export const METADATA = 'metadata of a member to all of 100, 1 % loss';
export const UNREACHABLE = 'unreachable, from the first of 100 that finds it to all, 1 % loss';
export const knownCase = (nodes, how) => `a ${how} node known to all others of ${nodes}, 1 % loss`;
export const idleCase = (nodes) => `${nodes} nodes, nothing happens`;
export const busyCase = (nodes) => `${nodes} nodes, one changes its metadata every second`;
export const slowCase = (blockedMs) => `10 of 100 nodes slow: ${blockedMs / 1000} s of ${blockedMs / 1000 + 1}`;
export const formedCase = (nodes) => `${nodes} memberships: all have the view of all`;
export const settledCase = (nodes) => `${nodes} memberships: all know of all what they say of themselves`;
export const formingMessagesCase = (nodes) => `${nodes} memberships: messages a node sends until all have the view of all`;
export const leasedCase = (nodes) => `${nodes} nodes, nothing happens, whole memberships with their leases`;

/** The point of the curve that a case is, in a list; undefined for other cases. */
export function curveOf(name) {
  const match = /^(\d+) nodes, (.+)$/.exec(name);
  return match === null ? undefined : [{ nodes: Number(match[1]), title: match[2] }];
}
