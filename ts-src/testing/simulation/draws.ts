/**
 * Chance without a sequence: what is drawn for the n-th message of a link depends on the seed, the link, the purpose and n, and on nothing that was drawn before. So a fault
 * that is taken away leaves all other draws as they were, which is what makes a failing run easy to cut down.
 */

/** What a draw is for. */
export const Purpose = {
  latency: 1,
  loss: 2,
  duplication: 3,
  reordering: 4,
  reorderingDelay: 5,
  corruption: 6,
  corruptionKind: 7,
  retransmission: 8,
  secondLatency: 9,
  added: 10,
  slowness: 11,
  ending: 12,
  boot: 13,
} as const;

/** The key of whatever has draws of its own, such as a link: of a seed and a name. */
export function drawKey(seed: number, name: string): number {
  let key = seed ^ 0x9e3779b9;
  for (let index = 0; index < name.length; index++) key = Math.imul(key ^ name.charCodeAt(index), 0x01000193);
  return mixed(key);
}

/** 0 ≤ x < 1, with 32 bits. */
export function drawAt(key: number, purpose: number, number: number): number {
  return (mixed(mixed(key + Math.imul(purpose, 0x9e3779b1)) ^ Math.imul(number + 1, 0x85ebca77)) >>> 0) / 4294967296;
}

/** "lowbias32", found by Chris Wellons: every bit of the input moves about half of those of the output. https://nullprogram.com/blog/2018/07/31/ */
function mixed(value: number): number {
  let bits = value | 0;
  bits = Math.imul(bits ^ (bits >>> 16), 0x7feb352d);
  bits = Math.imul(bits ^ (bits >>> 15), 0x846ca68b);
  return bits ^ (bits >>> 16);
}
